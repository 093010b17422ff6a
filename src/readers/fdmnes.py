"""FDMNES runs: the convoluted spectrum of all absorbers of a cell, per atom.

FDMNES (Bunau and Joly, J. Phys. Condens. Matter 21, 345501 (2009)) writes `<filout>_N.txt`, the raw
spectrum of the N-th distinct absorber, or `<filout>.txt` where there is one, and
`<filout>_conv.txt`, convoluted, all in Mbarn and summed over the atoms of the cell: in 15 runs of
TiO2 both the values and `Abs_before_edge` are proportional to the number of absorbers. A record is
the convoluted spectrum divided by that number, the mean over the absorbers, which is what other
codes and measurements compare with. Energies count from `E_edge` in the first line of a raw file.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from ..dataset.record import PassedOver, Record, Rejected, if_wanted
from ..errors import RecordError, XanesError
from ..runtime.numbers import COUNT
from ..runtime.text_files import check_whole, numbered_lines
from ..structures.graph import check_atoms, check_distances
from ..structures.names import NOT_FIRST, check_wanted
from ..xas.columns import read_columns
from .fdmnes_input import FdmnesInput, read_input
from .fdmnes_raw import Raw, check_raw, read_raw
from .plausibility import check_cross_section

INPUT, LIST = "fdmnes_in.txt", "fdmfile.txt"
"""Usual name of the input, and of the file that names the inputs."""
A0_SQUARED = 28.00285
"""a0^2 in Mbarn (CODATA 2018: a0 = 0.529177210903 Angstrom; 1 Mbarn is 1e-2 Angstrom^2)."""
BOHR = 0.529177210903
"""Bohr radius a0, Angstrom (CODATA 2018)."""
LARGEST_Z = 103


def find_fdmnes(folder: Path) -> Iterator[Path]:
    """Input files of the runs below a folder, in sorted order.

    Raises:
        RecordError: it is not a folder.
    """
    if not folder.is_dir():
        raise RecordError(f"{folder}: no such folder")
    found = []
    for where, _, names in os.walk(folder):
        if LIST in names:
            try:
                found += inputs_of(Path(where, LIST))
            except RecordError:
                found.append(Path(where, LIST))  # what is wrong is said when it is read
        elif INPUT in names:
            found.append(Path(where, INPUT))
    yield from sorted(set(found))


def inputs_of(listing: Path) -> list[Path]:
    """Input files that a fdmfile.txt names: a number, then that many names.

    An empty file stands for the input of the usual name.

    Raises:
        RecordError: it does not begin with a number, or names fewer.
    """
    words = [line.split("!")[0].strip() for _, line in numbered_lines(listing)]
    words = [word for word in words if word]
    if not words:
        return [listing.with_name(INPUT)]
    count = int(words[0]) if COUNT.fullmatch(words[0]) else 0
    if not 0 < count < len(words):
        raise RecordError(
            f"{listing}: expected a number and as many names of inputs, found {words[0][:30]!r} and"
            f" {len(words) - 1} names"
        )
    return [listing.parent / word for word in words[1 : 1 + count]]


def read_fdmnes(
    folder: str | Path, element: str | None = None, edge: str | None = None
) -> Iterator[Record | Rejected | PassedOver]:
    """Read all runs below a folder.

    Args:
        folder: one run or many.
        element: absorbing element wanted; None: all.
        edge: edge wanted; None: all.

    Yields:
        A record for each run, or why there is none, or that it is of another element or edge.

    Raises:
        RecordError: it is not a folder, or ``edge`` is none.
        ConfigError: ``element`` is no symbol.
    """
    check_wanted(element, edge)
    for path in find_fdmnes(Path(folder)):
        try:
            record = read_run(path)
        except (XanesError, OSError) as error:
            yield Rejected(str(path), str(error).removeprefix(f"{path}: "))
            continue
        yield if_wanted(record, element, edge)


def read_run(path: Path) -> Record:
    """Read one run.

    Args:
        path: its input file.

    Raises:
        RecordError: a file is missing or damaged, or the files do not fit together.
    """
    if path.name == LIST:
        inputs_of(path)
    told = read_input(path)
    check_atoms(told.atoms, LARGEST_Z)
    check_distances(told.atoms)
    elements = {told.atoms[k].symbol for k in told.absorbers}
    if len(elements) > 1:
        raise RecordError(f"{path}: absorbers of several elements, {', '.join(sorted(elements))}")
    base = path.parent / told.output
    convoluted = base.with_name(f"{base.name}_conv.txt")
    if not convoluted.is_file():
        raise RecordError(f"{path}: no convoluted spectrum, {convoluted.name}; did the run finish?")
    check_whole(convoluted)
    table = read_columns(convoluted)
    if table.values.shape[1] != 2:
        raise RecordError(f"{convoluted}: expected 2 columns, found {table.values.shape[1]}")
    raw = raw_spectra(told)
    check_raw(raw, told, convoluted, table.values[:, 0])
    mu = table.values[:, 1] / len(told.absorbers) / A0_SQUARED * 1000.0
    last = mu[-1] / 1000.0 * BOHR**2
    check_cross_section(str(convoluted), raw[0].z, told.edge, last)
    material = material_of(told)
    return Record(
        id=f"{material}_mean",
        material=material,
        atoms=told.atoms,
        site=told.absorbers[0],
        element=elements.pop(),
        edge=told.edge,
        energy=raw[0].edge_energy + table.values[:, 0],
        mu=mu,
        target="absolute",
        code="FDMNES",
        version="",
        source=str(path.parent),
        mean_over=tuple(told.absorbers),
    )


def material_of(told: FdmnesInput) -> str:
    """Name of a run's folder, or of its output where the folder holds several runs."""
    folder, listing = told.path.resolve().parent, told.path.with_name(LIST)
    several = listing.is_file() and len(inputs_of(listing)) > 1
    name = Path(told.output).name if several else folder.name
    return re.sub(r"[\s/\\#]+", "-", name).lstrip(NOT_FIRST)


def raw_spectra(told: FdmnesInput) -> list[Raw]:
    """Raw spectra of all sites.

    Raises:
        RecordError: there is none, or one is not as FDMNES writes it.
    """
    base = told.path.parent / told.output
    single = base.with_name(f"{base.name}.txt")
    several = sorted(base.parent.glob(f"{glob_escape(base.name)}_[0-9]*.txt"))
    found = [single] if single.is_file() else several
    if not found:
        raise RecordError(f"{told.path}: no raw spectrum, {base.name}.txt or {base.name}_1.txt")
    return [read_raw(path) for path in found]


def glob_escape(name: str) -> str:
    """A name in which nothing is a pattern."""
    return re.sub(r"([*?\[])", r"[\1]", name)
