"""Graph edges a second in training: two processes of one thread against one process.

    python benchmarks/distributed.py [DATABASE] [--rounds 3] [--output FOLDER]

Every way to train takes the same whole batches. The ways alternate, each in fresh processes started
by torchrun; the median over rounds is shown, and the part of a step that is spent in all-reduce.
Without a database the slice in tests/data is taken. Writes distributed.json and distributed.png.
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

from src import XANES_E3GNN, TrainingConfig
from src.data.batch import collate_graphs
from src.data.database import Database, write_records
from src.data.dataset import XANESDataset
from src.data.loader import share_out
from src.data.readers.feff import read_feff
from src.data.spectrum import KNOWN_WINDOWS, energy_grid
from src.parallel import Team, processes
from src.train import Trainer

ROOT = Path(__file__).parents[1]
SLICE = ROOT / "tests" / "data" / "cu_k" / "calculations"
GRID = energy_grid(*KNOWN_WINDOWS[("Cu", "K")])
WAYS = {"1 process, 1 thread": (1, 1), "1 process, 2 threads": (1, 2), "2 processes": (2, 1)}
"""Processes and threads of each."""


def make_trainer(database: Path, max_edges: int, most: int, team: Team, folder: Path) -> Trainer:
    """The default network on evenly chosen structures of a database."""
    records = Database(database)
    data = XANESDataset(records, records.ids, r_max=5.0, grid=GRID, extend_below=6.0)
    graphs = [data[k] for k in range(0, len(data), max(1, len(data) // most))]
    torch.manual_seed(0)
    grid = torch.as_tensor(GRID - GRID[0] - 10.0)
    config = TrainingConfig(energy_grid=grid, max_edges=max_edges, save_path=folder / "x.pt")
    return Trainer(XANES_E3GNN(), graphs, graphs[:1], config, team)


def take_steps(trainer: Trainer, steps: list[tuple[Any, int]]) -> float:
    """Take one training step a batch; return the seconds."""
    trainer.team.wait()
    started = time.perf_counter()
    for part, n_spectra in steps:
        trainer.set_gradient(part, n_spectra)
        trainer.optimizer.step()
    trainer.team.wait()
    return time.perf_counter() - started


def reduce_seconds(trainer: Trainer, steps: list[tuple[Any, int]]) -> tuple[float, float]:
    """Seconds in all-reduce, waiting for the other process included, and seconds in all."""
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        whole = take_steps(trainer, steps)
    events = profiler.key_averages()
    return sum(e.cpu_time_total for e in events if e.key == "gloo:all_reduce") / 1e6, whole


def work(options: argparse.Namespace) -> None:
    """What each process of one way does; the first one prints the outcome as JSON."""
    torch.set_num_threads(options.threads)
    with processes("cpu") as team, TemporaryDirectory() as folder:
        trainer = make_trainer(
            options.database, options.max_edges, options.structures, team, Path(folder)
        )
        data, num_edges = trainer.train_loader.dataset, trainer.sampler.num_edges
        steps = []
        for numbers in trainer.sampler:
            part = share_out(numbers, num_edges, team.size)[team.rank]
            batch = collate_graphs([data[k] for k in part]) if part else None
            steps.append((batch, sum(trainer.n_spectra[k] for k in numbers)))
        take_steps(trainer, steps[:3])
        rates = [sum(num_edges) / take_steps(trainer, steps) for _ in range(options.repeats)]
        reduced, whole = reduce_seconds(trainer, steps)
        if team.leads:
            share = reduced / whole
            found = {"rate": statistics.median(rates), "share": share, "batches": len(steps)}
            print(json.dumps({**found, "edges": sum(num_edges)}))


def measure_way(size: int, threads: int, options: argparse.Namespace) -> dict[str, Any]:
    """Train in one way in fresh processes."""
    launcher = ["-m", "torch.distributed.run", f"--nproc_per_node={size}"]
    launcher += ["--rdzv-backend=c10d", "--rdzv-endpoint=localhost:0"]
    words = [str(Path(__file__)), str(options.database), "--work", "--threads", str(threads)]
    for name in ("repeats", "max_edges", "structures"):
        words += [f"--{name.replace('_', '-')}", str(getattr(options, name))]
    done = subprocess.run(
        [sys.executable, *launcher, *words], check=False, capture_output=True, text=True, cwd=ROOT
    )
    if done.returncode:
        raise RuntimeError(f"{size} processes failed:\n{done.stderr}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Measure all ways in turn.

    Args:
        options: see ``main``.

    Returns:
        For each way its edges a second (median, lowest, highest), the ratio to the first way and
        the share of all-reduce; and the size of the task.
    """
    rounds: dict[str, list[dict[str, Any]]] = {name: [] for name in WAYS}
    for _ in range(options.rounds):
        for name, (size, threads) in WAYS.items():
            rounds[name].append(measure_way(size, threads, options))
    result: dict[str, Any] = {"max_edges": options.max_edges, "ways": {}}
    result |= {key: rounds["2 processes"][0][key] for key in ("edges", "batches")}
    first = statistics.median(one["rate"] for one in rounds[next(iter(WAYS))])
    for name, found in rounds.items():
        rates = [one["rate"] for one in found]
        middle = statistics.median(rates)
        result["ways"][name] = {
            "rate": middle, "low": min(rates), "high": max(rates), "ratio": middle / first,
            "share": statistics.median(one["share"] for one in found),
        }  # fmt: skip
    return result


def table(result: dict[str, Any]) -> str:
    """Outcome as a table in markdown."""
    lines = ["| way | edges/s | lowest .. highest | ratio | all-reduce |", "|---|---|---|---|---|"]
    for name, one in result["ways"].items():
        spread = f"{one['low']:.0f} .. {one['high']:.0f}"
        lines.append(
            f"| {name} | {one['rate']:.0f} | {spread} | {one['ratio']:.2f} | {one['share']:.1%} |"
        )
    return "\n".join(lines)


def picture(result: dict[str, Any], path: Path) -> None:
    """Draw the rates as bars."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 3), layout="constrained")
    axes = figure.subplots()
    ways = result["ways"]
    rates = [one["rate"] for one in ways.values()]
    spread = [
        [one["rate"] - one["low"] for one in ways.values()],
        [one["high"] - one["rate"] for one in ways.values()],
    ]
    axes.bar(list(ways), rates, yerr=spread, color="tab:gray", width=0.6, capsize=3)
    axes.set_ylabel("graph edges / s, training")
    axes.set_title(f"batches of at most {result['max_edges']} edges", fontsize="medium")
    figure.savefig(path, dpi=150)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("database", nargs="?", type=Path, help="database of Cu K spectra")
    parser.add_argument("--rounds", type=int, default=3, help="times each way is started")
    parser.add_argument("--repeats", type=int, default=3, help="passes in each start")
    parser.add_argument("--structures", type=int, default=60, help="most structures taken")
    parser.add_argument("--max-edges", type=int, default=6000, help="graph edges a whole batch")
    parser.add_argument("--output", type=Path, default=Path("."), help="folder of the results")
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=1, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options)
        return
    with TemporaryDirectory() as folder:
        if options.database is None:
            options.database = Path(folder) / "slice.db"
            write_records(options.database, read_feff(SLICE))
        options.database = options.database.resolve()
        result = measure(options)
    print(table(result))
    (options.output / "distributed.json").write_text(json.dumps(result, indent=2) + "\n")
    picture(result, options.output / "distributed.png")


if __name__ == "__main__":
    main()
