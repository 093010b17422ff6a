"""FEFF's ``xmu.dat``: the spectrum and what its header says; and why there may be none."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase.data import chemical_symbols

from ..errors import RecordError
from ..runtime.numbers import parse_number
from ..runtime.text_files import whole_lines
from .feff_check import check_columns
from .feff_input import FeffInput

COLUMNS = 6
"""omega, e, k, mu, mu0, chi."""
FEWEST_ROWS = 20
"""Shorter tables are the beginning of one."""
FORTRAN_EXPONENT = re.compile(r"^([+-]?\d*\.\d*)([+-]\d{3})$", flags=re.ASCII)
"""A three-digit exponent pushes Fortran's E out: 1.0-101 is 1.0E-101."""


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


def read_xmu(folder: Path, given: FeffInput | None = None) -> Xmu:
    """Read the spectrum of a run.

    Args:
        folder: folder of the run.
        given: its input, whose energy grid tells whether the table is complete.

    Returns:
        The spectrum.

    Raises:
        RecordError: it is missing, empty, cut short or damaged; FEFF's own message is added where
            the run left one.
    """
    path = folder / "xmu.dat"
    if not path.is_file():
        raise RecordError(f"{path}: no xmu.dat, the run did not finish{feff_message(folder)}")
    if not path.stat().st_size:
        raise RecordError(f"{path}: empty, the run did not finish{feff_message(folder)}")
    lines = [line for _, line in whole_lines(path)]
    header = "\n".join(line for line in lines if line.lstrip().startswith("#"))
    table = parse_table(path, lines)
    check_complete(path, table, given)
    check_columns(path, table)
    if given is None:
        check_normalized_range(path, header, table)
    return Xmu(
        energy=table[:, 0],
        mu=table[:, 3],
        xsedge=_positive(path, header, r"xsedge\s*\+\s*\d+.*?(\S+)\s*$", "xsedge"),
        z=_absorber(path, header),
        edge=_found(path, header, r"Abs\s+Z=.*\b([KLMN]\d?)\s+shell", "the edge, `K shell`"),
        version=_found(path, header, r"(?i)\bfeff\s*([\d.]+\w*)", "FEFF's version"),
        fermi_level=_number_of(header, r"\bMu="),
        edge_energy=float(table[np.argmin(np.abs(table[:, 2])), 0]),
        interstitial=_number_of(header, r"\bVint="),
        kf=_number_of(header, r"\bkf="),
        radii=_radii(header),
    )


def parse_table(path: Path, lines: list[str]) -> np.ndarray:
    """Numbers of the table.

    Returns:
        Array of shape (n_energies, 6).

    Raises:
        RecordError: a line has another number of columns, or something that is no finite number.
    """
    rows = []
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        words = line.split()
        if len(words) != COLUMNS:
            raise RecordError(
                f"{path}: line {number}: expected {COLUMNS} columns, found {len(words)};"
                " the file is cut or damaged"
            )
        rows.append([_number(path, number, word) for word in words])
    table = np.array(rows, dtype=float).reshape(-1, COLUMNS)
    if not np.isfinite(table).all():
        raise RecordError(f"{path}: the table holds values that are not finite")
    return table


def check_complete(path: Path, table: np.ndarray, given: FeffInput | None) -> None:
    """Refuse a table that ends too early.

    Raises:
        RecordError: the table is short, or stops below the highest wave number.
    """
    highest = float(table[-1, 2]) if len(table) else 0.0
    if len(table) < FEWEST_ROWS or highest <= 0.0:
        raise RecordError(
            f"{path}: {len(table)} energies up to k = {highest:g} 1/Angstrom; the file is cut"
        )
    if given is None:
        return
    if given.k_max is not None and highest < given.k_max - 0.1:
        raise RecordError(
            f"{path}: ends at k = {highest:g} 1/Angstrom but feff.inp asks for {given.k_max:g};"
            " the file is cut"
        )


def check_normalized_range(path: Path, header: str, table: np.ndarray) -> None:
    """Refuse a table without its input that ends below the energy at which FEFF normalised it.

    Nothing else in ``xmu.dat`` tells where the table should end; k = 0 is the Fermi level.

    Raises:
        RecordError: it ends less than the header's `xsedge+ N` eV above the Fermi level.
    """
    above = float(_found(path, header, r"xsedge\s*\+\s*(\d+)", "xsedge"))
    fermi = table[np.argmin(np.abs(table[:, 2])), 0]
    reached = float(table[-1, 0] - fermi)
    if reached < above:
        raise RecordError(
            f"{path}: ends {reached:.1f} eV above the Fermi level but was normalised {above:g} eV"
            " above it; the file is cut (or short on purpose: then its feff.inp must be beside it)"
        )


def feff_message(folder: Path) -> str:
    """What FEFF said before it stopped, as an ending of a sentence."""
    note = folder / ".feff.error"
    if note.is_file():
        module = re.search(r"module\s+(\w+)", note.read_text(errors="replace"))
        if module:
            return f"; FEFF stopped in its module {module[1]}"
    return ""


def _number(path: Path, line: int, word: str) -> float:
    """Read one number, Fortran's way of writing it included."""
    try:
        return parse_number(FORTRAN_EXPONENT.sub(r"\1e\2", word))
    except ValueError:
        raise RecordError(f"{path}: line {line}: expected a number, found {word!r}") from None


def _found(path: Path, header: str, pattern: str, what: str) -> str:
    """First group of a pattern in the header."""
    match = re.search(pattern, header, flags=re.MULTILINE)
    if match is None:
        raise RecordError(f"{path}: the header does not give {what}")
    return match[1]


def _positive(path: Path, header: str, pattern: str, what: str) -> float:
    """Positive number in the header."""
    word = _found(path, header, pattern, what)
    try:
        value = parse_number(word)
    except ValueError:
        value = float("nan")
    if not (value > 0 and np.isfinite(value)):
        raise RecordError(f"{path}: {what} is {word!r}, expected a positive number")
    return value


def _absorber(path: Path, header: str) -> int:
    """Atomic number of the absorber."""
    z = int(_found(path, header, r"Abs\s+Z=\s*(\d+)", "the absorber, `Abs Z=`"))
    if not 0 < z < len(chemical_symbols):
        raise RecordError(f"{path}: the header's absorber has Z = {z}, which no element has")
    return z


def _number_of(header: str, name: str) -> float | None:
    """A number of the header, which FEFF gives in most versions."""
    match = re.search(name + r"\s*([-+]?\d*\.\d*(?:[Ee][-+]?\d+)?)(?=\s|eV)", header)
    try:
        return float(match[1]) if match else None
    except ValueError:
        return None


def _radii(header: str) -> tuple[tuple[int, float, float], ...]:
    """Atomic number and radii of each potential."""
    found = re.findall(r"(?:Abs|Pot +\d+) +Z= *(\d+) +Rmt= *(\d+\.\d+) +Rnm= *(\d+\.\d+)", header)
    return tuple((int(z), float(rmt), float(rnm)) for z, rmt, rnm in found)
