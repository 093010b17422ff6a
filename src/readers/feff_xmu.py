"""FEFF's ``xmu.dat``: the spectrum and its header, or why there is none.

The header ends with the names of the columns and `@#`; FEFF 8.2 and later begin its lines with `#`.
The user's titles come first, the first of them with FEFF's version at its end, then FEFF's own
lines, the first of which begins with `Abs`. Only those are searched, so a title can't be taken for
one. (FEFF 10, ``src/COMMON/head.f90`` and ``src/FF2X``.)

The columns check each other: omega - e is the same in neighboring rows; mu, mu0 and chi are related
by mu = mu0 + chi (full multiple scattering) or, in a sum over paths, by mu = mu0 + chi times the
atomic cross-section; mu and mu0 are one at the energy where FEFF normalized them. The first holds
within 0.001 eV and the second within 1e-5, the digits printed, in 945 runs of FEFF 9.9.1. A damaged
number contradicts them.
"""

import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from ase.data import chemical_symbols
from scipy.ndimage import median_filter

from ..errors import RecordError
from ..runtime.text_files import DECIMAL, numbered_lines, parse_numbers, whole_lines
from ..structures.names import LARGEST_Z
from .feff_input import FeffInput

COLUMNS = 6
"""omega, e, k, mu, mu0, chi."""
FEWEST_ROWS = 20
"""Shorter tables are the beginning of one."""
FULL_GRID = 100
"""Energies of a XANES card's grid where FEFF 8, 9 and early 10 stop, whatever k is reached."""
PATHS_STEP = 1.0
"""Step of the grid of a sum over paths above k = 10, 1/Angstrom."""
VERSION = r"(?i)\bfeff\s*(\d[\d.]*\w*)$"
HEADER_WITHIN = 200
"""Lines that are read for the absorber alone; a header has some 20 lines and one for each path."""
CAN_TELL = 0.01
"""chi beyond which its relation to mu - mu0 shows."""
FORTRAN_EXPONENT = re.compile(r"(\d\.\d*|\.\d+)([+-]\d{3})(?=\s|$)", flags=re.ASCII)
"""A three-digit exponent pushes Fortran's E out: 1.0-101 is 1.0E-101."""
OMEGA_WITHIN = 0.01
"""Largest deviation of omega - e, eV."""
MU_WITHIN = 1e-4
"""Largest deviation of mu - mu0 - chi."""
SCALE = (0.2, 5.0)
"""Values of mu and mu0 at ``NORMALIZED_AT``; both are near one."""
NORMALIZED_AT = 3.6
"""Wave number some 50 eV above the edge, 1/Angstrom; far above it mu falls."""
REAL = r"[-+]?(?:\d+\.\d*|\.\d+)(?:[Ee][-+]?\d+)?(?=\s|eV|$)"


@dataclass(frozen=True)
class Xmu:
    """A spectrum as FEFF wrote it."""

    energy: np.ndarray
    """omega, absolute eV, shape (n_energies,)."""
    mu: np.ndarray
    """Absorption divided by ``xsedge``, shape (n_energies,)."""
    cross_section: float
    """Cross-section without scattering where FEFF normalizes, Angstrom^2."""
    edge_energy: float
    """Energy of the Fermi level, where k = 0, absolute eV."""
    xsedge: float
    """Cross-section that mu was divided by, Angstrom^2; 1 if it was not (card ABSOLUTE)."""
    z: int
    """Atomic number of the absorber."""
    edge: str
    """K, L1, L2, L3, .."""
    version: str
    """FEFF's version."""
    radii: tuple[tuple[int, float, float], ...]
    """Atomic number, muffin-tin and Norman radius, Angstrom, of each potential, the absorber's
    first ("Rmt=", "Rnm=")."""
    fermi_level: float | None = None
    """Fermi level, eV ("Mu=" in the header)."""
    interstitial: float | None = None
    """Interstitial potential, eV ("Vint=")."""
    kf: float | None = None
    """Fermi wave number, 1/Angstrom ("kf=")."""


def read_xmu(folder: Path, inp: FeffInput | None = None) -> Xmu:
    """Read the spectrum of a run; the energy grid of its input tells whether it is complete.

    Raises:
        RecordError: it is missing, empty, truncated, damaged or not the absorption of one atom; the
            module in which FEFF stopped is named where the run says so.
    """
    path = folder / "xmu.dat"
    if not path.is_file() or not path.stat().st_size:
        note, what = folder / ".feff.error", "empty" if path.is_file() else "no xmu.dat"
        text = note.read_text(errors="replace") if note.is_file() else ""
        module = re.search(r"module\s+(\w+)", text)
        stopped = f"; FEFF stopped in its module {module[1]}" if module else ""
        raise RecordError(f"{path}: {what}, the run did not finish{stopped}")
    if inp is not None and inp.not_absorption:
        raise RecordError(f"{folder / 'feff.inp'}: {inp.not_absorption}")
    lines = [line for _, line in whole_lines(path)]
    header, start = _split_header(path, lines)
    table = _parse_table(path, lines, start)
    _check_complete(path, table, inp)
    fields = _parse_header(path, header)
    absolute = fields["xsedge"] == 1.0  # no absorption edge has such a cross-section
    if inp is not None and inp.absolute and not absolute:
        raise RecordError(f"{path}: normalized to xsedge, but feff.inp has the card ABSOLUTE")
    at = int(np.argmin(np.abs(table[:, 2] - NORMALIZED_AT)))
    scale = float(table[at, 4]) if absolute else 1.0
    _check_columns(path, table, scale, at)
    fermi = float(table[np.argmin(np.abs(table[:, 2])), 0])
    above = float(_search(path, header, r"^xsedge\s*\+\s*(\d+)", "xsedge"))
    reached = table[-1, 0] - fermi
    if inp is None and reached < above and len(table) != FULL_GRID:  # nothing else tells its end
        raise RecordError(
            f"{path}: ends {reached:.1f} eV above the Fermi level but was normalized"
            f" {above:g} eV above it; the file is truncated (if it is short on purpose, keep its"
            " feff.inp beside it)"
        )
    return Xmu(table[:, 0], table[:, 3], scale * fields["xsedge"], fermi, **fields)


def header_absorber(folder: Path) -> tuple[str, str]:
    """Element and edge in the header of a run's spectrum; nothing else is checked.

    Raises:
        RecordError: there is no spectrum, or its header does not give them.
    """
    path = folder / "xmu.dat"
    lines = [line for _, line in islice(numbered_lines(path), HEADER_WITHIN)]
    header, _ = _split_header(path, lines)
    z, edge = _absorber(path, header)
    return chemical_symbols[z], edge


def _split_header(path: Path, lines: list[str]) -> tuple[list[str], int]:
    """The header's line with the version and FEFF's own lines, and where the table can begin.

    Without `#` the header ends with dashes and the names of the columns. What is missing is left
    for others to refuse.
    """
    names = max((n for n, line in enumerate(lines) if line.rstrip().endswith("@#")), default=0)
    if names and "mu0" not in lines[names]:
        raise RecordError(
            f"{path}: line {names + 1}: the columns are {lines[names].strip('# @')!r}, expected"
            " omega, e, k, mu, mu0, chi"
        )
    marked = any(line.lstrip().startswith("#") for line in lines[:1])
    start = 0 if marked or not names or lines[names - 1].strip(" -") else names + 1
    header = [line for line in lines if line.lstrip().startswith("#")] if marked else lines[:start]
    header = [line.lstrip("# ").rstrip() for line in header]
    version = [line for line in header[:2] if re.search(VERSION, line)][:1]
    own = [n for n, line in enumerate(header) if re.match(r"Abs\s+Z=", line)][-1:]
    return version + header[own[0] if own else len(header) :], start


def _parse_header(path: Path, header: list[str]) -> dict[str, Any]:
    """Fields of ``Xmu`` that the header gives."""
    z, edge = _absorber(path, header)
    word = _search(path, header, r"^xsedge\s*\+\s*\d+.*?(\S+)$", "xsedge")
    xsedge = float(word.upper().replace("D", "E")) if DECIMAL.fullmatch(word) else 0.0
    if not 0.0 < xsedge < np.inf:
        raise RecordError(f"{path}: xsedge is {word!r}, expected a positive number")
    levels = {"fermi_level": "Mu", "interstitial": "Vint", "kf": "kf"}
    line = next((line for line in header if line.startswith("Mu=")), "")
    numbers = {name: re.search(rf"\b{key}=\s*({REAL})", line) for name, key in levels.items()}
    potentials = re.findall(
        r"(?m)^(?:Abs|Pot *\d+) +Z= *(\d+) +Rmt= *(\d+\.\d+) +Rnm= *(\d+\.\d+)", "\n".join(header)
    )
    return {
        "xsedge": xsedge,
        "z": z,
        "edge": edge,
        "version": _search(path, header[:1], VERSION, "FEFF's version"),
        "radii": tuple((int(z), float(rmt), float(rnm)) for z, rmt, rnm in potentials),
        **{name: float(match[1]) for name, match in numbers.items() if match},
    }


def _absorber(path: Path, header: list[str]) -> tuple[int, str]:
    """Atomic number and edge."""
    z = int(_search(path, header, r"^Abs\s+Z=\s*(\d+)", "the absorber, `Abs Z=`"))
    if not 0 < z <= LARGEST_Z:
        raise RecordError(f"{path}: the header's absorber has Z = {z}, which no element has")
    return z, _search(path, header, r"^Abs\s+Z=.*\b([KLMN]\d?)\s+shell", "the edge, `K shell`")


def _search(path: Path, header: list[str], pattern: str, what: str) -> str:
    """First group of a pattern in a line of the header."""
    match = next((match for line in header if (match := re.search(pattern, line))), None)
    if match is None:
        raise RecordError(f"{path}: the header does not give {what}")
    return match[1]


def _parse_table(path: Path, lines: list[str], start: int) -> np.ndarray:
    """Numbers of the table, which begins after the first ``start`` lines, shape (n_energies, 6)."""
    rows = []
    for number, line in enumerate(lines[start:], start=start + 1):
        words = FORTRAN_EXPONENT.sub(r"\1e\2", line).split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) != COLUMNS:
            raise RecordError(
                f"{path}: line {number}: expected {COLUMNS} columns, found {len(words)};"
                " the file is truncated or damaged"
            )
        rows.append(parse_numbers(f"{path}: line {number}", words))
    return np.array(rows, dtype=float).reshape(-1, COLUMNS)


def _check_complete(path: Path, table: np.ndarray, inp: FeffInput | None) -> None:
    """Refuse a table that is short, stops below the highest wave number, or is of an EXAFS run."""
    highest = float(table[-1, 2]) if len(table) else 0.0
    if len(table) < FEWEST_ROWS or highest <= 0.0:
        raise RecordError(
            f"{path}: {len(table)} energies up to k = {highest:g} 1/Angstrom; the file is truncated"
        )
    card = inp is None or not inp.own_grid
    if card and table[0, 2] > -1e-3:
        raise RecordError(
            f"{path}: begins at k = {table[0, 2]:g} 1/Angstrom, as an EXAFS calculation does, a sum"
            " over paths that does not hold near the edge (if it is XANES on a grid of its own,"
            " keep its feff.inp beside it)"
        )
    if inp is None or inp.k_max is None or (card and len(table) == FULL_GRID):
        return
    # the last point is the one nearest to the end asked for
    step = PATHS_STEP if card and inp.k_max > 10.0 else inp.k_step
    if highest < inp.k_max - max(0.1, 0.5 * step + 0.01):
        raise RecordError(
            f"{path}: ends at k = {highest:g} 1/Angstrom but feff.inp asks for {inp.k_max:g};"
            " the file is truncated, or the grid has more energies than this FEFF allows"
        )


def _check_columns(path: Path, table: np.ndarray, scale: float, at: int) -> None:
    """Refuse a table whose columns contradict each other; in the row ``at`` mu is near ``scale``.

    A relation counts where most rows that can tell keep it, so that the table of a sum over paths,
    or of a version that writes other columns, is not refused.
    """
    omega, e, k = table.T[:3]
    mu, mu0, chi = table.T[3:] / (scale if scale > 0.0 else 1.0)
    if not chi.any():
        raise RecordError(
            f"{path}: chi is 0 at every energy; FEFF calculated the free atom, without scattering"
        )
    sign = ((mu - mu0) * chi)[np.abs(chi) > MU_WITHIN]
    if (sign < 0).sum() > 0.5 * len(sign):
        raise RecordError(f"{path}: mu - mu0 has the sign opposite to chi; columns in wrong order?")
    offset = omega - e
    nearby = median_filter(offset, 5, mode="mirror")  # FEFF 7 interpolates omega
    tells = np.abs(chi) > CAN_TELL
    for kept, counted, what in (
        (np.abs(offset - nearby) < OMEGA_WITHIN, np.full(len(k), True), "omega - e"),
        (np.abs(mu - mu0 - chi) < MU_WITHIN, tells, "mu - mu0 - chi"),
    ):
        if kept[counted].sum() > 0.5 * counted.sum() and not kept.all():
            raise RecordError(
                f"{path}: energy {int(np.argmin(kept)) + 1} of the table contradicts its other"
                f" columns or rows ({what}); a number is damaged"
            )
    for name, value in (("mu", mu[at]), ("mu0", mu0[at])):
        if not SCALE[0] < value < SCALE[1]:
            raise RecordError(
                f"{path}: {name} is {value:g} at k = {k[at]:g}, expected about 1; not an"
                " absorption spectrum, or columns in wrong order?"
            )
