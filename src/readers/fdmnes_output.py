"""Output of an FDMNES run: its files, the raw spectra, and whether they are those of the input.

The first line of a raw file, after the lines with `#` that `Header` asks for, is values, `=`, and
their names: `E_edge, Z, n_edge, j_edge, .., Epsii`, the last of them several times for edges of two
levels, L23; then `UnitCell_Volume` (Angstrom^3) and `natomsym_f` (atoms of the cell that this site
stands for), where the version writes them. Energies count from `E_edge`, unless `Energpho` makes
them those of the photon. In the 15 runs the volume is the input's within 1e-6 and the atoms add up
to its number of absorbers; the convoluted energies end within 0.1 eV of the raw ones, and are the
same where there is one raw file, apart from those that FDMNES adds below.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import RecordError
from ..runtime.text_files import COUNT, parse_number, parse_numbers, whole_lines
from .fdmnes_input import WRITTEN, FdmnesInput
from .plausibility import tabulated_edge

EDGE_WITHIN = 0.005
"""Largest relative difference of E_edge and the tabulated edge energy."""
VOLUME_WITHIN = 1e-3
"""Largest relative difference of the cell's volume in input and output."""
IN_NAME = dict(zip(("EF", "Gm", "GH", "Ep", "Ga", "Ui"), WRITTEN, strict=True))
"""Parameter of each abbreviation in the name of a convoluted spectrum."""
END_WITHIN = 5.0
"""Largest difference of the last energies of raw and convoluted spectrum, eV; sites' core levels
differ by some."""


@dataclass(frozen=True)
class Raw:
    """A raw spectrum."""

    path: Path
    """Its file."""
    z: int
    """Absorber's atomic number."""
    edge_energy: float
    """Energy that the table's energies are relative to, eV."""
    levels: tuple[float, ...]
    """Calculated energies of the initial states, eV."""
    volume: float | None
    """Volume of the cell, Angstrom^3, where it is given."""
    atoms: float | None
    """Atoms of the cell that this site stands for, where it is given."""
    energy: np.ndarray
    """Energies as they are in the file, eV, shape (n_energies,)."""
    total: np.ndarray
    """Sum over the initial states, Mbarn, shape (n_energies,)."""


def find_output(path: Path, inp: FdmnesInput, folder: Path) -> tuple[list[Path], Path]:
    """Raw spectra of a run, one per distinct absorber, and the convoluted one.

    Files that were moved are looked for next to the input, too.

    Args:
        path: input file.
        inp: its content.
        folder: where FDMNES ran.

    Raises:
        RecordError: there are none, or several convoluted ones and the input does not say which.
    """
    bases = [folder / inp.output, path.parent / inp.output, path.parent / Path(inp.output).name]
    base, raw = next(((base, raw) for base in bases if (raw := _raw_files(base))), (bases[0], []))
    if not raw:
        raise RecordError(
            f"{path}: no raw spectrum, {base.name}.txt or {base.name}_1.txt; did the run finish?"
        )
    if inp.convoluted is not None:
        usual = Path(inp.convoluted).name
        places = [folder / inp.convoluted, base.with_name(usual)]
        named = [place for place in places if place.is_file()][:1]
    else:
        stem = base.name if len(raw) > 1 else raw[0].stem
        usual, named = f"{stem}_conv.txt", _convoluted(base.parent, stem, inp)
    if not named:
        raise RecordError(f"{path}: no convoluted spectrum, {usual}; did the run finish?")
    if len(named) > 1:
        names = ", ".join(sorted(file.name for file in named))
        raise RecordError(f"{path}: several convoluted spectra, {names}; keep the one to read")
    return raw, named[0]


def _raw_files(base: Path) -> list[Path]:
    """Raw spectra of an output: `<base>.txt`, else `<base>_N.txt` in the order of N."""
    if (single := base.with_name(f"{base.name}.txt")).is_file():
        return [single]
    name = re.compile(re.escape(base.name) + r"_(\d+)\.txt")
    numbers = {
        file: int(m[1]) for file in base.parent.glob("*.txt") if (m := name.fullmatch(file.name))
    }
    return sorted(numbers, key=numbers.__getitem__)


def _convoluted(folder: Path, stem: str, inp: FdmnesInput) -> list[Path]:
    """Convoluted spectra of an output; of several, the one with the input's parameters.

    Since August 2019 FDMNES writes parameters that the input sets into the name, such as
    `Cu_EF-2p5_Gm20_conv.txt`.
    """
    parameter = rf"_({'|'.join(IN_NAME)})(-?\d+(?:p\d+)?)"
    name = re.compile(rf"{re.escape(stem)}(?:{parameter})*_conv\.txt")
    files = [file for file in folder.glob("*_conv.txt") if name.fullmatch(file.name)]
    chosen = []
    for file in files if len(files) > 1 else ():
        pairs = re.findall(parameter, file.name.removeprefix(stem))
        values = {IN_NAME[key]: float(value.replace("p", ".")) for key, value in pairs}
        if values.keys() == inp.written.keys() and all(
            abs(value - inp.written[key]) < 1e-3 for key, value in values.items()
        ):
            chosen.append(file)
    return chosen or files


def read_raw(path: Path) -> Raw:
    """Read a raw spectrum: its line of values and their names, and the table."""
    lines = _lines(path)
    number, first = lines[0] if lines else (1, "")
    values, _, names = first.partition("=")
    labels = list[str]()
    for name in names.split(","):  # `Epsii(1..2)` names two values
        label, _, last = name.strip().removesuffix(")").partition("(1..")
        labels += [label] * (int(last[:2]) if COUNT.fullmatch(last) else 1)
    try:
        words = zip(labels, values.split(), strict=False)
        pairs = [(name, parse_number(word)) for name, word in words]
        head = dict(pairs)
        z, edge_energy = int(head["Z"]), head["E_edge"]
    except (KeyError, ValueError) as error:
        raise RecordError(
            f"{path}: line {number}: expected numbers and `= E_edge, Z, ..`"
        ) from error
    table = _table(path, lines[1:])
    return Raw(
        path=path,
        z=z,
        edge_energy=edge_energy,
        levels=tuple(value for name, value in pairs if name == "Epsii"),
        volume=head.get("UnitCell_Volume") or None,
        atoms=head.get("natomsym_f", head.get("natomsym")),
        energy=table[:, 0],
        total=table[:, 1:].sum(axis=1),
    )


def read_convoluted(path: Path) -> np.ndarray:
    """Energies, eV, and values, Mbarn, of a convoluted spectrum, shape (n_energies, 2)."""
    table = _table(path, _lines(path))
    if table.shape[1] != 2:
        raise RecordError(f"{path}: expected 2 columns, found {table.shape[1]}")
    return table


def _lines(path: Path) -> list[tuple[int, str]]:
    """Numbered lines of a file without those with `#` that `Header` asks for."""
    return [(number, line) for number, line in whole_lines(path) if line.lstrip()[:1] != "#"]


def _table(path: Path, lines: list[tuple[int, str]]) -> np.ndarray:
    """Numbers below a title, shape (n_energies, n_columns), two columns or more."""
    rows = list[list[float]]()
    for number, line in lines:
        words = line.split()
        if not words or (not rows and words[0].lower() == "energy"):
            continue
        count = len(rows[0]) if rows else max(2, len(words))
        rows.append(parse_numbers(f"{path}: line {number}", words, count))
    if not rows:
        raise RecordError(f"{path}: no energies; the file is truncated")
    return np.array(rows)


def check_raw(path: Path, raw: list[Raw], inp: FdmnesInput) -> None:
    """Refuse raw spectra of another absorber, edge or cell than the input's."""
    first = raw[0]
    if len({(r.z, r.edge_energy) for r in raw}) > 1:
        raise RecordError(f"{first.path}: Z or E_edge differs from that of the other sites")
    absorber = inp.atoms[inp.absorbers[0]]
    if first.z != absorber.number:
        raise RecordError(
            f"{path}: the absorber is Z {absorber.number}, but the output is of Z {first.z}"
        )
    edge = tabulated_edge(absorber.symbol, inp.edge)
    if edge is not None and abs(first.edge_energy / edge - 1.0) > EDGE_WITHIN:
        raise RecordError(
            f"{first.path}: line 1: E_edge is {first.edge_energy:g} eV, but {absorber.symbol}"
            f" {inp.edge} is at {edge:g} eV"
        )
    if first.volume is None or not inp.atoms.pbc.all():
        return
    volume = inp.atoms.cell.volume
    if abs(volume / first.volume - 1.0) > VOLUME_WITHIN:
        raise RecordError(
            f"{path}: the cell has {volume:.2f} Angstrom^3, but that of {first.path.name} has"
            f" {first.volume:.2f}"
        )


def count_atoms(path: Path, raw: list[Raw], inp: FdmnesInput) -> float:
    """Number of atoms over which the output is a sum.

    Raises:
        RecordError: it is not that of the input; or the sum of those that `Absorber` lists, with
            all atoms equivalent to them, has other weights than their mean.
    """
    counts, listed = [r.atoms for r in raw if r.atoms], len(inp.absorbers)
    stands = " + ".join(f"{count:g}" for count in counts)
    if not inp.listed:
        if len(counts) == len(raw) and sum(counts) != listed:
            raise RecordError(
                f"{path}: {listed} atoms absorb, but the raw spectra stand for {stands}"
            )
        return listed
    if len(counts) < len(raw):
        raise RecordError(
            f"{path}: `Absorber`, but {raw[0].path.name} does not say for how many equivalent atoms"
            " it stands (natomsym_f); give `Z_absorber` instead"
        )
    if len(raw) > 1 and sum(counts) != listed and (len(set(counts)) > 1 or len(raw) != listed):
        raise RecordError(
            f"{path}: `Absorber` lists {listed} atoms, but the raw spectra stand for {stands}; list"
            " all equivalent atoms"
        )
    return sum(counts)


def check_sum(
    raw: list[Raw], convoluted: Path, table: np.ndarray, count: float, per_atom: bool
) -> None:
    """Refuse a sum over ``count`` atoms where the input says `Per_atom`, and a mean where not.

    The spectrum is compared with the sum of the raw ones over the upper half of the energies, where
    broadening takes little: 11 to 15 % in 15 runs of TiO2, against at least a half.
    """
    first = raw[0].energy
    grid = first[first > (first[0] + first[-1]) / 2.0]
    total = sum(np.interp(grid, r.energy, r.total).mean() for r in raw)
    if count == 1 or not total > 0:
        return
    ratio = np.interp(grid, table[:, 0], table[:, 1]).mean() / total
    if (ratio < 0.8 * count**-0.5) != per_atom:
        raise RecordError(
            f"{convoluted}: {ratio:.3g} times the sum of the raw spectra of {count:g} atoms, but"
            f" the input has {'' if per_atom else 'no '}`Per_atom`; is it of another input?"
        )


def check_table(raw: list[Raw], convoluted: Path, energy: np.ndarray, inp: FdmnesInput) -> None:
    """Refuse a convoluted spectrum that is not on the energies of the raw ones."""
    levels = [level for r in raw for level in r.levels] or [0.0]
    levels += [inp.written["epsii"]] if "epsii" in inp.written else []
    spread = max(levels) - min(levels)  # spectra of initial states are shifted by their differences
    for r in raw:
        if abs(r.energy[-1] - energy[-1]) > END_WITHIN + spread:
            raise RecordError(
                f"{convoluted}: ends at {energy[-1]:g} eV, but {r.path.name} at"
                f" {r.energy[-1]:g} eV; a file is truncated"
            )
    grid = raw[0].energy
    own = energy[energy > grid[0] - 1e-6]  # FDMNES adds energies below
    single = len(raw) == 1 and spread == 0.0 and np.isin(own, grid).mean() > 0.5
    if single and not np.array_equal(own, grid):
        odd = np.setxor1d(own, grid)
        where = f"such as at {odd[0]:g} eV" if len(odd) else "one occurs twice"
        raise RecordError(
            f"{convoluted}: its energies are not those of {raw[0].path.name}, {where}; a line is"
            " damaged"
        )
