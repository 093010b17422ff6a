"""How many graph edges a second does the network train on and predict, against its peers?

    python benchmarks/throughput.py [DATABASE] [--threads 1 2]

Our figures before were measured on a database of the whole Cu K-edge set, where 7 % of the atoms
absorb; on the slice in tests/data a quarter does.

An edge counts once for each pass over its graph, whether or not a network looks at it. The fully
connected reference is slow and needs 77 kB of weights an edge, so it gets a smaller batch of the
same crystals; its rate on half of that batch is given to show that the size does not matter.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch_geometric.data import Data

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.crystals import RELATIVE_GRID, count_edges, load_graphs, make_batches, small_batch
from benchmarks.references import ChannelwiseReference, FullyConnectedReference, Reference
from benchmarks.timing import (
    Options,
    Result,
    alternate,
    bar_picture,
    markdown,
    pair_ratios,
    rates,
    read_options,
    run_benchmark,
    spread,
)
from src import XANES_E3GNN, SpectrumLoss

MAX_EDGES = 6000
"""Graph edges a batch."""
SMALL_EDGES = 1200
"""Graph edges in the fully connected reference's batch."""
OURS, CHANNELWISE, CONNECTED = "XANES_E3GNN", "channel-wise TP", "fully connected TP"
PREVIOUS = {
    "date": "2026-11-23",
    "what": "default network, 60 materials of the Cu K-edge set, the same CPU, nothing beside it",
    "1": {"training": 41_654.0, "inference": 134_089.0},
    "2": {"training": 54_954.0, "inference": 239_187.0},
}
"""Our best before: graph edges a second, by threads."""
SWEEP: dict[str, dict[str, float]] = {
    "default": {},
    "r_max = 4": {"r_max": 4.0},
    "r_max = 6": {"r_max": 6.0},
    "lmax = 1": {"lmax": 1},
    "lmax = 3": {"lmax": 3},
    "no scattering paths": {"num_amplitudes": 0},
    "channels = 32": {"channels": 32},
    "channels = 128": {"channels": 128},
}
"""One change at a time of the default network (r_max 5 Angstrom, lmax 2, 64 channels)."""
Model = XANES_E3GNN | Reference
Network = tuple[Model, list[Data]]


def train_once(model: Model, optimizer: torch.optim.Optimizer, batches: list[Data]) -> None:
    """Take one training step a batch."""
    criterion = SpectrumLoss()
    model.train()
    for batch in batches:
        prediction = model.predict_spectra(batch, RELATIVE_GRID)
        loss = criterion(prediction, batch.y, RELATIVE_GRID, mask=batch.y_mask).total
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def predict_once(model: Model, batches: list[Data]) -> None:
    """Predict every batch."""
    model.eval()
    with torch.inference_mode():
        for batch in batches:
            model.predict_spectra(batch, RELATIVE_GRID)


def works_of(networks: dict[str, Network]) -> dict[tuple[str, str], Callable[[], None]]:
    """Training and inference of every network, by (name, mode)."""

    def both(name: str, model: Model, batches: list[Data]) -> dict:
        optimizer = torch.optim.AdamW(model.parameters())
        return {
            (name, "training"): lambda: train_once(model, optimizer, batches),
            (name, "inference"): lambda: predict_once(model, batches),
        }

    return {key: w for name, parts in networks.items() for key, w in both(name, *parts).items()}


def measure_networks(networks: dict[str, Network], repeats: int) -> list[Result]:
    """Rates of some networks, measured in turn.

    Returns:
        One row a network and mode: edges, rate (edges a second) and, against the first network,
        ``behind``: how many times slower, round by round.
    """
    works = works_of(networks)
    named = {f"{name}/{mode}": work for (name, mode), work in works.items()}
    seconds = alternate(named, repeats, warmup=2)
    first = next(iter(networks))
    rows = []
    for name, mode in works:
        edges = count_edges(networks[name][1])
        each = [s / edges for s in seconds[f"{name}/{mode}"]]
        first_each = [s / count_edges(networks[first][1]) for s in seconds[f"{first}/{mode}"]]
        rows.append(
            {
                "network": name,
                "mode": mode,
                "parameters": sum(p.numel() for p in networks[name][0].parameters()),
                "edges": edges,
                "rate": rates(1.0, each),
                "behind": pair_ratios(each, first_each),
            }
        )
    return rows


def peers(graphs: list[Data], small: int) -> dict[str, Network]:
    """Our network and the references, with their batches."""
    torch.manual_seed(0)
    batches = make_batches(graphs, MAX_EDGES)
    connected = FullyConnectedReference()
    return {
        OURS: (XANES_E3GNN(), batches),
        CHANNELWISE: (ChannelwiseReference(), batches),
        CONNECTED: (connected, [small_batch(graphs, small)]),
        f"{CONNECTED}, half the batch": (connected, [small_batch(graphs, small // 2)]),
    }


def variants(options: Options, most: int) -> dict[str, Network]:
    """The networks of ``SWEEP``, each with the graphs of its cutoff."""
    batches = {
        r_max: make_batches(load_graphs(options.database, most, r_max), MAX_EDGES)
        for r_max in (4.0, 5.0, 6.0)
    }
    return {
        name: (XANES_E3GNN(**change), batches[change.get("r_max", 5.0)])
        for name, change in SWEEP.items()
    }


def measure(options: Options) -> Result:
    """Compare with the peers for every number of threads; sweep the sizes on the first."""
    most, small = (2, 200) if options.quick else (20, SMALL_EDGES)
    graphs = load_graphs(options.database, most)
    comparison = []
    for threads in options.threads:
        torch.set_num_threads(threads)
        for row in measure_networks(peers(graphs, small), options.repeats):
            comparison.append({"threads": threads, **row})
    torch.set_num_threads(options.threads[0])
    sweep = measure_networks(variants(options, most), options.repeats)
    return {
        "graphs": len(graphs),
        "atoms": sum(graph.num_nodes for graph in graphs),
        "absorbers": sum(int(graph.absorber_mask.sum()) for graph in graphs),
        "comparison": comparison,
        "sweep": [{"threads": options.threads[0], **row} for row in sweep],
        "previous": PREVIOUS,
    }


def table_of(rows: list[Result], last: str) -> str:
    """One table; ``last`` is what the ratios are called."""
    header = ["network", "parameters", "threads", "edges"]
    header += ["training, edges a second", last, "inference, edges a second", last]
    lines: dict[tuple, list[str]] = {}
    for row in rows:
        key = (row["network"], f"{row['parameters']:,}", str(row["threads"]), f"{row['edges']:,}")
        ratio = spread(row["behind"], ",.2f")
        lines.setdefault(key, list(key)).extend([spread(row["rate"]), ratio])
    return markdown(header, lines.values())


def table(result: Result) -> str:
    """All tables, Markdown."""
    before = result["previous"]
    earlier = [
        [threads, f"{before[threads]['training']:,.0f}", f"{before[threads]['inference']:,.0f}"]
        for threads in ("1", "2")
    ]
    return "\n\n".join(
        [
            f"{result['graphs']} crystals, {result['atoms']:,} atoms, {result['absorbers']}"
            " absorbers; the fewer absorb, the more of a cell our network need not look at."
            " Training is forward, loss, backward and AdamW step. The fully connected product runs"
            " on fewer edges of the same crystals; half of that batch shows whether it matters."
            " Ratios are taken round by round; the lowest and the highest are in brackets.",
            table_of(result["comparison"], "ours is faster by"),
            f"Ours before, {before['date']} ({before['what']}), edges a second:",
            markdown(["threads", "training", "inference"], earlier),
            "One size of our network changed at a time, around r_max 5 Angstrom, lmax 2 and"
            " 64 channels:",
            table_of(result["sweep"], "the default is faster by"),
        ]
    )


def picture(result: Result, path: Path) -> None:
    """Rates of all networks, one panel a mode and number of threads."""
    panels: dict[str, dict[str, float]] = {}
    for row in result["comparison"]:
        title = f"{row['mode']}, {row['threads']} thread(s)"
        panels.setdefault(title, {})[row["network"]] = row["rate"]["median"]
    bar_picture(path, panels, "graph edges a second")


if __name__ == "__main__":
    print(run_benchmark("throughput", read_options(__doc__), measure, table, picture))
