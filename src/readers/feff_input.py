"""FEFF's ``feff.inp``: the cards that define the calculation."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from ..errors import RecordError
from ..runtime.text_files import COUNT, numbered_lines, parse_number
from ..structures.names import LARGEST_Z

NOT_SETTINGS = ("TITL", "POTE", "ATOM", "CONT", "PRIN", "RMUL")
"""Cards that are no settings of the calculation."""
PRESET = re.compile(r"\* Preset (\w+)")
HOLES = {1: "K", 2: "L1", 3: "L2", 4: "L3", 5: "M1", 6: "M2", 7: "M3", 8: "M4", 9: "M5"}
"""Edge of each number of the HOLE card."""


@dataclass
class FeffInput:
    """What an input asks for."""

    edge: str | None = None
    """Edge of the EDGE or HOLE card."""
    element: str | None = None
    """Symbol of potential 0."""
    cluster: Atoms | None = None
    """ATOMS list as a structure without periodicity."""
    absorber: int = -1
    """Index of the absorber in the cluster: potential 0, else the atom at the origin."""
    k_max: float | None = None
    """Highest wave number of the calculation, 1/Angstrom."""
    cards: str = ""
    """Cards that determine the spectrum, without structure and titles, separated by `; `."""
    preset: str = ""
    """Preset of radii, where the input names one in a comment as `calculate` does."""
    polarization: tuple[float, float, float] | None = None
    """Vector of the POLARIZATION card, in the axes of the ATOMS list, of unit length."""


def cards(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, list[str]]]:
    """Numbers and words of the lines that count, up to the END card.

    A line that starts with one of `* ! # %` is a comment, and so is what follows a `!`.
    """
    for number, line in lines:
        words = line.split("!")[0].split()
        if not words or words[0][0] in "*#%":
            continue
        if words[0].upper() == "END":
            return
        yield number, words


def read_feff_input(path: Path) -> FeffInput:
    """Read a ``feff.inp``; cards that do not matter here are skipped.

    Raises:
        RecordError: a line can't be understood; it is named.
    """
    result, lines = FeffInput(), list(numbered_lines(path))
    potentials: dict[int, int] = {}  # their atomic numbers
    atoms: list[list[float]] = []
    settings: list[str] = []
    block, factor, xanes_k, grid_k = "", 1.0, None, None
    for number, words in cards(lines):
        where = f"{path}: line {number}"
        if not words[0][0].isalpha():
            if block == "POTE":
                ipot, z = (int(value) for value in _numbers(where, words[:2], 2))
                if not 0 < z <= LARGEST_Z:
                    raise RecordError(f"{where}: no element has Z = {z}")
                potentials[ipot] = z
            elif block == "ATOM":
                atoms.append(_numbers(where, words[:4], 4))
            continue
        block = words[0].upper()[:4]  # FEFF looks at the first four letters
        if block not in NOT_SETTINGS:
            settings.append(" ".join([words[0].upper(), *words[1:]]))
        if block in ("EDGE", "HOLE"):
            result.edge = _edge(where, words)
        elif block == "POLA":
            result.polarization = _direction(where, words[1:4])
        elif block == "RMUL":
            (factor,) = _numbers(where, words[1:2], 1)
        elif block == "XANE" and len(words) > 1:
            (xanes_k,) = _numbers(where, words[1:2], 1)
        elif block == "EGRI":  # the user's own grid replaces that of the XANES card
            grid_k = grid_k or 0.0
        elif block == "K_GR":  # `k_grid from to step`, where `from` may be the word `last`
            grid_k = max(grid_k or 0.0, *_numbers(where, words[2:3], 1))
    result.k_max = xanes_k if grid_k is None else grid_k or None
    result.cards = "; ".join(settings)
    result.preset = next((m[1] for _, line in lines if (m := PRESET.search(line))), "")
    result.element = chemical_symbols[potentials[0]] if 0 in potentials else None
    if atoms:
        result.cluster, result.absorber = _cluster(path, np.array(atoms), potentials)
        result.cluster.positions *= factor
    return result


def _cluster(path: Path, rows: np.ndarray, potentials: dict[int, int]) -> tuple[Atoms, int]:
    """The ATOMS list, (n_atoms, 4), as a structure, and the index of the absorber in it."""
    ipots = rows[:, 3].astype(int)
    for ipot in ipots.tolist():
        if ipot not in potentials:
            raise RecordError(f"{path}: ATOMS uses potential {ipot}, which POTENTIALS lacks")
    centers = np.flatnonzero(ipots == 0)
    if len(centers) == 0:
        centers = np.flatnonzero(np.linalg.norm(rows[:, :3], axis=1) < 1e-6)
    if len(centers) != 1:
        raise RecordError(
            f"{path}: {len(centers)} atoms in ATOMS are the absorber (potential 0, or at the"
            " origin), expected one"
        )
    return Atoms([potentials[k] for k in ipots.tolist()], rows[:, :3]), int(centers[0])


def _direction(where: str, words: list[str]) -> tuple[float, float, float]:
    x, y, z = _numbers(where, words, 3)
    length = float(np.linalg.norm([x, y, z]))
    if length == 0.0:
        raise RecordError(f"{where}: the polarization has no direction")
    return x / length, y / length, z / length


def _edge(where: str, words: list[str]) -> str:
    """Edge of an EDGE or HOLE card."""
    name = words[1].upper() if len(words) > 1 else ""
    if COUNT.fullmatch(name):
        name = HOLES.get(int(name), "")
    if not re.fullmatch(r"K|[LMN][1-7]", name):
        raise RecordError(f"{where}: expected an edge, found {' '.join(words)!r}")
    return name


def _numbers(where: str, words: list[str], count: int) -> list[float]:
    try:
        values = [parse_number(word) for word in words]
    except ValueError:
        values = []
    if len(values) != count:
        raise RecordError(f"{where}: expected {count} numbers, found {' '.join(words)!r}")
    return values
