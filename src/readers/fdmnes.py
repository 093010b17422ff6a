"""FDMNES runs: the convoluted spectrum of all absorbers of a cell, per atom.

FDMNES (Bunau and Joly, J. Phys. Condens. Matter 21, 345501 (2009)) writes `<filout>_N.txt`, the raw
spectrum of the N-th distinct absorber, or `<filout>.txt` where there is one, and
`<filout>_conv.txt`, convoluted, in the folder where it ran, that of fdmfile.txt. All are in Mbarn
and summed over the atoms of the cell: in 15 runs of TiO2 both the values and `Abs_before_edge` are
proportional to the number of absorbers. A record is the convoluted spectrum divided by that number
(unless `Per_atom` did so already), the mean over the absorbers, which is what other codes and
measurements compare with.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from ..dataset.record import PassedOver, Record, Rejected
from ..errors import RecordError
from ..runtime.text_files import COUNT, numbered_lines
from ..structures.names import to_name
from .fdmnes_input import read_input
from .fdmnes_output import (
    check_raw,
    check_sum,
    check_table,
    count_atoms,
    find_output,
    read_convoluted,
    read_raw,
)
from .options import Format, ReadOptions, read_each
from .plausibility import BOHR, check_cross_section

INPUT, LIST = "fdmnes_in.txt", "fdmfile.txt"
"""Usual name of the input, and of the file that names the inputs."""
A0_SQUARED = 28.00285
"""a0^2 in Mbarn; 1 Mbarn is 1e-2 Angstrom^2."""


def find_fdmnes(folder: Path) -> Iterator[Path]:
    """Input files of the runs below a folder, in sorted order.

    Raises:
        RecordError: it is not a folder.
    """
    if not folder.is_dir():
        raise RecordError(f"{folder}: no such folder")
    paths = set()
    for where, _, names in os.walk(folder):
        if LIST in names:
            try:
                paths |= set(_inputs_of(Path(where, LIST)))
            except RecordError:
                paths.add(Path(where, LIST))  # what is wrong is said when it is read
        elif INPUT in names:
            paths.add(Path(where, INPUT))
    yield from sorted(paths)


def _inputs_of(listing: Path) -> list[Path]:
    """Input files that a fdmfile.txt names: a number, then that many names.

    An empty file means the input of the usual name.
    """
    words = (line.split("!")[0].strip() for _, line in numbered_lines(listing))
    count, *names = list(filter(None, words)) or ["1", INPUT]
    if not COUNT.fullmatch(count) or not 0 < int(count) <= len(names):
        raise RecordError(
            f"{listing}: expected a number and as many names of inputs, found {count[:30]!r} and"
            f" {len(names)} names"
        )
    return [_input_called(listing.parent / name.replace("\\", "/")) for name in names[: int(count)]]


def _input_called(path: Path) -> Path:
    """The file of a name, to which FDMNES adds `.txt` where there is none; it need not exist."""
    with suppress(OSError, ValueError):  # too long to be a name, or none
        longer = path.with_name(f"{path.name}.txt")
        return longer if longer.is_file() and not path.is_file() else path
    return path


def _working_folder(path: Path) -> Path:
    """Folder where FDMNES ran on an input, which the names of its output count from.

    That of the fdmfile.txt that names the input, in its folder or above it; else the input's.
    """
    for folder in [*path.parents, *path.absolute().parents]:
        with suppress(RecordError, OSError):  # no such file, or one of other runs
            if path.absolute() in [name.absolute() for name in _inputs_of(folder / LIST)]:
                return folder
    return path.parent


def read_fdmnes(
    folder: str | Path, element: str | None = None, edge: str | None = None
) -> Iterator[Record | Rejected | PassedOver]:
    """Read all runs below a folder; see ``options.read_each`` for what is yielded.

    Args:
        folder: one run or many.
        element: absorbing element; None: all.
        edge: edge; None: all.

    Raises:
        RecordError: it is not a folder, or ``edge`` is none.
        ConfigError: ``element`` is no symbol.
    """
    options = ReadOptions(element, edge)
    runs = find_fdmnes(Path(folder))
    yield from read_each(((str(path), partial(read_run, path)) for path in runs), options)


def read_run(path: Path) -> Record:
    """Read the run of an input file; RecordError where files are damaged or do not fit together."""
    if path.name == LIST:
        _inputs_of(path)
    folder = _working_folder(path)
    inp = read_input(path, folder)
    elements = {inp.atoms[k].symbol for k in inp.absorbers}
    if len(elements) > 1:
        raise RecordError(f"{path}: absorbers of several elements, {', '.join(sorted(elements))}")
    files, convoluted = find_output(path, inp, folder)
    table, raw = read_convoluted(convoluted), [read_raw(file) for file in files]
    check_raw(path, raw, inp)
    check_table(raw, convoluted, table[:, 0], inp)
    count = count_atoms(path, raw, inp)
    check_sum(raw, convoluted, table, count, inp.per_atom)
    mu = table[:, 1] / (1 if inp.per_atom else count) / A0_SQUARED * 1000.0
    check_cross_section(str(convoluted), raw[0].z, inp.edge, mu[-1] / 1000.0 * BOHR**2)
    material, (first, *others) = _material(path, folder, inp.output), inp.absorbers
    single = inp.listed and not others
    return Record(
        id=f"{material}_{first:03d}" if single else f"{material}_mean",
        material=material,
        atoms=inp.atoms,
        site=first,
        element=elements.pop(),
        edge=inp.edge,
        energy=table[:, 0] + (0.0 if inp.photon_energies else raw[0].edge_energy),
        mu=mu,
        target="absolute",
        code="FDMNES",
        version="",
        source=str(path.parent),
        mean_over=None if single else tuple(inp.absorbers),
    )


def _material(path: Path, folder: Path, output: str) -> str:
    """Name of the material of a run: that of its folder, or of the output where others share it."""
    own = path.absolute().parent
    if own == folder.absolute():
        shared = (folder / LIST).is_file() and len(_inputs_of(folder / LIST)) > 1
    else:
        shared = path.name != INPUT
    if shared:
        return to_name(Path(output).name)
    if own.parent.name == "FDMNES":  # of `calculate`: <material>/FDMNES/<site>_<element>
        own = own.parents[1]
    return to_name(own.name)


FORMAT = Format(
    title="FDMNES runs",
    read=lambda path, options: read_fdmnes(path, options.element, options.edge),
    find_runs=find_fdmnes,
    refuses=("energy", "axis"),
    targets=("absolute",),
)
