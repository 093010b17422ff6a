"""FEFF's ``xmu.dat``: the spectrum and its header, or why there is none.

Its columns check each other: omega - e is the same in every row; mu, mu0 and chi are related by
mu = mu0 + chi (XANES) or mu = mu0 (1 + chi); mu and mu0 are one at the energy where FEFF normalized
them. The first holds within 0.001 eV and the second within 1e-5, the digits printed, in 945 runs of
FEFF 9.9.1. A damaged number contradicts them.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import RecordError
from ..runtime.text_files import parse_number, whole_lines
from ..structures.names import LARGEST_Z
from .feff_input import FeffInput

COLUMNS = 6
"""omega, e, k, mu, mu0, chi."""
FEWEST_ROWS = 20
"""Shorter tables are the beginning of one."""
FORTRAN_EXPONENT = re.compile(r"^([+-]?\d*\.\d*)([+-]\d{3})$", flags=re.ASCII)
"""A three-digit exponent pushes Fortran's E out: 1.0-101 is 1.0E-101."""
OMEGA_WITHIN = 0.01
"""Largest deviation of omega - e, eV."""
MU_WITHIN = 1e-4
"""Largest deviation of mu - mu0 - chi."""
SCALE = (0.2, 5.0)
"""Values of mu and mu0 at ``NORMALIZED_AT``; both are near one."""
NORMALIZED_AT = 3.6
"""Wave number some 50 eV above the edge, 1/Angstrom; far above it mu falls."""


@dataclass(frozen=True)
class Xmu:
    """A spectrum as FEFF wrote it."""

    energy: np.ndarray
    """omega, absolute eV, shape (n_energies,)."""
    mu: np.ndarray
    """mu / xsedge, dimensionless, shape (n_energies,)."""
    xsedge: float
    """Cross-section that mu was divided by, Angstrom^2."""
    z: int
    """Atomic number of the absorber."""
    edge: str
    """K, L1, L2, L3, .."""
    version: str
    """FEFF's version."""
    fermi_level: float | None
    """Fermi level, eV ("Mu=" in the header)."""
    edge_energy: float
    """Energy of the Fermi level, where k = 0, absolute eV."""
    interstitial: float | None = None
    """Interstitial potential, eV ("Vint=")."""
    kf: float | None = None
    """Fermi wave number, 1/Angstrom ("kf=")."""
    radii: tuple[tuple[int, float, float], ...] = ()
    """Atomic number, muffin-tin and Norman radius, Angstrom, of each potential, the absorber's
    first ("Rmt=", "Rnm=")."""


def read_xmu(folder: Path, asked: FeffInput | None = None) -> Xmu:
    """Read the spectrum of a run; the energy grid of its input tells whether it is complete.

    Raises:
        RecordError: it is missing, empty, cut short or damaged; the module in which FEFF stopped is
            named where the run says so.
    """
    path = folder / "xmu.dat"
    if not path.is_file() or not path.stat().st_size:
        what = "empty" if path.is_file() else "no xmu.dat"
        raise RecordError(f"{path}: {what}, the run did not finish{_stopped_in(folder)}")
    lines = [line for _, line in whole_lines(path)]
    header = "\n".join(line for line in lines if line.lstrip().startswith("#"))
    table = _parse_table(path, lines)
    fermi = table[np.argmin(np.abs(table[:, 2])), 0] if len(table) else 0.0
    _check_complete(path, table, asked)
    _check_columns(path, table)
    if asked is None:
        _check_reach(path, float(table[-1, 0] - fermi), header)
    potentials = re.findall(
        r"(?:Abs|Pot +\d+) +Z= *(\d+) +Rmt= *(\d+\.\d+) +Rnm= *(\d+\.\d+)", header
    )
    return Xmu(
        energy=table[:, 0],
        mu=table[:, 3],
        xsedge=_cross_section(path, header),
        z=_absorber(path, header),
        edge=_search(path, header, r"Abs\s+Z=.*\b([KLMN]\d?)\s+shell", "the edge, `K shell`"),
        version=_search(path, header, r"(?i)\bfeff\s*([\d.]+\w*)", "FEFF's version"),
        fermi_level=_optional(header, r"\bMu="),
        edge_energy=float(fermi),
        interstitial=_optional(header, r"\bVint="),
        kf=_optional(header, r"\bkf="),
        radii=tuple((int(z), float(rmt), float(rnm)) for z, rmt, rnm in potentials),
    )


def _stopped_in(folder: Path) -> str:
    """The module in which FEFF stopped, as an ending of a sentence."""
    note = folder / ".feff.error"
    text = note.read_text(errors="replace") if note.is_file() else ""
    module = re.search(r"module\s+(\w+)", text)
    return f"; FEFF stopped in its module {module[1]}" if module else ""


def _parse_table(path: Path, lines: list[str]) -> np.ndarray:
    """Numbers of the table, shape (n_energies, 6)."""
    rows = []
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) != COLUMNS:
            raise RecordError(
                f"{path}: line {number}: expected {COLUMNS} columns, found {len(words)};"
                " the file is cut or damaged"
            )
        try:
            rows.append([parse_number(FORTRAN_EXPONENT.sub(r"\1e\2", word)) for word in words])
        except ValueError as error:
            raise RecordError(f"{path}: line {number}: {error}") from None
    return np.array(rows, dtype=float).reshape(-1, COLUMNS)


def _check_complete(path: Path, table: np.ndarray, asked: FeffInput | None) -> None:
    """Refuse a table that is short, or stops below the highest wave number."""
    highest = float(table[-1, 2]) if len(table) else 0.0
    if len(table) < FEWEST_ROWS or highest <= 0.0:
        raise RecordError(
            f"{path}: {len(table)} energies up to k = {highest:g} 1/Angstrom; the file is cut"
        )
    if asked is not None and asked.k_max is not None and highest < asked.k_max - 0.1:
        raise RecordError(
            f"{path}: ends at k = {highest:g} 1/Angstrom but feff.inp asks for {asked.k_max:g};"
            " the file is cut"
        )


def _check_reach(path: Path, reached: float, header: str) -> None:
    """Refuse a table without its input that ends below the energy at which FEFF normalized it.

    Nothing else in ``xmu.dat``, where the header says `xsedge+ N` eV, tells where it should end.
    """
    above = float(_search(path, header, r"xsedge\s*\+\s*(\d+)", "xsedge"))
    if reached < above:
        raise RecordError(
            f"{path}: ends {reached:.1f} eV above the Fermi level but was normalized {above:g} eV"
            " above it; the file is cut (or short on purpose: then its feff.inp must be beside it)"
        )


def _check_columns(path: Path, table: np.ndarray) -> None:
    """Refuse a table whose columns contradict each other.

    A relation counts where most rows keep it, so that another version's table is not refused for
    being written otherwise.
    """
    omega, e, k, mu, mu0, chi = table.T
    offset = omega - e
    _check_rows(path, np.abs(offset - np.median(offset)) < OMEGA_WITHIN, "omega - e")
    sign = (mu - mu0) * chi
    if (sign[np.abs(chi) > MU_WITHIN] < 0).mean() > 0.5:
        raise RecordError(f"{path}: mu - mu0 has the sign opposite to chi; columns in wrong order?")
    _check_rows(path, np.abs(mu - mu0 - chi) < MU_WITHIN, "mu - mu0 - chi")
    at = int(np.argmin(np.abs(k - NORMALIZED_AT)))
    for name, value in (("mu", mu[at]), ("mu0", mu0[at])):
        if not SCALE[0] < value < SCALE[1]:
            raise RecordError(
                f"{path}: {name} is {value:g} at k = {k[at]:g}, expected about 1; columns in"
                " wrong order?"
            )


def _check_rows(path: Path, kept: np.ndarray, what: str) -> None:
    """Raise RecordError where more than half of the rows keep a relation, but not all."""
    if kept.mean() > 0.5 and not kept.all():
        at = int(np.argmin(kept)) + 1
        raise RecordError(
            f"{path}: energy {at} of the table contradicts its other columns or rows ({what});"
            " a number is damaged"
        )


def _search(path: Path, header: str, pattern: str, what: str) -> str:
    """First group of a pattern in the header."""
    match = re.search(pattern, header, flags=re.MULTILINE)
    if match is None:
        raise RecordError(f"{path}: the header does not give {what}")
    return match[1]


def _cross_section(path: Path, header: str) -> float:
    word = _search(path, header, r"xsedge\s*\+\s*\d+.*?(\S+)\s*$", "xsedge")
    try:
        value = parse_number(word)
    except ValueError:
        value = 0.0
    if not value > 0:
        raise RecordError(f"{path}: xsedge is {word!r}, expected a positive number")
    return value


def _absorber(path: Path, header: str) -> int:
    z = int(_search(path, header, r"Abs\s+Z=\s*(\d+)", "the absorber, `Abs Z=`"))
    if not 0 < z <= LARGEST_Z:
        raise RecordError(f"{path}: the header's absorber has Z = {z}, which no element has")
    return z


def _optional(header: str, name: str) -> float | None:
    """A number of the header, which FEFF gives in most versions."""
    match = re.search(name + r"\s*([-+]?(?:\d+\.\d*|\.\d+)(?:[Ee][-+]?\d+)?)(?=\s|eV)", header)
    return float(match[1]) if match else None
