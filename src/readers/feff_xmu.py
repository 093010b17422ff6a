"""FEFF's ``xmu.dat``: the spectrum and its header, or why there is none.

Its columns check each other: omega - e is the same in every row; mu, mu0 and chi are related by
mu = mu0 + chi (XANES) or mu = mu0 (1 + chi); mu and mu0 are one at the energy where FEFF normalized
them. The first holds within 0.001 eV and the second within 1e-5, the digits printed, in 945 runs of
FEFF 9.9.1. A damaged number contradicts them.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import RecordError
from ..runtime.text_files import DECIMAL, parse_number, whole_lines
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
REAL = r"[-+]?(?:\d+\.\d*|\.\d+)(?:[Ee][-+]?\d+)?(?=\s|eV)"


@dataclass(frozen=True)
class Xmu:
    """A spectrum as FEFF wrote it."""

    energy: np.ndarray
    """omega, absolute eV, shape (n_energies,)."""
    mu: np.ndarray
    """mu / xsedge, dimensionless, shape (n_energies,)."""
    edge_energy: float
    """Energy of the Fermi level, where k = 0, absolute eV."""
    xsedge: float
    """Cross-section that mu was divided by, Angstrom^2."""
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
        RecordError: it is missing, empty, truncated or damaged; the module in which FEFF stopped is
            named where the run says so.
    """
    path = folder / "xmu.dat"
    if not path.is_file() or not path.stat().st_size:
        note = folder / ".feff.error"
        text = note.read_text(errors="replace") if note.is_file() else ""
        module = re.search(r"module\s+(\w+)", text)
        raise RecordError(
            f"{path}: {'empty' if path.is_file() else 'no xmu.dat'}, the run did not finish"
            + (f"; FEFF stopped in its module {module[1]}" if module else "")
        )
    lines = [line for _, line in whole_lines(path)]
    header = "\n".join(line for line in lines if line.lstrip().startswith("#"))
    table = _parse_table(path, lines)
    _check_complete(path, table, inp)
    _check_columns(path, table)
    fermi = float(table[np.argmin(np.abs(table[:, 2])), 0])
    above = float(_search(path, header, r"xsedge\s*\+\s*(\d+)", "xsedge"))
    if inp is None and table[-1, 0] - fermi < above:  # nothing else tells where it should end
        raise RecordError(
            f"{path}: ends {table[-1, 0] - fermi:.1f} eV above the Fermi level but was normalized"
            f" {above:g} eV above it; the file is truncated (if it is short on purpose, keep its"
            " feff.inp beside it)"
        )
    return Xmu(table[:, 0], table[:, 3], fermi, **_parse_header(path, header))


def _parse_header(path: Path, header: str) -> dict[str, Any]:
    """Fields of ``Xmu`` that the header gives."""
    z = int(_search(path, header, r"Abs\s+Z=\s*(\d+)", "the absorber, `Abs Z=`"))
    if not 0 < z <= LARGEST_Z:
        raise RecordError(f"{path}: the header's absorber has Z = {z}, which no element has")
    word = _search(path, header, r"xsedge\s*\+\s*\d+.*?(\S+)\s*$", "xsedge")
    xsedge = float(word.upper().replace("D", "E")) if DECIMAL.fullmatch(word) else 0.0
    if not 0.0 < xsedge < np.inf:
        raise RecordError(f"{path}: xsedge is {word!r}, expected a positive number")
    levels = {"fermi_level": "Mu", "interstitial": "Vint", "kf": "kf"}
    numbers = {name: re.search(rf"\b{key}=\s*({REAL})", header) for name, key in levels.items()}
    potentials = re.findall(
        r"(?:Abs|Pot +\d+) +Z= *(\d+) +Rmt= *(\d+\.\d+) +Rnm= *(\d+\.\d+)", header
    )
    return {
        "xsedge": xsedge,
        "z": z,
        "edge": _search(path, header, r"Abs\s+Z=.*\b([KLMN]\d?)\s+shell", "the edge, `K shell`"),
        "version": _search(path, header, r"(?i)\bfeff\s*([\d.]+\w*)", "FEFF's version"),
        "radii": tuple((int(z), float(rmt), float(rnm)) for z, rmt, rnm in potentials),
        **{name: float(match[1]) for name, match in numbers.items() if match},
    }


def _search(path: Path, header: str, pattern: str, what: str) -> str:
    """First group of a pattern in the header."""
    match = re.search(pattern, header, flags=re.MULTILINE)
    if match is None:
        raise RecordError(f"{path}: the header does not give {what}")
    return match[1]


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
                " the file is truncated or damaged"
            )
        try:
            rows.append([parse_number(FORTRAN_EXPONENT.sub(r"\1e\2", word)) for word in words])
        except ValueError as error:
            raise RecordError(f"{path}: line {number}: {error}") from None
    return np.array(rows, dtype=float).reshape(-1, COLUMNS)


def _check_complete(path: Path, table: np.ndarray, inp: FeffInput | None) -> None:
    """Refuse a table that is short, or stops below the highest wave number."""
    highest = float(table[-1, 2]) if len(table) else 0.0
    if len(table) < FEWEST_ROWS or highest <= 0.0:
        raise RecordError(
            f"{path}: {len(table)} energies up to k = {highest:g} 1/Angstrom; the file is truncated"
        )
    if inp is not None and inp.k_max is not None and highest < inp.k_max - 0.1:
        raise RecordError(
            f"{path}: ends at k = {highest:g} 1/Angstrom but feff.inp asks for {inp.k_max:g};"
            " the file is truncated"
        )


def _check_columns(path: Path, table: np.ndarray) -> None:
    """Refuse a table whose columns contradict each other.

    A relation counts where most rows keep it, so that the table of a version that writes other
    columns is not refused.
    """
    omega, e, k, mu, mu0, chi = table.T
    sign = (mu - mu0) * chi
    if (sign[np.abs(chi) > MU_WITHIN] < 0).mean() > 0.5:
        raise RecordError(f"{path}: mu - mu0 has the sign opposite to chi; columns in wrong order?")
    offset = omega - e
    for kept, what in (
        (np.abs(offset - np.median(offset)) < OMEGA_WITHIN, "omega - e"),
        (np.abs(mu - mu0 - chi) < MU_WITHIN, "mu - mu0 - chi"),
    ):
        if kept.mean() > 0.5 and not kept.all():
            raise RecordError(
                f"{path}: energy {int(np.argmin(kept)) + 1} of the table contradicts its other"
                f" columns or rows ({what}); a number is damaged"
            )
    at = int(np.argmin(np.abs(k - NORMALIZED_AT)))
    for name, value in (("mu", mu[at]), ("mu0", mu0[at])):
        if not SCALE[0] < value < SCALE[1]:
            raise RecordError(
                f"{path}: {name} is {value:g} at k = {k[at]:g}, expected about 1; columns in"
                " wrong order?"
            )
