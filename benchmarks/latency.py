"""How long does a prediction take, from a shell and from Python?

    python benchmarks/latency.py [--model MODEL]

Cold: a process from its start to its end. Warm: calls in one process, after the first. Without a
model file an untrained default network is written and used; it takes as long as a trained one.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import wrap

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.crystals import GRID
from benchmarks.structures import displaced, slice_structures, supercell
from benchmarks.timing import (
    ROOT,
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
from src import XANES_E3GNN
from src.checkpoints.trained_model import ModelInfo, save_model
from src.predictor import XANESPredictor

LIBRARY = "from src import XANES_E3GNN, SpectrumLoss, run_training"


def write_untrained(path: Path) -> None:
    """Model file of the default network with random weights."""
    torch.manual_seed(0)
    info = ModelInfo(
        element="Cu",
        edge="K",
        target="absolute",
        unit="1e-3 a0^2",
        reference_energy=float(GRID[0] + 10.0),
        energy_grid=GRID.tolist(),
        elements=list(range(1, 101)),
    )
    save_model(path, XANES_E3GNN(), info)


def process(arguments: list[str], threads: int) -> Callable[[], object]:
    """A Python process to time, from start to end."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": str(threads)}
    command = [sys.executable, *arguments]
    return lambda: subprocess.run(
        command, cwd=ROOT, env=environment, check=True, capture_output=True
    )


def cold_works(model: Path, folder: Path, threads: int) -> dict[str, Callable[[], object]]:
    """Processes: empty, imports, help, a prediction."""
    structure = folder / "CuO.cif"
    displaced(supercell(32), seed=0).write(structure)
    predict = ["-m", "src", "predict", str(model), str(structure), "-o", str(folder / "CuO.dat")]
    commands = {
        "python -c pass": ["-c", "pass"],
        "import src": ["-c", "import src"],
        LIBRARY: ["-c", LIBRARY],
        "e3gnn-xanes --help": ["-m", "src", "--help"],
        "e3gnn-xanes predict MODEL CuO.cif -o CuO.dat": predict,
    }
    return {name: process(arguments, threads) for name, arguments in commands.items()}


def warm_works(path: Path, n_structures: int) -> dict[str, Callable[[], object]]:
    """Predictions in this process: one structure, and many."""
    predictor = XANESPredictor(path)
    one = displaced(supercell(32), seed=0)
    crystals = slice_structures()
    many = [displaced(crystals[k % len(crystals)], seed=k) for k in range(n_structures)]
    mean = sum(map(len, many)) / len(many)
    return {
        f"predict_structure, {len(one)} atoms, {one.numbers.tolist().count(29)} sites": lambda: (
            predictor(one)
        ),
        f"predict_structures, {len(many):,} structures, {mean:.1f} atoms on average": lambda: list(
            predictor.each((str(k), atoms) for k, atoms in enumerate(many))
        ),
    }


def measure(options: Options) -> Result:
    """Time all of it for every number of threads."""
    rows = []
    with TemporaryDirectory() as name:
        folder = Path(name)
        model = options.model or folder / "model.pt"
        if options.model is None:
            write_untrained(model)
        for threads in options.threads:
            torch.set_num_threads(threads)
            one, many = warm_works(model, 20 if options.quick else 1000).items()
            measured = {
                "cold": alternate(
                    cold_works(model, folder, threads), options.repeats, warmup=not options.quick
                ),
                "warm": {
                    **alternate(dict([one]), 4 * options.repeats),
                    **alternate(dict([many]), max(1, options.repeats // 2), warmup=0),
                },
            }
            for kind, seconds in measured.items():
                for what, times in seconds.items():
                    row = {"what": what, "kind": kind, "threads": threads}
                    rows.append({**row, "seconds": summary(times)})
    return {"rows": rows}


def table(result: Result) -> str:
    """All times, Markdown."""
    rows = [
        [row["what"], row["kind"], str(row["threads"]), spread(row["seconds"], ".3f")]
        for row in result["rows"]
    ]
    return markdown(["what", "", "threads", "seconds"], rows)


def picture(result: Result, path: Path) -> None:
    """Seconds of everything, one panel a kind and number of threads."""
    panels: dict[str, dict[str, float]] = {}
    for row in result["rows"]:
        title = f"{row['kind']}, {row['threads']} thread(s)"
        what = "\n".join(wrap(row["what"], 34))
        panels.setdefault(title, {})[what] = row["seconds"]["median"]
    bar_picture(path, panels, "seconds")


if __name__ == "__main__":
    print(run_benchmark("latency", read_options(__doc__), measure, table, picture))
