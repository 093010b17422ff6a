"""How far is a training step from what the machine could do, and which part is furthest?

    python benchmarks/roofline.py [DATABASE] [--threads 1 2]

The roofline time of a piece of work is the longer of its operations over the rate of a large matrix
product and its compulsory traffic over the rate of a large copy, both measured in the same run;
operations and traffic are counted from the formulas in ``counts.py``. What a part took is read from
a profile of real steps. Arrays that fit into the cache move faster than the copy, so a share above
one is possible. The network is the default one without scattering paths, which are not counted;
``throughput.py`` measures what they cost.
"""

import sys
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode
from torch_geometric.data import Data

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.counts import Work, fused_bytes, layer_sizes, peak_rates, step_work
from benchmarks.crystals import RELATIVE_GRID, load_graphs, make_batches
from benchmarks.labels import BACKWARD, Times, part, profile_parts
from benchmarks.timing import (
    Options,
    Result,
    alternate,
    bar_picture,
    markdown,
    read_options,
    run_benchmark,
    spread,
    summary,
)
from src import XANES_E3GNN, SpectrumLoss


def network() -> XANES_E3GNN:
    """The network whose work ``counts.py`` knows: the default one without scattering paths."""
    return XANES_E3GNN(num_amplitudes=0)


class Step:
    """One training step on one batch, labeled for the profiler."""

    def __init__(self, batch: Data) -> None:
        """Make the default network but for its scattering paths, which are not counted."""
        torch.manual_seed(0)
        self.model, self.batch, self.criterion = network(), batch, SpectrumLoss()
        self.optimizer = torch.optim.AdamW(self.model.parameters())

    def __call__(self) -> None:
        """Take the step."""
        with part("spectrum"):
            mu = self.model.predict_spectra(self.batch, RELATIVE_GRID)
        with part("loss"):
            loss = self.criterion(mu, self.batch.y, RELATIVE_GRID, mask=self.batch.y_mask).total
        self.optimizer.zero_grad()
        with part(BACKWARD):
            loss.backward()
        with part("optimizer"):
            self.optimizer.step()


def roofline_seconds(piece: Work, peak: float, bandwidth: float) -> float:
    """Shortest time of a piece, there and back."""
    forward = max(piece.forward_operations / peak, piece.forward_bytes / bandwidth)
    return forward + max(piece.backward_operations / peak, piece.backward_bytes / bandwidth)


def measured_part(name: str, measured: set[str]) -> str:
    """The part itself, or where it was not measured what it is in: ``layers.norm``, ``layers``."""
    while name not in measured and "." in name:
        name = name.rpartition(".")[0]
    return name if name in measured else "network"


def compare_parts(times: Times, pieces: list[Work], peak: float, bandwidth: float) -> list[Result]:
    """Measured and roofline seconds of every part, the longest first."""
    rows = []
    measured = {name for name, _, _ in times}
    for name in sorted(measured):
        spent = {
            way: sum(t for (where, w, _), t in times.items() if (where, w) == (name, way))
            for way in ("forward", "backward")
        }
        own = [piece for piece in pieces if measured_part(piece.part, measured) == name]
        roof = sum(roofline_seconds(piece, peak, bandwidth) for piece in own)
        rows.append({"part": name, **spent, "roofline": roof})
    return sorted(rows, key=lambda row: -row["forward"] - row["backward"])


def longest_operations(times: Times, most: int = 12) -> list[Result]:
    """The operations that took longest, by part and direction."""
    return [
        {"part": where, "way": way, "operation": name, "seconds": seconds}
        for (where, way, name), seconds in times.most_common(most)
    ]


def sum_pieces(pieces: list[Work], peak: float, bandwidth: float) -> list[Result]:
    """Counts of every kind of piece, all layers together."""
    rows = []
    for name in dict.fromkeys(piece.name for piece in pieces):
        own = [piece for piece in pieces if piece.name == name]
        operations = sum(p.forward_operations + p.backward_operations for p in own)
        moved = sum(p.forward_bytes + p.backward_bytes for p in own)
        roof = sum(roofline_seconds(p, peak, bandwidth) for p in own)
        bound = "operations" if operations / peak > moved / bandwidth else "traffic"
        row = {"operations": operations, "bytes": moved, "roofline": roof, "bound": bound}
        rows.append({"piece": name, "part": own[0].part, **row})
    return rows


def measure_threads(batch: Data, repeats: int) -> Result:
    """All figures for torch's present number of threads."""
    step = Step(batch)
    peak, bandwidth = peak_rates()
    whole = alternate({"step": step}, repeats, warmup=3)["step"]
    pieces = step_work(step.model, batch, len(RELATIVE_GRID))
    times = profile_parts(step.model, step, repeats=min(repeats, 3))
    with FlopCounterMode(display=False) as counter:
        step()
    operations = sum(p.forward_operations + p.backward_operations for p in pieces)
    return {
        "threads": torch.get_num_threads(),
        "peak": peak,
        "bandwidth": bandwidth,
        "step": summary(whole),
        "roofline": sum(roofline_seconds(piece, peak, bandwidth) for piece in pieces),
        "roofline fused": max(operations / peak, fused_bytes(step.model, batch) / bandwidth),
        "operations": operations,
        "operations by torch": counter.get_total_flops(),
        "parts": compare_parts(times, pieces, peak, bandwidth),
        "pieces": sum_pieces(pieces, peak, bandwidth),
        "longest": longest_operations(times),
    }


def measure(options: Options) -> Result:
    """Measure on one batch for every number of threads."""
    most, edges = (2, 1000) if options.quick else (20, 6000)
    batch = make_batches(load_graphs(options.database, most), edges)[0]
    runs = []
    for threads in options.threads:
        torch.set_num_threads(threads)
        runs.append(measure_threads(batch, 1 if options.quick else 2 * options.repeats))
    sizes = [vars(size) for size in layer_sizes(network(), batch)]
    graph = {"atoms": batch.num_nodes, "edges": batch.num_edges}
    absorbers = int(batch.absorber_mask.sum())
    return {**graph, "absorbers": absorbers, "layers": sizes, "runs": runs}


def parts_table(run: Result) -> str:
    """Measured against roofline by part, ms."""
    total = sum(row["forward"] + row["backward"] for row in run["parts"])
    rows = []
    for row in run["parts"]:
        spent, roof = row["forward"] + row["backward"], row["roofline"]
        ways = [f"{1e3 * row[way]:.2f}" for way in ("forward", "backward")]
        share = f"{roof / spent:.0%}" if roof else "-"
        rows.append([row["part"], *ways, f"{spent / total:.1%}", f"{1e3 * roof:.2f}", share])
    header = ["part", "forward, ms", "backward, ms", "share of step", "roofline, ms"]
    return markdown([*header, "share of roofline"], rows)


def step_lines(run: Result) -> str:
    """The whole step in words."""
    took = run["step"]["median"]
    milliseconds = {name: 1e3 * value for name, value in run["step"].items()}
    return (
        f"{run['threads']} thread(s): matrix product {run['peak'] / 1e9:.0f} Gflop/s, copy"
        f" {run['bandwidth'] / 1e9:.1f} GB/s. A step takes {spread(milliseconds, '.1f')} ms. Its"
        f" roofline is {1e3 * run['roofline']:.1f} ms"
        f" ({run['roofline'] / took:.0%} of the time) piece by piece and"
        f" {1e3 * run['roofline fused']:.1f} ms ({run['roofline fused'] / took:.0%}) with every"
        f" layer fused. Formulas count {run['operations'] / 1e9:.2f} Gflop; torch counts"
        f" {run['operations by torch'] / 1e9:.2f} in its matrix products, padding included."
    )


def table(result: Result) -> str:
    """All tables, Markdown."""
    sizes = f"{result['atoms']:,} atoms, {result['edges']:,} edges, {result['absorbers']} absorbers"
    blocks = [f"One training step of the default network on {sizes}."]
    for run in result["runs"]:
        blocks += [step_lines(run), parts_table(run)]
    first = result["runs"][0]
    pieces = [
        [p["piece"], f"{p['operations'] / 1e9:.3f}", f"{p['bytes'] / 1e6:.2f}"]
        + [f"{1e3 * p['roofline']:.3f}", p["bound"]]
        for p in first["pieces"]
    ]
    longest = [
        [row["operation"], row["part"], row["way"], f"{1e3 * row['seconds']:.2f}"]
        for row in first["longest"]
    ]
    header = ["piece, all layers, both ways", "Gflop", "MB", "roofline, ms", "bound by"]
    return "\n\n".join(
        [
            *blocks,
            f"What was counted, and rooflines with {first['threads']} thread(s):",
            markdown(header, pieces),
            f"Longest operations with {first['threads']} thread(s):",
            markdown(["operation", "part", "direction", "ms"], longest),
        ]
    )


def picture(result: Result, path: Path) -> None:
    """Milliseconds of the longest parts, measured and roofline."""
    panels: dict[str, dict[str, float]] = {}
    for run in result["runs"]:
        bars: dict[str, float] = {}
        for row in run["parts"][:8]:
            bars[row["part"]] = 1e3 * (row["forward"] + row["backward"])
            bars[f"{row['part']}, roofline"] = 1e3 * row["roofline"]
        panels[f"training step, {run['threads']} thread(s)"] = bars
    bar_picture(path, panels, "ms")


if __name__ == "__main__":
    print(run_benchmark("roofline", read_options(__doc__), measure, table, picture))
