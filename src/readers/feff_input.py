"""FEFF's ``feff.inp``: the cards that define the calculation.

Source of the cards' meaning and of the energy grids: FEFF 10, ``src/RDINP/rdinp.f90`` and
``src/XSPH/phmesh2.f90``, and its user's guide.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from ..errors import RecordError
from ..runtime.text_files import COUNT, DECIMAL, numbered_lines, parse_number, parse_numbers
from ..structures.names import LARGEST_Z
from .options import unit_vector

NOT_SETTINGS = ("TITL", "POTE", "ATOM", "CONT", "PRIN", "RMUL")
"""Cards that are no settings of the calculation."""
PRESET = re.compile(r"\* Preset (\w+)")
OTHERS = {
    "XES": "an emission spectrum",
    "DANE": "an anomalous scattering factor",
    "FPRI": "an anomalous scattering factor",
    "ELNE": "an electron energy loss spectrum",
    "EXEL": "an electron energy loss spectrum",
    "NRIX": "inelastic X-ray scattering",
    "RIXS": "resonant inelastic X-ray scattering",
    "COMP": "a Compton profile",
    "DENS": "an electron density",
    "FULL": "a spectrum of several edges",
    "XMCD": "circular dichroism",
    "XNCD": "circular dichroism",
    "SPIN": "the absorption of one spin channel",
    "ELLI": "the absorption of elliptically polarized light, or of light with a given direction",
    "MULT": "the absorption of one of two dipole channels",
    "CFAV": "a mean over several absorbing atoms",
}
"""Cards with which ``xmu.dat`` is not the absorption of one atom, and what it is."""
OFF = re.compile(r"(SPIN|ELLI)\S*( [+-]?0*\.?0*)+|MULT\S* \S+( [+-]?0)?")
"""Such cards with values that change nothing: only zeros; both dipole channels."""
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
    not_absorption: str = ""
    """The card with which ``xmu.dat`` is not the absorption of one atom, and what it is."""
    k_max: float | None = None
    """Highest wave number of the calculation, 1/Angstrom."""
    k_step: float = 0.07
    """Step of its grid in wave number, 1/Angstrom; FEFF's default."""
    own_grid: bool = False
    """Whether the input has its own energy grid instead of that of the XANES card."""
    absolute: bool = False
    """Whether ``xmu.dat`` is not normalized."""
    cif: str = ""
    """File of the CIF card, from the input's folder."""
    target: int = 1
    """Absorber's number, from 1, among the atoms that the file of the CIF card lists."""
    unit_cell: bool = False
    """Whether the ATOMS list is a unit cell in lattice coordinates, which is not read."""
    cards: str = ""
    """Cards that determine the spectrum, without structure and titles, separated by `; `."""
    preset: str = ""
    """Preset of radii, where the input names one in a comment as `calculate` does."""
    polarization: tuple[float, float, float] | None = None
    """Vector of the POLARIZATION card, in the axes of the ATOMS list, of unit length."""


def cards(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, list[str]]]:
    """Numbers and words of the lines that count, up to the END card.

    A line that starts with one of `* ! # % ;` is a comment, and so is what follows a `!`. Blanks
    and commas separate words.
    """
    for number, line in lines:
        words = line.split("!")[0].replace(",", " ").split()
        if not words or words[0][0] in "*#%;":
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
    settings: list[list[str]] = []
    block, factor = "", 1.0
    for number, words in cards(lines):
        where = f"{path}: line {number}"
        if not words[0][0].isalpha():
            if block == "POTE":
                ipot, z = (int(value) for value in parse_numbers(where, words[:2], 2))
                if not 0 < z <= LARGEST_Z:
                    raise RecordError(f"{where}: no element has Z = {z}")
                potentials[ipot] = z
            elif block == "ATOM":
                atoms.append(parse_numbers(where, words[:4], 4))
            continue
        block = words[0].upper()[:4]  # FEFF looks at the first four letters
        if block == "RMUL":
            (factor,) = parse_numbers(where, words[1:2], 1)
        elif block not in NOT_SETTINGS:
            settings.append([words[0].upper(), *words[1:]])
            _read_card(result, block, words, where)
    result.cards = "; ".join(" ".join(words) for words in settings)
    result.not_absorption = _other_quantity(settings)
    result.preset = next((m[1] for _, line in lines if (m := PRESET.search(line))), "")
    result.element = chemical_symbols[potentials[0]] if 0 in potentials else None
    names = {words[0][:4] for words in settings}
    result.unit_cell = "RECI" in names and not result.cif
    if atoms and not (result.cif or result.unit_cell or result.not_absorption):
        result.cluster, result.absorber = _cluster(path, np.array(atoms), potentials)
        result.cluster.positions *= factor
    return result


def _read_card(result: FeffInput, block: str, words: list[str], where: str) -> None:
    """Read a card of one line."""
    steps: list[str] = []  # of the grid in wave number, where the card has one
    if block in ("INCL", "LOAD"):
        raise RecordError(f"{where}: {' '.join(words)!r}: cards in another file are not read")
    if block in ("EDGE", "HOLE"):
        result.edge = _edge(where, words)
    elif block == "POLA":
        result.polarization = unit_vector(where, parse_numbers(where, words[1:4], 3))
    elif block == "ABSO":
        result.absolute = True
    elif block == "CIF" and len(words) > 1:
        result.cif = words[1].strip("'\"")
    elif block in ("TARG", "MARK"):
        result.target = int(parse_numbers(where, words[1:2], 1)[0])
    elif block == "XANE" and not result.own_grid:
        if len(words) > 1:
            (result.k_max,) = parse_numbers(where, words[1:2], 1)
        steps = words[2:3]
    elif block == "EGRI":  # the user's own grid replaces that of the XANES card
        result.own_grid, result.k_max = True, None
    elif block == "K_GR":  # `k_grid from to step`, where `from` may be the word `last`
        (end,) = parse_numbers(where, words[2:3], 1)
        if result.k_max is None or end > result.k_max:
            result.k_max, steps = end, words[3:4]
    if steps and DECIMAL.fullmatch(steps[0]):
        result.k_step = parse_number(steps[0])


def _other_quantity(settings: list[list[str]]) -> str:
    """The card with which ``xmu.dat`` is not the absorption of one atom, and what it is, or ""."""
    names = {words[0][:4] for words in settings}
    for words in settings:
        name = words[0][:4]
        if name in OTHERS and not OFF.fullmatch(" ".join(words)):
            return f"card {words[0]}: xmu.dat is {OTHERS[name]}, not ordinary absorption"
    if "XANE" not in names:
        card = "card EXAFS" if "EXAF" in names else "no card XANES, so EXAFS as by default"
        return f"{card}: a sum over paths from the Fermi level upward does not hold near the edge"
    return ""


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


def _edge(where: str, words: list[str]) -> str:
    """Edge of an EDGE or HOLE card."""
    name = words[1].upper() if len(words) > 1 else ""
    if COUNT.fullmatch(name):
        name = HOLES.get(int(name), "")
    if not re.fullmatch(r"K|[LMN][1-7]", name):
        raise RecordError(f"{where}: expected an edge, found {' '.join(words)!r}")
    return name
