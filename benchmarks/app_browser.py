"""Time from a move of a slider of `e3gnn-xanes app` to the curve in headless Chromium.

    python benchmarks/app_browser.py --moves 200
    python benchmarks/app_browser.py --moves 1000 --atoms 8

Prints the cold start, the median and 95th percentile per number of atoms, from the key that moves
the slider to Plotly's event that the new curve is drawn, and the growth of the server's memory.
Crystals are not drawn: without a GPU that takes seconds. Needs playwright, Chromium and Linux.
"""

import argparse
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from ase.io import write
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.app_latency import CELLS, CUO
from benchmarks.browser import FLAT, launch, served
from src.structures.files import named_structures

TURN = 40
"""Moves in one direction; the slider has 50 steps on each side."""
LISTEN = """() => {
    const plot = document.querySelector('.spectrum');
    const shown = () => JSON.stringify(plot.data.map(trace => Array.from(trace.y)));
    let begin = null, last = shown();
    window.times = [];
    document.addEventListener('keydown', () => { begin = performance.now(); }, true);
    plot.on('plotly_afterplot', () => {
        if (begin === null || shown() === last) return;
        last = shown(); window.times.push(performance.now() - begin); begin = null;
    });
}"""
"""Collects the time of each move in ``window.times``, ms."""


def show(page: Any, address: str) -> None:
    """Open an address and wait for its first curve."""
    page.goto(address)
    page.wait_for_selector(".spectrum .scatterlayer .trace")


def moves_of(page: Any, pid: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Move the slider for isotropic strain.

    Returns:
        Milliseconds of each move, shape (count,); and moves with the megabytes of the server then,
        every ``TURN`` of them and after the last one, shape (n, 2).
    """
    page.evaluate(LISTEN)
    page.focus(".q-slider[aria-label*=Isotropic] [tabindex]")
    used = []
    for k in range(count):
        if k % TURN == 0:
            used.append((k, megabytes(pid)))
        page.keyboard.press("ArrowLeft" if k // TURN % 2 else "ArrowRight")
        page.wait_for_function("n => window.times.length > n", arg=k)
        page.wait_for_timeout(30)
    return np.array(page.evaluate("window.times")), np.array([*used, (count, megabytes(pid))])


def megabytes(pid: int) -> float:
    """Resident memory of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def measured(page: Any, pid: int, count: int) -> str:
    """Latency of moves, the server's memory, and its growth, scaled to an hour at their pace.

    Of fewer than five times ``TURN`` moves the growth is not said.
    """
    begin = time.perf_counter()
    times, used = moves_of(page, pid, count)
    hourly = 3600 * count / (time.perf_counter() - begin)
    median, most = np.percentile(times, (50, 95))
    text = f"median {median:.0f} ms, 95 % {most:.0f} ms"
    text += f"; memory {used[0, 1]:.0f} to {used[-1, 1]:.0f} MB"
    if count < 5 * TURN:
        return text
    moves, memory = used[1:].T  # the first moves fill caches
    slope = np.polyfit(moves, memory, 1)[0]
    return f"{text}, {1024 * slope:.1f} kB a move, {slope * hourly:.0f} MB an hour"


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moves", type=int, default=200)
    parser.add_argument("--atoms", type=int, nargs="+", choices=CELLS, default=list(CELLS))
    options = parser.parse_args()
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        page = launch(playwright, FLAT).new_page()
        page.set_default_timeout(300_000)
        with served("--model", "cu-k-feff") as (server, address, seconds):
            begin = time.perf_counter()
            show(page, f"{address}?structure={CUO}")
            first = time.perf_counter() - begin
            print(f"cold start: {seconds:.1f} s to the address, {first:.1f} s more to a curve")
            for n_atoms in options.atoms:
                path = Path(folder) / f"{n_atoms}.vasp"
                write(path, named_structures(CUO)[0][1] * CELLS[n_atoms])
                show(page, f"{address}?structure={path}")
                text = measured(page, server.pid, options.moves)
                print(f"{n_atoms:4d} atoms: {text}", flush=True)


if __name__ == "__main__":
    main()
