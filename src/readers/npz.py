"""NumPy archives of spectra with their structures.

Arrays, for n spectra of structures with N atoms in all:

- `mu` (n, n_energies), `n_atoms` (n,) integer, `numbers` (N,) integer, `positions` (N, 3) in
  Angstrom, `absorber` (n,) integer, 0-based in its structure, `element` () or (n,), its symbol,
  `material` (n,) text;
- for crystals, `cell` (n, 3, 3), Angstrom, zero for molecules; `pbc` (n, 3);
- where known, `energy` (n_energies,) or (n, n_energies), eV; `axis`, `edge`, `code`, `version`,
  text, () or (n,); `site` (n,), labels.

NaN at the end of a row of `mu` and `energy` is padding. Nothing is unpickled.
"""

import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from ..dataset.record import PassedOver, Record, Rejected
from ..errors import RecordError
from ..structures.names import LARGEST_Z
from .options import Format, ReadOptions, make_record, read_each

NEEDED = ("mu", "n_atoms", "numbers", "positions", "absorber", "element", "material")
"""Arrays that every archive has."""
TEXTS = ("edge", "axis", "code", "version")
LARGEST = 16_000_000_000
"""Bytes of all arrays, unpacked, beyond which an archive is not read."""


def read_npz(
    path: str | Path, options: ReadOptions | None = None
) -> Iterator[Record | Rejected | PassedOver]:
    """Read every spectrum of an archive; see ``options.read_each`` for what is yielded.

    Raises:
        RecordError: no such archive, damaged, or its arrays do not fit together.
        ConfigError: edge, energies or axis are in neither the archive nor ``options``.
    """
    path, options = Path(path), options or ReadOptions()
    arrays = load_arrays(path)
    ends = np.cumsum(arrays["n_atoms"]).tolist()
    sources = [f"{path}: spectrum {number}" for number in range(len(ends))]
    yield from read_each(
        ((s, partial(_to_record, arrays, k, ends[k], s, options)) for k, s in enumerate(sources)),
        options,
    )


def is_npz(path: Path) -> bool:
    """Whether a file is a zip archive with an array ``mu``."""
    try:
        with zipfile.ZipFile(path) as archive:
            return "mu.npy" in archive.namelist()
    except Exception:  # damage makes zipfile raise a dozen classes
        return False


def load_arrays(path: Path) -> dict[str, np.ndarray]:
    """Arrays of an archive, checked against each other, or RecordError."""
    if not path.is_file():
        raise RecordError(f"{path}: no such file")
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size <= LARGEST:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
    except Exception as error:  # as above, and NumPy
        raise RecordError(f"{path}: damaged, or no archive of plain arrays ({error})") from error
    if size > LARGEST:
        raise RecordError(f"{path}: {size} bytes unpacked, more than {LARGEST}")
    _check_arrays(path, arrays)
    return arrays


def _check_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Raise RecordError where an array is missing, or of a shape or type that does not fit."""
    missing = [name for name in NEEDED if name not in arrays]
    if missing:
        raise RecordError(f"{path}: no array {', '.join(missing)}; found {', '.join(arrays)}")
    if arrays["mu"].ndim != 2:
        raise RecordError(f"{path}: `mu` is {arrays['mu'].shape}, expected (n, n_energies)")
    (n, m), n_all = arrays["mu"].shape, arrays["numbers"].size
    text: tuple[str, list[tuple[int, ...]]] = ("Uiuf", [(), (n,)])
    expected: dict[str, tuple[str, list[tuple[int, ...]]]] = {
        "mu": ("fiu", [(n, m)]), "n_atoms": ("iu", [(n,)]), "numbers": ("iu", [(n_all,)]),
        "positions": ("fiu", [(n_all, 3)]), "absorber": ("iu", [(n,)]),
        "material": ("Uiuf", [(n,)]), "cell": ("fiu", [(n, 3, 3)]), "pbc": ("biuf", [(n, 3)]),
        "energy": ("fiu", [(m,), (n, m)]), "site": ("Uiuf", [(n,)]), "axis": text, "edge": text,
        "element": text, "code": text, "version": text,
    }  # fmt: skip
    for name, array in arrays.items():
        if name not in expected:
            raise RecordError(f"{path}: `{name}` has no meaning here; known: {', '.join(expected)}")
        kinds, shapes = expected[name]
        if array.dtype.kind not in kinds or array.shape not in shapes:
            kind = {"iu": "integers", "fiu": "numbers", "biuf": "flags"}.get(kinds, "text")
            raise RecordError(
                f"{path}: `{name}` is {array.dtype} {array.shape}, expected {kind} of shape"
                f" {' or '.join(map(str, shapes))}"
            )
    if (arrays["n_atoms"] < 1).any() or arrays["n_atoms"].sum() != n_all:
        raise RecordError(
            f"{path}: `n_atoms` adds up to {arrays['n_atoms'].sum()}, but `numbers` has {n_all}"
        )


def _to_record(
    arrays: dict[str, np.ndarray], number: int, end: int, source: str, options: ReadOptions
) -> Record:
    """The record of a spectrum, whose atoms end before ``end``; XanesError for wrong values."""
    atoms = slice(end - int(arrays["n_atoms"][number]), end)
    common = {name: array for name, array in arrays.items() if array.ndim == 0}
    if arrays.get("energy", np.zeros(())).ndim == 1:
        common["energy"] = arrays["energy"]
    each = [name for name in arrays if name not in (*common, "numbers", "positions")]
    values: dict[str, Any] = common | {name: arrays[name][number] for name in each}
    cell = values["cell"] if np.any(values.get("cell", 0.0)) else None
    periodic = np.array(values.get("pbc", cell is not None), dtype=bool)
    if cell is None and periodic.any():
        raise RecordError(f"{source}: periodic but without a cell")
    numbers = arrays["numbers"][atoms]
    if numbers.min() < 1 or numbers.max() > LARGEST_Z:
        raise RecordError(f"{source}: an atomic number is not within 1 to {LARGEST_Z}")
    mu = values["mu"].astype(float)
    count = 1 + max(np.flatnonzero(~np.isnan(mu)), default=-1)
    return make_record(
        source,
        options,
        material=str(values["material"]),
        atoms=Atoms(numbers, arrays["positions"][atoms], cell=cell, pbc=periodic),
        site=int(values["absorber"]),
        element=str(values["element"]),
        mu=mu[:count],
        energy=values["energy"][:count].astype(float) if "energy" in values else None,
        label=str(values["site"]) if "site" in values else None,
        **{name: str(values[name]) for name in TEXTS if name in values},
    )


FORMAT = Format(title="NumPy archives", read=read_npz, matches=is_npz, suffixes=(".npz",))
