"""One FEFF run in a folder: started, ended if it hangs, its output checked."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import RecordError, XanesError
from ..readers.feff_input import read_feff_input
from ..readers.feff_xmu import Xmu, read_xmu
from ..xas.edges import find_edge

ENGINE = Path(__file__).with_name("feff10_engine.py")
ENVIRONMENT = {"MALLOC_MMAP_THRESHOLD_": "1000000000", "MALLOC_TRIM_THRESHOLD_": "4000000000"}
"""FEFF maps and unmaps large arrays for every energy: 1.5 times slower without these."""
LOG = "feff.out"
EDGE_WITHIN = (15.0, 0.002)
"""Largest distance of the Fermi level from the tabulated edge: eV, and fraction of its energy, the
larger of the two. FEFF's levels lie 9 eV above the table for Cu and 16 eV for Sr."""
RUNAWAY = 200.0
"""The search for the Fermi level starts below the valence band; one that is so far above zero, eV,
never ends: the cluster has too few electrons."""
POINT = re.compile(r"point # *(?:\d+|\*+) *energy = *(?:(-?[\d.]+)|\*+)")
PROGRESS = re.compile(
    r"\s*(point #|FMS for a cluster|Energy point|\d+%|Done with|nph=|[A-Z]*-?\d+$|$)"
)
MODULES = {
    "Calculating atomic": "atomic",
    "Calculating SCF": "pot",
    "Calculating screened": "screen",
    "Calculating cross-section": "xsph",
    "FMS calculation": "fms",
    "MKGTR": "mkgtr",
    "Pathfinder": "path",
    "Calculating EXAFS": "genfmt",
    "Calculating XAS": "ff2x",
}
"""Beginning of each module's first line of output."""
COMPLAINT = re.compile(r"quitting|will exit|severe|\bSTOP\b|Fatal|ERROR|cannot", re.IGNORECASE)
"""Words with which FEFF, or Fortran's runtime, gives up."""


@dataclass(frozen=True)
class Failure:
    """Why a run gave no usable spectrum."""

    module: str
    """FEFF's module that failed, or `output` where the spectrum is refused."""
    message: str
    """FEFF's own words, or ours where it had none."""

    def __str__(self) -> str:
        """Module and message."""
        return f"{self.module}: {self.message}"


class Stopped(Exception):
    """The run was ended on request."""


def run_feff(
    folder: Path,
    text: str,
    element: str,
    edge: str,
    command: Sequence[str] = (),
    time_limit: float = 900.0,
    stop: threading.Event | None = None,
) -> Failure | None:
    """Run FEFF on an input, in a folder that exists, and check its output.

    Args:
        folder: where to write `feff.inp`, to run and to leave `xmu.dat`.
        text: the input.
        element: symbol of the absorber.
        edge: its edge.
        command: FEFF's command and its words; empty: FEFF 10 of feff10-rs.
        time_limit: seconds.
        stop: ends the run with ``Stopped`` when it is set.

    Returns:
        None if `xmu.dat` is complete and plausible, else what went wrong.
    """
    (folder / "feff.inp").write_text(text)
    (folder / "xmu.dat").unlink(missing_ok=True)
    log = folder / LOG
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, str(ENGINE), *command],
            cwd=folder,
            env=os.environ | ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        hung = watch(process, log, time_limit, stop)
    finally:
        if process.poll() is None:
            if os.name == "posix":  # what the engine has started, too
                os.killpg(process.pid, signal.SIGKILL)
            process.kill()
        process.wait()
    if hung is not None or process.returncode != 0:
        failure = diagnose(log.read_text(errors="replace"))
        return failure if hung is None else Failure(failure.module, hung)
    try:
        xmu = read_xmu(folder, read_feff_input(folder / "feff.inp"))
        check_plausible(xmu, element, edge)
    except XanesError as error:
        return Failure("output", str(error).removeprefix(f"{folder}/"))
    return None


def watch(
    process: subprocess.Popen, log: Path, time_limit: float, stop: threading.Event | None
) -> str | None:
    """Wait for a run to end; why it is given up, or None."""
    end = time.monotonic() + time_limit
    with log.open(errors="replace") as output:
        while process.poll() is None:
            if stop is not None and stop.is_set():
                raise Stopped
            if time.monotonic() > end:
                return f"not done after {time_limit:g} s"
            for level in POINT.findall(output.read()):
                if not level or float(level) > RUNAWAY:
                    return f"no Fermi level found below {RUNAWAY:g} eV"
            time.sleep(0.2)
    return None


def diagnose(output: str) -> Failure:
    """Module that failed, and FEFF's words, from the output of a run.

    FEFF continues after some errors, so the first complaint counts; without one, the last lines
    that do not report progress.
    """
    module, lines = "start", []
    for line in output.partition("FEFF 10: ")[0].splitlines():
        for words, name in MODULES.items():
            if line.strip().startswith(words):
                module = name
        if not PROGRESS.match(line):
            lines.append(" ".join(line.split()))
        if COMPLAINT.search(line):
            break
    return Failure(module, "; ".join(lines[-3:]) or "no output")


def check_plausible(xmu: Xmu, element: str, edge: str) -> None:
    """Refuse a spectrum that can't be that of an edge.

    Raises:
        RecordError: its Fermi level is far from the edge, mu is not positive above it, or energies
            do not increase.
    """
    tabulated = find_edge(element, edge).energy
    if abs(xmu.edge_energy - tabulated) > max(EDGE_WITHIN[0], EDGE_WITHIN[1] * tabulated):
        raise RecordError(
            f"xmu.dat: the Fermi level is at {xmu.edge_energy:.1f} eV, but the {element} {edge}"
            f" edge is tabulated at {tabulated:.1f} eV"
        )
    above = xmu.energy > xmu.edge_energy
    energy, mu = min(zip(xmu.energy[above], xmu.mu[above], strict=True), key=lambda point: point[1])
    if mu <= 0:
        raise RecordError(
            f"xmu.dat: mu is {mu:.3g} at {energy:.1f} eV, above the edge, but must be positive"
        )
    if not (xmu.energy[1:] > xmu.energy[:-1]).all():
        raise RecordError("xmu.dat: the energies do not increase")
