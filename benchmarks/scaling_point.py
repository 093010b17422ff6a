"""Time and peak memory of one prediction, in a process of its own.

    python -m benchmarks.scaling_point KIND ATOMS ABSORBERS THREADS

Prints one line of JSON. KIND is crystal or disordered, ABSORBERS all or one.
"""

import json
import resource
import sys
import time
from pathlib import Path

import torch
from ase import Atoms

from src import XANES_E3GNN
from src.prediction.inference import raw_sites
from src.structures.graph import atoms_to_graph

from .crystals import RELATIVE_GRID
from .structures import copper_oxide, disordered, supercell

SHORT = 1.0
"""Predictions that take less are repeated and the fastest counts, seconds."""


def peak_memory() -> int:
    """Most memory that this process has held, bytes.

    Linux's ``ru_maxrss`` keeps the size of the process that started this one, so it is only the
    second choice.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        (line,) = (x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def measure_point(atoms: Atoms, absorbers: list[int]) -> dict[str, float]:
    """Neighbor list and prediction of one structure; memory above that of a loaded model."""
    model, energy = XANES_E3GNN(), RELATIVE_GRID.double().numpy()
    first = atoms_to_graph(copper_oxide(), [0], model.r_max)
    raw_sites(model, [first], energy)
    baseline, started = peak_memory(), time.perf_counter()
    graph = atoms_to_graph(atoms, absorbers, model.r_max)
    listed = time.perf_counter() - started
    times: list[float] = []
    while not times or (sum(times) < SHORT and len(times) < 5):
        started = time.perf_counter()
        raw_sites(model, [graph], energy)
        times.append(time.perf_counter() - started)
    return {
        "atoms": len(atoms),
        "absorbers": len(absorbers),
        "edges": graph.num_edges,
        "neighbor_seconds": listed,
        "seconds": min(times),
        "bytes": peak_memory() - baseline,
    }


def main() -> None:
    """Measure what the command line asks for."""
    kind, n_atoms, which, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    torch.manual_seed(0)
    atoms = {"crystal": supercell, "disordered": disordered}[kind](int(n_atoms))
    copper = [int(i) for i in (atoms.numbers == 29).nonzero()[0]]
    print(json.dumps(measure_point(atoms, copper if which == "all" else copper[:1])))


if __name__ == "__main__":
    main()
