"""Time from a move of a slider of `e3gnn-xanes app` to the figures that the browser gets.

    python benchmarks/app_latency.py --moves 200

Median and 95th percentile, wall clock and CPU time of the process, of predicting a strained cell of
CuO and making the figure of the spectrum as JSON; drawing it in the browser comes on top.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from src.app.figures import spectrum_figure
from src.app.state import State, predict_both
from src.structures.distortion import Distortion

CUO = Path(__file__).parents[1] / "docs" / "examples" / "copper" / "CuO.vasp"
CELLS = {8: (1, 1, 1), 48: (2, 1, 3), 192: (4, 2, 3)}
"""Repetitions of CuO by number of atoms."""


def moves_of(state: State, count: int) -> np.ndarray:
    """Seconds of each move, wall clock and CPU, shape (count, 2)."""
    times = []
    for strain in np.linspace(-5, 5, count):
        begin = time.perf_counter(), time.process_time()
        state.geometry = Distortion(isotropic=float(strain))
        request = state.request()
        assert request is not None
        state.accept(*predict_both(request, state.undistorted))
        json.dumps(spectrum_figure(state), default=np.ndarray.tolist)
        times.append((time.perf_counter() - begin[0], time.process_time() - begin[1]))
    return np.array(times)


def main() -> None:
    """Print a line per number of atoms."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moves", type=int, default=200)
    count = parser.parse_args().moves
    print(f"{count} moves; ms: wall median, 95 %; CPU median, 95 %")
    for n_atoms, repeat in CELLS.items():
        state = State(models=["cu-k-feff"])
        state.add(CUO)
        assert state.structure is not None
        state.structure.frames = [state.structure.atoms * repeat]
        moves_of(state, 2)  # the first prediction loads the model
        median, most = 1e3 * np.percentile(moves_of(state, count), (50, 95), axis=0)
        print(f"{n_atoms:4d} atoms: {median[0]:.0f}, {most[0]:.0f}; {median[1]:.0f}, {most[1]:.0f}")


if __name__ == "__main__":
    main()
