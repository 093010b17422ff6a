"""How much faster do two processes train than one, on the same whole batches?

    python benchmarks/distributed.py [DATABASE]

The ways to train alternate, each in fresh processes started by torchrun; the rate is the median
over rounds. The share of all-reduce, waiting for the other process included, is from a profile.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.crystals import RELATIVE_GRID, load_graphs
from benchmarks.timing import (
    ROOT,
    Options,
    Result,
    bar_picture,
    markdown,
    read_options,
    run_benchmark,
    spread,
    summary,
)
from src import XANES_E3GNN, TrainingConfig
from src.dataset.batch import collate_graphs
from src.dataset.loader import share_out
from src.runtime.distributed import Team, processes
from src.train import Run, prepare, set_gradient
from src.training.state import TrainingState

WAYS = {"1 process, 1 thread": (1, 1), "1 process, 2 threads": (1, 2), "2 processes": (2, 1)}
"""Processes and threads of each."""
MAX_EDGES = 6000
"""Graph edges of a whole batch."""


def make_training(graphs: list[Any], team: Team, folder: Path) -> tuple[Run, TrainingState]:
    """The default network on some graphs."""
    torch.manual_seed(0)
    config = TrainingConfig(
        energy_grid=RELATIVE_GRID, max_edges=MAX_EDGES, save_path=folder / "x.pt", device="cpu"
    )
    return prepare(XANES_E3GNN(), (graphs, graphs[:1]), config, team)


def take_steps(run: Run, state: TrainingState, steps: list[tuple[Any, int]]) -> float:
    """Take one training step a batch; return the seconds."""
    run.team.wait()
    started = time.perf_counter()
    for part, n_spectra in steps:
        set_gradient(run, state.model, part, n_spectra)
        state.optimizer.step()
    run.team.wait()
    return time.perf_counter() - started


def reduce_seconds(
    run: Run, state: TrainingState, steps: list[tuple[Any, int]]
) -> tuple[float, float]:
    """Seconds in all-reduce, waiting for the other process included, and seconds in all."""
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        whole = take_steps(run, state, steps)
    events = profiler.key_averages()
    return sum(e.cpu_time_total for e in events if e.key == "gloo:all_reduce") / 1e6, whole


def work(graphs_file: Path, threads: int, repeats: int) -> None:
    """What each process of one way does; the first one prints the outcome as JSON."""
    torch.set_num_threads(threads)
    graphs = torch.load(graphs_file, weights_only=False)  # written by this benchmark just before
    with processes("cpu") as team, TemporaryDirectory() as folder:
        run, state = make_training(graphs, team, Path(folder))
        num_edges, num_layers = run.train.sampler.num_edges, state.model.num_layers
        steps = []
        for numbers in run.train.sampler:
            part = share_out(numbers, num_edges, team.size)[team.rank]
            batch = collate_graphs([graphs[k] for k in part], num_layers) if part else None
            steps.append((batch, sum(run.train.statistics.n_spectra[k] for k in numbers)))
        take_steps(run, state, steps[:3])
        rates = [sum(num_edges) / take_steps(run, state, steps) for _ in range(repeats)]
        reduced, whole = reduce_seconds(run, state, steps)
        if team.leads:
            found = {"rate": statistics.median(rates), "share": reduced / whole}
            print(json.dumps({**found, "edges": sum(num_edges), "batches": len(steps)}))


def measure_way(size: int, threads: int, graphs_file: Path, repeats: int) -> dict[str, Any]:
    """Train in one way in fresh processes."""
    launcher = ["-m", "torch.distributed.run", f"--nproc_per_node={size}"]
    launcher += ["--rdzv-backend=c10d", "--rdzv-endpoint=localhost:0", __file__]
    words = ["--work", str(graphs_file), "--threads", str(threads), "--repeats", str(repeats)]
    command = [sys.executable, *launcher, *words]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise RuntimeError(f"{size} processes failed:\n{done.stderr}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def measure(options: Options) -> Result:
    """Measure all ways in turn."""
    rounds: dict[str, list[dict[str, Any]]] = {name: [] for name in WAYS}
    with TemporaryDirectory() as folder:
        graphs_file = Path(folder) / "graphs.pt"
        torch.save(load_graphs(options.database, 2 if options.quick else 60), graphs_file)
        for _ in range(1 if options.quick else 3):
            for name, (size, threads) in WAYS.items():
                rounds[name].append(measure_way(size, threads, graphs_file, 3))
    first = rounds["1 process, 1 thread"]
    ways = {
        name: {
            "rate": summary([one["rate"] for one in found]),
            "ratio": summary([a["rate"] / b["rate"] for a, b in zip(found, first, strict=True)]),
            "all-reduce": statistics.median(one["share"] for one in found),
        }
        for name, found in rounds.items()
    }
    return {key: first[0][key] for key in ("edges", "batches")} | {"ways": ways}


def table(result: Result) -> str:
    """Rates and ratios, Markdown."""
    rows = [
        [name, spread(one["rate"]), spread(one["ratio"], ".2f"), f"{one['all-reduce']:.1%}"]
        for name, one in result["ways"].items()
    ]
    size = f"{result['edges']:,} edges in {result['batches']} batches of at most {MAX_EDGES:,}."
    header = ["way", "training, edges a second", "against the first", "in all-reduce"]
    return f"{size}\n\n{markdown(header, rows)}"


def picture(result: Result, path: Path) -> None:
    """Rates as bars."""
    bars = {name: one["rate"]["median"] for name, one in result["ways"].items()}
    bar_picture(path, {"training": bars}, "graph edges a second")


def main() -> None:
    """Measure, or be one of the processes that are measured."""
    if "--work" not in sys.argv:
        print(run_benchmark("distributed", read_options(__doc__), measure, table, picture))
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--repeats", type=int)
    options = parser.parse_args()
    work(options.work, options.threads, options.repeats)


if __name__ == "__main__":
    main()
