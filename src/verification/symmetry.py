"""Checks of the network's symmetries: how far spectra differ that must be the same.

Each check changes a structure in a way that must not change the spectra of its absorbers. The
largest difference is divided by the spread, how much the spectra of the checked absorbers differ
from each other, so that an output that hardly depends on the structure does not pass.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data

from ..dataset.batch import collate_graphs
from ..model.gnn import XANES_E3GNN
from ..structures.graph import atoms_to_graph
from .symmetry_cases import (
    ANY_MODE,
    EVALUATION_ONLY,
    Structure,
    example_structures,
    rotation,
    special_sites,
    with_atom,
)

TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-4}
"""Largest deviation, in spreads. float32 rounds at 6e-8 of a spectrum's height, which is about 30
spreads of a network with random weights: 2e-6 for one rounding, ten times that for a hundred, and a
factor of five in reserve. The bound of float64 has room for the 2e-10 Angstrom that an atom moves
through the cutoff."""
CROSSING = 1e-10
"""How far inside and outside the cutoff an atom is put, Angstrom. Positions are good to 1e-15."""


@dataclass(frozen=True)
class Deviation:
    """Outcome of one check."""

    model: str
    check: str
    """What was changed."""
    mode: str
    """Training or evaluation."""
    dtype: torch.dtype
    """Type the network computed in."""
    value: float
    """Largest difference over the spread of the spectra; infinite if something is not finite."""
    spread: float
    """Spread of the spectra, see ``spread``; unit of the spectra."""

    @property
    def passed(self) -> bool:
        """Whether it is within the tolerance of its type."""
        return self.value <= TOLERANCE[self.dtype]


def batch_of(model: XANES_E3GNN, structures: list[Structure]) -> Data:
    """One batch of the structures' graphs in the type of a network."""
    dtype, r_max = model.coefficient_mean.dtype, model.r_max
    graphs = [atoms_to_graph(*s, r_max, model.max_z, dtype=dtype) for s in structures]
    return collate_graphs(graphs)


def spectra(model: XANES_E3GNN, structures: list[Structure], energy: Tensor) -> Tensor:
    """Spectra of all absorbers of the structures as one batch, always from the same seed.

    ``energy`` is in eV relative to the reference energy, shape (n_energies,); the spectra are in
    the unit of the training target, shape (n_absorbers, n_energies).
    """
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return model.predict_spectra(batch_of(model, structures), energy)


def gradients(model: XANES_E3GNN, structure: Structure, energy: Tensor) -> Tensor:
    """Derivative of a random combination of the spectra with respect to every position.

    ``energy`` as in ``spectra``; the derivative is per Angstrom, shape (n_atoms, 3).
    """
    batch = batch_of(model, [structure])
    batch.pos.requires_grad_()
    mu = model.predict_spectra(batch, energy)
    weights = torch.randn(mu.shape, generator=torch.Generator().manual_seed(0)).to(mu)
    # an isolated absorber's spectrum does not depend on its position: zero is right
    total = (weights * mu).mean() + 0.0 * batch.pos.sum()
    return torch.autograd.grad(total, batch.pos)[0]


def spread(model: XANES_E3GNN, energy: Tensor, element: int) -> float:
    """How much spectra differ between absorbers: root mean square over energies of their std.

    Over the absorbers of ``example_structures`` with atomic number ``element``, in evaluation mode;
    in the unit of the spectra.
    """
    training = model.training
    mu = spectra(model.eval(), list(example_structures(element).values()), energy)
    model.train(training)
    return float(mu.std(dim=0).square().mean().sqrt())


def largest(first: Tensor, second: Tensor) -> float:
    """Largest difference; infinite if something is not finite."""
    value = float((first - second).abs().max())
    return value if np.isfinite(value) else float("inf")


def through_cutoff(
    evaluate: Callable[[Structure], Tensor], structure: Structure, r_max: float
) -> float:
    """Jump of a quantity when an atom crosses the cutoff of an absorber and of a neighbor.

    The second crossing is beyond the absorber's own cutoff and reaches it through the neighbor.
    """
    jumps = []
    for center in (structure[1][0], structure[1][0] + 1):
        sides = [with_atom(structure, center, r_max + step) for step in (-CROSSING, CROSSING)]
        jumps.append(largest(*map(evaluate, sides)))
    return max(jumps)


def differences(
    model: XANES_E3GNN, energy: Tensor, element: int, seed: int
) -> Iterator[tuple[str, float]]:
    """Name and largest difference, in the unit of the spectra, of each check in a network's mode.

    At exactly symmetric sites l > 0 features vanish but for rounding, which must not be amplified;
    their check is infinite if a gradient is not finite.
    """

    def evaluate(structure: Structure) -> Tensor:
        return spectra(model, [structure], energy)

    examples, sites = example_structures(element), list(special_sites(element).values())
    changes = ANY_MODE if model.training else ANY_MODE | EVALUATION_ONLY
    for number, (check, change) in enumerate(changes.items()):
        rng = np.random.default_rng([seed, number])
        changed = [(s, change(s, rng)) for s in examples.values()]
        yield check, max(largest(evaluate(s), evaluate(other)) for s, other in changed)
    if model.training:
        return
    structures = [*examples.values(), *sites]
    alone = torch.cat([evaluate(s) for s in structures])
    yield "batch", largest(alone, spectra(model, structures, energy))
    slopes = functools.partial(gradients, model, energy=energy)
    yield "cutoff", through_cutoff(evaluate, examples["cluster"], model.r_max)
    yield "slope", through_cutoff(slopes, examples["cluster"], model.r_max)
    rng = np.random.default_rng(seed)
    turned = max(largest(evaluate(s), evaluate(rotation(s, rng))) for s in sites)
    finite = all(bool(torch.isfinite(slopes(s)).all()) for s in sites)
    yield "sites", turned if finite else float("inf")


def check_model(
    name: str,
    model: XANES_E3GNN,
    element: int,
    seed: int = 0,
    dtypes: Sequence[torch.dtype] = tuple(TOLERANCE),
) -> Iterator[Deviation]:
    """Run every check on a network in each type, in evaluation and training mode.

    ``element`` is the atomic number of the absorbers, ``seed`` that of the random changes. The
    network is restored afterwards.
    """
    before = {key: value.clone() for key, value in model.state_dict().items()}
    dtype_before, was_training = model.coefficient_mean.dtype, model.training
    low, high = (model.hyperparameters[key] for key in ("emin", "emax"))
    for dtype in dtypes:
        model.to(dtype)
        energy = torch.linspace(low, high, 61, dtype=dtype)
        scale = spread(model, energy, element)
        for mode in ("evaluation", "training"):
            model.train(mode == "training")
            for check, difference in differences(model, energy, element, seed):
                value = difference / scale if scale > 0 else float("inf")
                yield Deviation(name, check, mode, dtype, value, scale)
    model.to(dtype_before).train(was_training)
    model.load_state_dict(before)


def break_equivariance(model: XANES_E3GNN) -> None:
    """Scale one of the three components of l = 1 after the first layer by 1.01, a fault."""

    def scale(_module: torch.nn.Module, _inputs: tuple, output: Tensor) -> Tensor:
        factor = torch.ones_like(output)
        factor[:, 1:2] = 1.01
        return output * factor

    model.layers[0].register_forward_hook(scale)
