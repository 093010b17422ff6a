"""How do the time and the memory of a prediction grow with the number of atoms?

    python benchmarks/scaling.py [--threads 1 2]

Supercells of CuO and disordered boxes, 5 Angstrom, with all copper atoms absorbing and with one;
every point in a process of its own. The exponents are slopes of the logarithms over the structures
of ``LINEAR_FROM`` atoms and more.
"""

import json
import os
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.timing import (
    ROOT,
    Options,
    Result,
    markdown,
    read_options,
    run_benchmark,
    save_picture,
)

ATOMS = (10, 100, 500, 2000, 10_000, 20_000)
LINEAR_FROM = 500
"""Below so many atoms what a call costs whatever its size shows."""
KINDS = ("crystal", "disordered")
WHICH = ("all", "one")


def run_point(kind: str, n_atoms: int, which: str, threads: int) -> Result:
    """Measure one structure in a process of its own; ``failed`` says why if it ended early."""
    asked = {"kind": kind, "which": which, "threads": threads, "atoms": n_atoms}
    command = [sys.executable, "-m", "benchmarks.scaling_point", kind, str(n_atoms), which]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(
        [*command, str(threads)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return {**asked, "failed": f"exit {done.returncode}: {last}"}
    return {**asked, **json.loads(done.stdout.splitlines()[-1])}


def exponent(points: list[Result], quantity: str) -> float:
    """Slope of the logarithm of a quantity against that of the number of atoms."""
    kept = [p for p in points if "failed" not in p and p["atoms"] >= LINEAR_FROM]
    if len(kept) < 2:
        return float("nan")
    atoms = np.log([p["atoms"] for p in kept])
    return float(np.polyfit(atoms, np.log([max(p[quantity], 1e-9) for p in kept]), 1)[0])


def measure(options: Options) -> Result:
    """Measure every size, kind, choice of absorbers and number of threads."""
    sizes = (100,) if options.quick else ATOMS
    points = [
        run_point(kind, n_atoms, which, threads)
        for n_atoms, kind, which, threads in product(sizes, KINDS, WHICH, options.threads)
    ]
    fits = []
    for kind, which, threads in product(KINDS, WHICH, options.threads):
        asked = {"kind": kind, "which": which, "threads": threads}
        own = [p for p in points if asked.items() <= p.items()]
        slopes = {name: exponent(own, name) for name in ("neighbor_seconds", "seconds", "bytes")}
        fits.append({**asked, **slopes})
    return {"points": points, "exponents": fits}


def point_row(point: Result) -> list[str]:
    """One row of the table of points."""
    asked = [point["kind"], point["which"], str(point["threads"]), f"{point['atoms']:,}"]
    if "failed" in point:
        return [*asked, "", "", "", point["failed"]]
    return [
        *asked,
        f"{point['edges']:,}",
        f"{point['neighbor_seconds']:.4f}",
        f"{point['seconds']:.3f}",
        f"{point['bytes'] / 2**20:,.0f}",
    ]


def table(result: Result) -> str:
    """Points and exponents, Markdown."""
    header = ["structure", "absorbing", "threads"]
    columns = [*header, "atoms", "edges", "neighbors, s", "prediction, s", "memory, MiB"]
    ordered = sorted(result["points"], key=lambda p: (p["kind"], p["which"], p["threads"]))
    fits = [
        [fit["kind"], fit["which"], str(fit["threads"])]
        + [f"{fit[name]:.2f}" for name in ("neighbor_seconds", "seconds", "bytes")]
        for fit in result["exponents"]
    ]
    return "\n\n".join(
        [
            "Memory is the peak above that of a process that has loaded the model.",
            markdown(columns, map(point_row, ordered)),
            f"Exponents over {LINEAR_FROM} atoms and more (1: linear, 0: constant):",
            markdown([*header, "of neighbors", "of prediction", "of memory"], fits),
        ]
    )


def picture(result: Result, path: Path) -> None:
    """Seconds and memory against atoms."""
    from src.plot import new_figure

    figure, axes = new_figure(9.0, 3.6, columns=2)
    labels = {"seconds": "seconds", "bytes": "MiB above a loaded model"}
    lines: dict[Any, list[Result]] = {}
    for point in result["points"]:
        if "failed" not in point:
            key = point["kind"], point["which"], point["threads"]
            lines.setdefault(key, []).append(point)
    for ax, (name, label) in zip(axes.flat, labels.items(), strict=True):
        for (kind, which, threads), points in lines.items():
            values = [p[name] / (2**20 if name == "bytes" else 1) for p in points]
            style = {"marker": "o" if kind == "crystal" else "s", "markersize": 3.0}
            text = f"{kind}, {which} absorbing, {threads} thread(s)"
            ax.loglog([p["atoms"] for p in points], values, label=text, linewidth=1.0, **style)
        ax.set_xlabel("atoms")
        ax.set_ylabel(label)
    axes.flat[0].legend(fontsize=6)
    save_picture(figure, path)


if __name__ == "__main__":
    print(run_benchmark("scaling", read_options(__doc__), measure, table, picture))
