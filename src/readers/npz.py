"""NumPy archives of spectra with their structures.

Arrays, for n spectra of structures with N atoms in all:

- `mu` (n, n_energies), `n_atoms` (n,) integer, `numbers` (N,) integer, `positions` (N, 3) in
  Angstrom, `absorber` (n,) integer, 0-based in its structure, `element` () or (n,), its symbol,
  `material` (n,) text;
- where crystals are, `cell` (n, 3, 3), Angstrom, zero where a structure has none; `pbc` (n, 3);
- where known, `energy` (n_energies,) or (n, n_energies), eV; `axis`, `edge`, `code`, `version`,
  text, () or (n,); `site` (n,), labels.

NaN at the end of a row of `mu` and `energy` is padding. Nothing is unpickled.
"""

import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from ase import Atoms

from ..dataset.record import PassedOver, Record, Rejected
from ..errors import RecordError
from ..structures.graph import check_atoms
from ..structures.names import LARGEST_Z
from .options import (
    Format,
    Given,
    axis_of,
    check_material,
    check_site,
    edge_of,
    energies_of,
    record_or_reason,
)

NEEDED = ("mu", "n_atoms", "numbers", "positions", "absorber", "element", "material")
"""Arrays that must be there."""
UNREADABLE = (
    zipfile.BadZipFile, zlib.error, struct.error, OSError, ValueError, EOFError, LookupError,
    RuntimeError, MemoryError, OverflowError, SyntaxError, tokenize.TokenError,
)  # fmt: skip
"""What the readers of zip and of arrays are seen to raise on damaged archives."""
LARGEST = 16_000_000_000
"""Bytes of all arrays, unpacked, beyond which an archive is not read."""


def read_npz(
    path: str | Path, given: Given | None = None
) -> Iterator[Record | Rejected | PassedOver]:
    """Yield a record for each spectrum of an archive, or why there is none.

    Raises:
        RecordError: no such archive, damaged, or its arrays do not fit together.
        ConfigError: see ``options.py``.
    """
    path, given = Path(path), given or Given()
    arrays = load_arrays(path)
    last = np.cumsum(arrays["n_atoms"])
    for number in range(len(arrays["mu"])):
        where = f"{path}: spectrum {number}"
        own = slice(last[number] - arrays["n_atoms"][number], last[number])
        make = partial(to_record, arrays, number, own, given, where)
        yield record_or_reason(make, given, where)


def is_npz(path: Path) -> bool:
    """Whether a file is a zip archive with an array ``mu``."""
    try:
        with zipfile.ZipFile(path) as archive:
            return "mu.npy" in archive.namelist()
    except UNREADABLE:
        return False


def load_arrays(path: Path) -> dict[str, np.ndarray]:
    """Arrays of an archive, checked against each other, or RecordError."""
    if not path.is_file():
        raise RecordError(f"{path}: no such file")
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > LARGEST:
            raise RecordError(f"{path}: {size} bytes unpacked, more than {LARGEST}")
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except UNREADABLE as error:
        raise RecordError(f"{path}: damaged, or no archive of plain arrays ({error})") from error
    check_arrays(path, arrays)
    return arrays


def check_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Raise RecordError where an array is missing, or of a shape or type that does not fit."""
    missing = [name for name in NEEDED if name not in arrays]
    if missing:
        raise RecordError(f"{path}: no array {', '.join(missing)}; found {', '.join(arrays)}")
    mu, n_atoms = arrays["mu"], arrays["n_atoms"]
    if mu.ndim != 2 or n_atoms.shape != mu.shape[:1]:
        raise RecordError(
            f"{path}: `mu` {mu.shape}, `n_atoms` {n_atoms.shape}: wanted (n, m), (n,)"
        )
    for name in ("n_atoms", "numbers", "absorber"):
        if arrays[name].dtype.kind not in "iu" or arrays[name].ndim != 1:
            raise RecordError(f"{path}: `{name}` must hold integers, one axis")
    if (n_atoms < 1).any() or n_atoms.sum() != len(arrays["numbers"]):
        raise RecordError(
            f"{path}: `n_atoms` adds up to {n_atoms.sum()}, `numbers` has {len(arrays['numbers'])}"
        )
    n, n_all, m = len(mu), len(arrays["numbers"]), mu.shape[1]
    shapes: dict[str, list[tuple[int, ...]]] = {
        "positions": [(n_all, 3)], "absorber": [(n,)], "material": [(n,)], "cell": [(n, 3, 3)],
        "pbc": [(n, 3)], "energy": [(m,), (n, m)], "axis": [(), (n,)], "edge": [(), (n,)],
        "element": [(), (n,)], "code": [(), (n,)], "version": [(), (n,)], "site": [(n,)],
    }  # fmt: skip
    for name, fitting in shapes.items():
        if name in arrays and arrays[name].shape not in fitting:
            wanted = " or ".join(map(str, fitting))
            raise RecordError(f"{path}: `{name}` has the shape {arrays[name].shape}, not {wanted}")
    for name in ("mu", "positions", "cell", "energy"):
        if name in arrays and arrays[name].dtype.kind not in "fiu":
            raise RecordError(f"{path}: `{name}` must hold numbers, not {arrays[name].dtype}")
    unknown = sorted(set(arrays) - set(shapes) - set(NEEDED))
    if unknown:
        raise RecordError(f"{path}: arrays without a meaning here: {', '.join(unknown)}")


def to_record(
    arrays: dict[str, np.ndarray], number: int, own: slice, given: Given, where: str
) -> Record:
    """One spectrum of an archive; ``own`` are its atoms."""
    cell = arrays["cell"][number] if "cell" in arrays and arrays["cell"][number].any() else None
    periodic = cell is not None if "pbc" not in arrays else arrays["pbc"][number].astype(bool)
    if cell is None and np.any(periodic):
        raise RecordError(f"{where}: periodic but without a cell")
    numbers = arrays["numbers"][own]
    if numbers.min() < 1 or numbers.max() > LARGEST_Z:
        raise RecordError(f"{where}: an atomic number is not within 1 .. {LARGEST_Z}")
    atoms = Atoms(numbers, arrays["positions"][own], cell=cell, pbc=periodic)
    check_atoms(atoms, LARGEST_Z)
    site = int(arrays["absorber"][number])
    if not 0 <= site < len(atoms):
        raise RecordError(f"{where}: `absorber` is {site}, not within 0 .. {len(atoms) - 1}")
    material = check_material(str(arrays["material"][number]), where)
    label = check_site(_text(arrays, "site", number) or f"{site:03d}", where)
    mu, energy = arrays["mu"][number].astype(float), None
    count = len(mu) - int(np.argmin(np.isnan(mu[::-1]))) if not np.isnan(mu).all() else 0
    if "energy" in arrays:
        energies = arrays["energy"]
        energy = (energies if energies.ndim == 1 else energies[number])[:count].astype(float)
    return Record(
        id=f"{material}_{label}",
        material=material,
        atoms=atoms,
        site=site,
        element=str(_text(arrays, "element", number)),
        edge=edge_of(_text(arrays, "edge", number), given, where),
        energy=energies_of(energy, count, given, where),
        mu=mu[:count],
        target=given.target or "as_given",
        code=_text(arrays, "code", number) or "not stated",
        version=_text(arrays, "version", number) or "",
        source=where,
        axis=axis_of(_text(arrays, "axis", number), given, where),
    )


def _text(arrays: dict[str, np.ndarray], name: str, number: int) -> str | None:
    """Text of a spectrum, one for all or its own; None: not there."""
    if name not in arrays:
        return None
    values = arrays[name]
    return str(values if values.ndim == 0 else values[number])


FORMAT = Format(title="NumPy archive", read=read_npz, matches=is_npz, suffixes=(".npz",))
