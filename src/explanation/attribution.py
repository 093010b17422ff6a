"""Contribution of each neighbor to a spectrum: attention, slope along the bond, removal."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from tqdm import tqdm

from ..checkpoints.trained_model import TrainedModel
from ..errors import PredictionError, StructureError, check_positive
from ..model.ensemble import networks_of
from ..model.gnn import XANES_E3GNN
from ..model.graph_input import Graph
from ..prediction.inference import PredictedSites
from ..structures.absorbers import choose_sites
from ..structures.cluster import Cluster, Shell, cut_cluster, find_shells, site_symmetry
from ..structures.pymatgen import as_atoms
from .perturbation import Site, bond_slopes, without_atoms

T = TypeVar("T")
AT_ONCE = 8
"""Variants of the structure at once; bounds memory."""


@dataclass(frozen=True)
class Explanation:
    """A site's spectrum and what each of its neighbors contributes.

    Arrays over neighbors are in the order of ``neighbors``. ``shell_removal`` removes all atoms of
    a shell at once, which is not the sum of removing them one by one.
    """

    energy: np.ndarray
    """eV, shape (n_energies,)."""
    mu: np.ndarray
    """Spectrum in the model's unit, shape (n_energies,)."""
    cluster: Cluster
    """The surroundings that the network sees."""
    neighbors: np.ndarray
    """Indices in the cluster of the neighbors within the radius, nearest first, (n_neighbors,)."""
    attention: np.ndarray
    """Weight of each in the readout, mean over heads and members, shape (n_neighbors,). The rest of
    1 is on farther atoms or on none."""
    slope: np.ndarray
    """D mu / dr as a neighbor alone moves away along the bond, model's unit per Angstrom, shape
    (n_neighbors, n_energies)."""
    removal: np.ndarray
    """mu(with) - mu(without the atom), shape (n_neighbors, n_energies)."""
    shells: list[Shell]
    """The neighbors by element and distance."""
    shell_removal: np.ndarray
    """mu(with) - mu(without the shell), shape (n_shells, n_energies)."""

    @property
    def members(self) -> list[list[int]]:
        """Rows of each shell's atoms in the arrays over neighbors."""
        row = {int(number): k for k, number in enumerate(self.neighbors)}
        return [[row[number] for number in shell.members] for shell in self.shells]

    @property
    def shell_sizes(self) -> np.ndarray:
        """Root mean square of ``shell_removal`` over energies, shape (n_shells,)."""
        return np.sqrt(np.mean(self.shell_removal**2, axis=1))

    def of_shells(self, values: np.ndarray) -> np.ndarray:
        """Sums over the members of each shell, (n_neighbors, ...) to (n_shells, ...)."""
        return np.stack([values[rows].sum(axis=0) for rows in self.members])


def explain(
    model: TrainedModel,
    structure: Any,
    site: int,
    *,
    radius: float | None = None,
    energy: np.ndarray | None = None,
    progress: Callable[[float], None] = lambda _: None,
) -> Explanation:
    """Work out what every neighbor of a site contributes to its predicted spectrum.

    Three answers that need not agree: the attention is where the readout looks, the slope the
    effect of a small displacement, the removal the effect of the atom's presence; a removal leaves
    a hole unlike any training structure.

    Args:
        model: model, on the CPU.
        structure: ``ase.Atoms``, or pymatgen's ``Structure`` or ``Molecule``.
        site: absorber's 0-based index.
        radius: neighbors within it are examined, Angstrom; None: the network's ``r_max``.
        energy: energies, eV; None: those on which the model was scored.
        progress: called now and then with the fraction that is done; what it raises ends the work.

    Raises:
        StructureError: the site does not fit the model, or has no neighbor within the radius.
        PredictionError: its spectrum is not finite, or it has no neighbor within the cutoff.
        ConfigError: energies outside the model's range, or a radius that is not positive.
    """
    reach = model.network.num_layers * model.network.r_max
    radius = model.network.r_max if radius is None else min(check_positive("radius", radius), reach)
    axis, atoms = model.energies(energy), as_atoms(structure)
    choose_sites(atoms, model.info.element, [site])
    cluster = cut_cluster(atoms, site, reach)
    if not (cluster.distance[1:] < model.network.r_max).any():
        raise PredictionError(
            f"site {site} has no neighbor within {model.network.r_max:g} Angstrom, and the spectrum"
            " of an isolated atom can't be predicted"
        )
    neighbors = np.flatnonzero(cluster.distance <= radius)[1:]
    if len(neighbors) == 0:
        raise StructureError(f"site {site} has no neighbor within the radius; take a larger one")
    shells = find_shells(cluster, float(cluster.distance[neighbors].max()))
    sets = [(int(number),) for number in neighbors] + [shell.members for shell in shells]
    mu, attention, slope, removal = _contributions(model, cluster, sets, axis.relative, progress)
    PredictedSites(mu[None]).check([f"site {site}"])
    n = len(neighbors)
    of_neighbors = attention[neighbors], slope[:n], removal[:n]
    return Explanation(axis.energy, mu, cluster, neighbors, *of_neighbors, shells, removal[n:])


def _contributions(
    model: TrainedModel,
    cluster: Cluster,
    sets: list[tuple[int, ...]],
    relative: np.ndarray,
    progress: Callable[[float], None],
) -> tuple[np.ndarray, ...]:
    """Means over members: spectrum, attention, and slopes and removals of sets of atoms.

    Sets that symmetry makes equivalent have one spectrum, so that only one of them is worked out.
    """
    operations = site_symmetry(cluster)
    first = [
        tuple(map(int, min(map(tuple, np.sort(operations[:, members], axis=1)))))
        for members in sets
    ]
    variants = list(dict.fromkeys(first))
    graph = model.graph(cluster.atoms, [0])
    grid = torch.as_tensor(relative, dtype=model.network.coefficient_mean.dtype)
    networks = networks_of(model.network)
    bar = tqdm(networks, desc="explaining", unit="networks", disable=None, leave=False)
    answers = [
        _explain_one(network.eval(), graph, variants, grid, _part_of(progress, k, len(networks)))
        for k, network in enumerate(bar)
    ]
    mu, attention, slope, rest = (np.mean(parts, axis=0) for parts in zip(*answers, strict=True))
    rows = [variants.index(members) for members in first]
    return mu, attention, slope[rows], mu - rest[rows]


@torch.no_grad()
def _explain_one(
    network: XANES_E3GNN,
    graph: Graph,
    variants: list[tuple[int, ...]],
    grid: torch.Tensor,
    progress: Callable[[float], None],
) -> list[np.ndarray]:
    """Spectrum, attention, slopes of variants of one atom, spectra without the variants' atoms."""
    site = Site(network, graph)
    changed = torch.zeros(len(variants), len(graph.z), dtype=torch.bool)
    for row, members in enumerate(variants):
        changed[row, list(members)] = True
    (single,) = (changed.sum(dim=1) == 1).nonzero(as_tuple=True)
    bonds = graph.pos[changed[single].nonzero(as_tuple=True)[1]] - graph.pos[0]
    bonds = bonds / torch.linalg.vector_norm(bonds, dim=1, keepdim=True)
    readout = site.readout_slopes()
    parts = [*zip(single.split(AT_ONCE), bonds.split(AT_ONCE), strict=True)]
    first, second = _timed(parts, 0.0, progress), _timed(changed.split(AT_ONCE), 0.5, progress)
    slopes = torch.zeros(len(variants), len(readout[0]), dtype=grid.dtype)
    slopes[single] = torch.cat([bond_slopes(site, changed[r], d, readout) for r, d in first])
    rest = torch.cat([without_atoms(site, part) for part in second])
    basis = network.spectral_basis(grid).T
    mu = site.coefficients(*site.unchanged(1))[0]
    results = mu @ basis, site.attention(), slopes @ basis, rest @ basis
    return [values.double().numpy() for values in results]


def _part_of(progress: Callable[[float], None], number: int, count: int) -> Callable[[float], None]:
    """What reports the fraction that is done of one network out of ``count``."""
    return lambda part: progress((number + part) / count)


def _timed(parts: Sequence[T], begin: float, progress: Callable[[float], None]) -> Iterator[T]:
    """Yield parts of one half of a network's work, which is at ``begin``, and say how far it is."""
    for number, part in enumerate(parts):
        progress(begin + 0.5 * number / len(parts))
        yield part
