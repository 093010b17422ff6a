"""Labels of a pretrained universal potential for structures like the training ones.

python -m research.teacher cu.db --ids train.txt --substituted 4400 -o labels.npz

The teacher is CHGNet 0.3.0 (Deng et al., Nature Machine Intelligence 5, 1031 (2023),
doi:10.1038/s42256-023-00716-3; license BSD-3-Clause; the weights come inside its wheel), an extra,
`pip install '.[distill]'`. It labels every atom with its 64 features, magnetic moment and site
energy, in about 0.1 s a structure and thread. Labeled are the structures of the records named, the
same displaced and strained, and others made of them by replacing elements, so that elements the
records hold seldom or never are seen in plausible surroundings.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii
from tqdm import tqdm

from src.dataset.database import Database
from src.dataset.split import read_ids
from src.errors import ConfigError

NONMETALS = frozenset((1, 5, 6, 7, 8, 9, 14, 15, 16, 17, 32, 33, 34, 35, 51, 52, 53))
"""H, B to F, Si to Cl, Ge to Br, Sb to I: they replace one another, as all others do."""
NOT_KNOWN = frozenset((2, 10, 18, 36, 84, 85, 86, 87, 88))
"""Elements up to plutonium that the teacher does not know or that form no compounds."""
ELEMENTS = tuple(z for z in range(1, 95) if z not in NOT_KNOWN)
REPLACED, ABSORBER_REPLACED = 0.6, 0.35
"""Probability that an element is replaced; that of the absorbing one."""
TEACHER = "CHGNet 0.3.0"
N_TARGETS = 66
"""Features, magnetic moment (mu_B) and site energy (eV) of an atom."""


@dataclass(frozen=True, eq=False)
class Labeled:
    """A structure and what the teacher says of its atoms, targets of shape (n_atoms, 66)."""

    atoms: Atoms
    targets: np.ndarray


def perturb(atoms: Atoms, rng: np.random.Generator, displacement: float, strain: float) -> Atoms:
    """Copy with Gaussian displacements and a symmetric strain.

    Args:
        atoms: a crystal.
        rng: generator.
        displacement: standard deviation of every coordinate, Angstrom.
        strain: standard deviation of the strain's components, dimensionless.
    """
    copy = atoms.copy()
    random = rng.normal(0.0, strain, (3, 3))
    copy.set_cell(copy.cell.array @ (np.eye(3) + 0.5 * (random + random.T)), scale_atoms=True)
    copy.positions += rng.normal(0.0, displacement, copy.positions.shape)
    return copy


def substitute(atoms: Atoms, rng: np.random.Generator, absorber: int) -> Atoms:
    """Copy with at least one element replaced, nonmetals by nonmetals, metals by metals.

    The cell is scaled by the ratio of the mean covalent radii.

    Args:
        atoms: a crystal.
        rng: generator.
        absorber: atomic number that is replaced less often.
    """
    old = atoms.numbers
    new = old.copy()
    while (new == old).all():
        for number in np.unique(old):
            kind = number in NONMETALS
            if rng.random() < (ABSORBER_REPLACED if number == absorber else REPLACED):
                choice = [z for z in ELEMENTS if (z in NONMETALS) == kind]
                new[old == number] = rng.choice(choice)
    copy = atoms.copy()
    copy.numbers = new
    scale = covalent_radii[new].sum() / covalent_radii[old].sum()
    copy.set_cell(copy.cell.array * scale, scale_atoms=True)
    return copy


def structures_to_label(
    structures: Sequence[Atoms], n_substituted: int, absorber: int, seed: int
) -> Iterator[Atoms]:
    """Structures, then displaced ones, then substituted ones of at most 48 atoms.

    Args:
        structures: crystals.
        n_substituted: number of substituted ones.
        absorber: see ``substitute``.
        seed: of everything random.
    """
    rng = np.random.default_rng(seed)
    yield from structures
    for atoms in structures:
        if len(atoms) <= 80:
            yield perturb(atoms, rng, displacement=0.03, strain=0.02)
    small = [atoms for atoms in structures if len(atoms) <= 48]
    if n_substituted and not small:
        raise ConfigError("no structure has 48 atoms or fewer, so none can be substituted")
    for _ in range(n_substituted):
        changed = substitute(small[rng.integers(len(small))], rng, absorber)
        yield perturb(changed, rng, displacement=0.04, strain=0.02)


def label(structures: Sequence[Atoms]) -> list[Labeled]:
    """Ask the teacher.

    Raises:
        ConfigError: CHGNet is not installed.
    """
    try:
        from chgnet.model import CHGNet
        from pymatgen.io.ase import AseAtomsAdaptor
    except ImportError as error:
        raise ConfigError(f"labels need `pip install '.[distill]'` ({error})") from error
    teacher = CHGNet.load(use_device="cpu", verbose=False)
    labeled = []
    for atoms in tqdm(structures, desc="labels", disable=None):
        answer = teacher.predict_structure(
            AseAtomsAdaptor.get_structure(atoms),
            task="em",
            return_site_energies=True,
            return_atom_feas=True,
        )
        rest = [np.asarray(answer[name]).reshape(-1, 1) for name in ("m", "site_energies")]
        labeled.append(Labeled(atoms, np.concatenate([answer["atom_fea"], *rest], axis=1)))
    return labeled


def write_labels(path: Path, labeled: Sequence[Labeled]) -> None:
    """Write labels, atom after atom, with the number of atoms of every structure."""
    np.savez_compressed(
        path,
        sizes=np.array([len(item.atoms) for item in labeled]),
        cells=np.array([item.atoms.cell.array for item in labeled]),
        numbers=np.concatenate([item.atoms.numbers for item in labeled]),
        positions=np.concatenate([item.atoms.positions for item in labeled]),
        targets=np.concatenate([item.targets for item in labeled]).astype(np.float32),
    )


def read_labels(path: Path) -> list[Labeled]:
    """Read what ``write_labels`` wrote.

    Raises:
        ConfigError: an array is missing or the wrong size.
    """
    with np.load(path, allow_pickle=False) as file:
        missing = {"sizes", "cells", "numbers", "positions", "targets"} - set(file)
        if missing:
            raise ConfigError(f"{path}: has no {sorted(missing)}; not a file of labels")
        sizes, cells, *rows = (
            file[name] for name in ("sizes", "cells", "numbers", "positions", "targets")
        )
    if any(len(array) != sizes.sum() for array in rows) or rows[2].shape[1:] != (N_TARGETS,):
        raise ConfigError(
            f"{path}: {sizes.sum()} atoms but rows of shapes {[array.shape for array in rows]}"
        )
    parts = zip(*(np.split(array, np.cumsum(sizes)[:-1]) for array in rows), strict=True)
    return [
        Labeled(Atoms(numbers, positions=positions, cell=cell, pbc=True), targets)
        for cell, (numbers, positions, targets) in zip(cells, parts, strict=True)
    ]


def main() -> None:
    """Label and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("database", type=Path, help="database of records")
    parser.add_argument("--ids", type=Path, required=True, help="records to take structures from")
    parser.add_argument(
        "--substituted", type=int, default=4400, help="structures made by replacing"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    database = Database(options.database)
    records = {r.material: r for r in map(database.record, read_ids(options.ids))}
    structures = [record.atoms for record in records.values()]
    absorber = atomic_numbers[next(iter(records.values())).element]
    chosen = list(structures_to_label(structures, options.substituted, absorber, options.seed))
    write_labels(options.output, label(chosen))
    print(f"{options.output}: {len(chosen)} structures")


if __name__ == "__main__":
    main()
