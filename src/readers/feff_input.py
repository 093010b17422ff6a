"""FEFF's ``feff.inp``: the cards that define the calculation."""

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from ase import Atoms

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
    potentials: dict[int, int] = field(default_factory=dict)
    """Atomic number of each unique potential."""
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

    @property
    def absorber_z(self) -> int | None:
        """Atomic number of potential 0."""
        return self.potentials.get(0)


def cards(path: Path) -> list[tuple[int, list[str]]]:
    """Lines of an input that count, with their numbers, up to the END card.

    A line that starts with one of `* ! # %` is a comment, and so is what follows a `!`.
    """
    found = []
    for number, line in numbered_lines(path):
        if line.lstrip()[:1] in ("*", "!", "#", "%"):
            continue
        words = line.split("!")[0].split()
        if not words:
            continue
        if words[0].upper() == "END":
            break
        found.append((number, words))
    return found


def read_feff_input(path: Path) -> FeffInput:
    """Read a ``feff.inp``; cards that do not matter here are passed over.

    Raises:
        RecordError: a line can't be understood; the line is named.
    """
    result = FeffInput()
    atoms: list[tuple[int, list[str]]] = []
    block, factor, xanes_k, grid_k, own_grid = "", 1.0, None, None, False
    settings: list[str] = []
    for number, words in cards(path):
        if re.match(r"[A-Za-z]", words[0]):
            # FEFF looks at the first four letters
            block = words[0].upper()[:4]
            if block not in NOT_SETTINGS:
                settings.append(" ".join([words[0].upper(), *words[1:]]))
            if block in ("EDGE", "HOLE"):
                result.edge = _edge(path, number, words)
            elif block == "POLA":
                result.polarization = _direction(path, number, words[1:4])
            elif block == "RMUL":
                factor = _numbers(path, number, words[1:2], 1)[0]
            elif block == "XANE" and len(words) > 1:
                xanes_k = _numbers(path, number, words[1:2], 1)[0]
            elif block == "K_GR":
                # `k_grid from to step`, where `from` may be the word `last`
                grid_k = max(grid_k or 0.0, _numbers(path, number, words[2:3], 1)[0])
            elif block == "EGRI":
                own_grid = True
        elif block == "POTE":
            ipot, z = (int(value) for value in _numbers(path, number, words[:2], 2))
            if not 0 < z <= LARGEST_Z:
                raise RecordError(f"{path}: line {number}: no element has Z = {z}")
            result.potentials[ipot] = z
        elif block == "ATOM":
            atoms.append((number, words))
    # a grid of the user's own takes the place of the XANES card's
    result.k_max = grid_k if own_grid or grid_k is not None else xanes_k
    result.cards = "; ".join(settings)
    named = PRESET.search(next((line for _, line in numbered_lines(path) if "Preset" in line), ""))
    result.preset = named[1] if named else ""
    if atoms:
        _set_cluster(path, result, atoms, factor)
    return result


def _set_cluster(
    path: Path, result: FeffInput, lines: list[tuple[int, list[str]]], factor: float
) -> None:
    """Turn the ATOMS list into a structure and find the absorber in it."""
    rows = np.array([_numbers(path, number, words[:4], 4) for number, words in lines])
    ipots = rows[:, 3].astype(int)
    for ipot in sorted(set(ipots)):
        if ipot not in result.potentials:
            raise RecordError(f"{path}: ATOMS uses potential {ipot}, which POTENTIALS lacks")
    result.cluster = Atoms(
        numbers=[result.potentials[ipot] for ipot in ipots], positions=factor * rows[:, :3]
    )
    centers = np.flatnonzero(ipots == 0)
    if len(centers) == 0:
        centers = np.flatnonzero(np.linalg.norm(rows[:, :3], axis=1) < 1e-6)
    if len(centers) != 1:
        raise RecordError(
            f"{path}: {len(centers)} atoms in ATOMS are the absorber (potential 0, or at the"
            " origin), expected one"
        )
    result.absorber = int(centers[0])


def _direction(path: Path, number: int, words: list[str]) -> tuple[float, float, float]:
    vector = np.array(_numbers(path, number, words, 3))
    if not np.linalg.norm(vector) > 0:
        raise RecordError(f"{path}: line {number}: the polarization has no direction")
    x, y, z = (vector / np.linalg.norm(vector)).tolist()
    return x, y, z


def _edge(path: Path, number: int, words: list[str]) -> str:
    """Edge of an EDGE or HOLE card."""
    name = words[1].upper() if len(words) > 1 else ""
    if COUNT.fullmatch(name):
        name = HOLES.get(int(name), "")
    if not re.fullmatch(r"K|[LMN][1-7]", name):
        raise RecordError(f"{path}: line {number}: expected an edge, found {' '.join(words)!r}")
    return name


def _numbers(path: Path, number: int, words: list[str], count: int) -> list[float]:
    try:
        values = [parse_number(word) for word in words]
    except ValueError:
        values = []
    if len(values) != count or not np.isfinite(values).all():
        raise RecordError(
            f"{path}: line {number}: expected {count} numbers, found {' '.join(words)!r}"
        )
    return values
