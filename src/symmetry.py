"""Checks of the network's symmetries: how far spectra differ that must be the same.

Each check changes a structure in a way that must not change the spectra of its absorbers, and gives
the largest difference divided by the spread (standard deviation) of the spectra.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from ase import Atoms
from e3nn import o3
from torch import Tensor

from .data.batch import collate_graphs
from .data.graph import atoms_to_graph
from .model.gnn import XANES_E3GNN

TOLERANCE = {torch.float64: 1e-9, torch.float32: 5e-5}
"""Largest deviation: float32 rounds at 6e-8, a spectrum is made of some hundred roundings in a row
that add up as their square root or worse, and a factor of ten is left; float64 allows for the
movement through the cutoff, 2e-7 Angstrom, which other atoms notice."""
Structure = tuple[Atoms, list[int]]
"""A structure and its absorbers; spectra are in the order of the absorbers' indices."""
Change = Callable[[Structure, np.random.Generator], Structure]
"""A change that must not change spectra."""


@dataclass(frozen=True)
class Deviation:
    """Outcome of one check."""

    model: str
    """Which network."""
    check: str
    """What was changed."""
    mode: str
    """Training or evaluation."""
    dtype: torch.dtype
    """Type the network computed in."""
    value: float
    """Largest difference over the spread of the spectra."""

    @property
    def passed(self) -> bool:
        """Whether it is within the tolerance of its type."""
        return self.value <= TOLERANCE[self.dtype]


def example_structures(z: int) -> dict[str, Structure]:
    """A cluster and a triclinic crystal without symmetry, with two absorbers of element z each."""
    cluster = Atoms(
        numbers=[z, 8, 16, 8, z, 8],
        positions=[
            [0, 0, 0], [1.9, 0.2, 0.1], [-0.8, 2.0, 0.4], [0.3, -0.7, 1.8], [2.4, 2.1, 0.6],
            [-1.2, -0.9, -1.5],
        ],
    )  # fmt: skip
    crystal = Atoms(
        numbers=[z, 8, z, 16],
        scaled_positions=[[0.02, 0, 0.03], [0.5, 0.47, 0.1], [0.45, 0.1, 0.55], [0.08, 0.6, 0.5]],
        cell=[[4.1, 0.2, -0.3], [0.9, 3.8, 0.1], [-0.4, 0.7, 4.5]],
        pbc=True,
    )
    return {"cluster": (cluster, [0, 4]), "crystal": (crystal, [0, 2])}


def transform(structure: Structure, matrix: np.ndarray) -> Structure:
    """Apply an orthogonal matrix to positions and cell."""
    atoms, absorbers = structure
    moved = atoms.copy()
    moved.set_cell(atoms.cell.array @ matrix.T)
    moved.positions = atoms.positions @ matrix.T
    return moved, absorbers


def rotation(structure: Structure, rng: np.random.Generator) -> Structure:
    """Turn a structure at random."""
    return transform(structure, random_rotation(rng))


def reflection(structure: Structure, rng: np.random.Generator) -> Structure:
    """Turn and invert a structure."""
    return transform(structure, -random_rotation(rng))


def random_rotation(rng: np.random.Generator) -> np.ndarray:
    """Rotation matrix, float64, shape (3, 3)."""
    angles = torch.as_tensor(rng.uniform(0, np.pi, 3))
    return o3.angles_to_matrix(*angles).numpy()


def translation(structure: Structure, rng: np.random.Generator) -> Structure:
    """Shift all atoms."""
    moved = structure[0].copy()
    moved.positions += rng.uniform(-20, 20, 3)
    return moved, structure[1]


def permutation(structure: Structure, rng: np.random.Generator) -> Structure:
    """Reorder atoms, absorbers among themselves in their old order."""
    atoms, absorbers = structure
    order = rng.permutation(len(atoms))
    places = sorted(np.flatnonzero(np.isin(order, absorbers)))
    order[places] = absorbers
    return atoms[order], [int(place) for place in places]


def supercell(structure: Structure, rng: np.random.Generator) -> Structure:
    """Repeat the cell; the absorbers stay in the first one."""
    atoms, absorbers = structure
    return (atoms.repeat((2, 1, 2)) if atoms.pbc.all() else atoms.copy()), absorbers


def wrapping(structure: Structure, rng: np.random.Generator) -> Structure:
    """Move every atom by a lattice vector of its own."""
    moved = structure[0].copy()
    moved.positions += rng.integers(-2, 3, (len(moved), 3)) @ moved.cell.array
    return moved, structure[1]


ANY_MODE: dict[str, Change] = {
    "rotation": rotation,
    "reflection": reflection,
    "translation": translation,
    "wrapping": wrapping,
}
"""Changes that keep the order of atoms, so that the same seed drops the same features."""
EVALUATION_ONLY: dict[str, Change] = {"permutation": permutation, "supercell": supercell}
"""Changes that give dropout other atoms."""


def spectra(model: XANES_E3GNN, structures: list[Structure], energy: Tensor) -> Tensor:
    """Spectra of all absorbers of some structures as one batch, always from the same seed."""
    dtype, r_max = model.coefficient_mean.dtype, model.r_max
    graphs = [atoms_to_graph(*s, r_max, model.max_z, dtype=dtype) for s in structures]
    torch.manual_seed(0)
    with torch.no_grad():
        return model.predict_spectra(collate_graphs(graphs), energy)


def deviation(first: Tensor, second: Tensor) -> float:
    """Largest difference over the spread of the first; infinite if something is not finite."""
    value = float((first - second).abs().max() / first.std())
    return value if np.isfinite(value) else float("inf")


def through_cutoff(model: XANES_E3GNN, structure: Structure, energy: Tensor) -> float:
    """Jump of the spectra when an atom crosses the cutoff of an absorber and of a neighbour."""
    atoms, absorbers = structure
    jumps = []
    for center in (absorbers[0], absorbers[0] + 1):
        sides = []
        for distance in (model.r_max - 1e-7, model.r_max + 1e-7):
            extended = Atoms(numbers=[*atoms.numbers, 8], positions=np.vstack([atoms.positions] + [
                atoms.positions[center] + distance * np.array([[0.48, -0.64, -0.6]])
            ]))  # fmt: skip
            sides.append(spectra(model, [(extended, absorbers)], energy))
        jumps.append(deviation(sides[0], sides[1]))
    return max(jumps)


def check_model(name: str, model: XANES_E3GNN, element: int, seed: int = 0) -> Iterator[Deviation]:
    """Run every check on a network in float64 and float32, evaluation and training mode.

    Args:
        name: what to call the network.
        model: network; its type and mode are restored.
        element: atomic number of the absorbers.
        seed: of the random changes.

    Yields:
        One deviation for each check, mode and type.
    """
    before, was_training = model.coefficient_mean.dtype, model.training
    low, high = (model.hyperparameters[key] for key in ("emin", "emax"))
    structures = example_structures(element)
    for dtype in (torch.float64, torch.float32):
        model.to(dtype)
        energy = torch.linspace(low, high, 61, dtype=dtype)
        for training in (False, True):
            model.train(training)
            mode = "training" if training else "evaluation"
            changes = ANY_MODE if training else ANY_MODE | EVALUATION_ONLY
            for check, change in changes.items():
                rng = np.random.default_rng(seed)
                value = max(
                    deviation(
                        spectra(model, [structure], energy),
                        spectra(model, [change(structure, rng)], energy),
                    )
                    for structure in structures.values()
                )
                yield Deviation(name, check, mode, dtype, value)
        model.eval()
        together = spectra(model, list(structures.values()), energy)
        alone = torch.cat([spectra(model, [s], energy) for s in structures.values()])
        yield Deviation(name, "batch", "evaluation", dtype, deviation(alone, together))
        jump = through_cutoff(model, structures["cluster"], energy)
        yield Deviation(name, "cutoff", "evaluation", dtype, jump)
    model.to(before).train(was_training)


def break_equivariance(model: XANES_E3GNN) -> None:
    """Scale one of the three components of l = 1 after the first layer by 1.01, a fault."""

    def scale(_module: torch.nn.Module, _inputs: tuple, output: Tensor) -> Tensor:
        factor = torch.ones_like(output)
        factor[:, 1:2] = 1.01
        return output * factor

    model.layers[0].register_forward_hook(scale)
