"""Contribution of each neighbor to a spectrum: attention, slope along the bond, removal."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from ..checkpoints.trained_model import TrainedModel
from ..errors import StructureError, check_positive
from ..model.ensemble import networks_of
from ..model.gnn import XANES_E3GNN
from ..model.graph_input import Graph
from ..prediction.inference import PredictedSites, check_predicted
from ..structures.absorbers import choose_sites
from ..structures.cluster import Cluster, Shell, cut_cluster, find_shells, site_symmetry
from ..structures.pymatgen import as_atoms
from .perturbation import Site, bond_slopes, without_atoms

AT_ONCE = 8
"""Variants of the structure at once; bounds memory."""


@dataclass(frozen=True)
class Explanation:
    """A site's spectrum and what its neighbours do to it.

    Arrays of neighbours are in the order of ``neighbors``; those of shells add up or, for
    ``shell_removal``, take all members of a shell away at once, which is not the sum.
    """

    energy: np.ndarray
    """eV, shape (n_energies,)."""
    mu: np.ndarray
    """Spectrum in the model's unit, shape (n_energies,)."""
    cluster: Cluster
    """The surroundings that the network sees."""
    neighbors: np.ndarray
    """Numbers in the cluster of the neighbours asked about, nearest first, shape (n_neighbors,)."""
    attention: np.ndarray
    """Weight of each in the readout, mean over heads and members, shape (n_neighbors,). What they
    leave of 1 went to farther atoms or to none."""
    slope: np.ndarray
    """D mu / dr as a neighbour alone moves away along the bond, model's unit per Angstrom, shape
    (n_neighbors, n_energies)."""
    removal: np.ndarray
    """Mu less that without the atom, shape (n_neighbors, n_energies)."""
    shells: list[Shell]
    """The neighbours by element and distance."""
    shell_removal: np.ndarray
    """Mu less that without the shell, shape (n_shells, n_energies)."""

    def of_shells(self, values: np.ndarray) -> np.ndarray:
        """Sums over the members of each shell, of an array (n_neighbors, ..): (n_shells, ..)."""
        place = {int(number): k for k, number in enumerate(self.neighbors)}
        return np.stack(
            [values[[place[k] for k in shell.members]].sum(axis=0) for shell in self.shells]
        )


def explain(
    model: TrainedModel,
    structure: Any,
    site: int,
    *,
    radius: float | None = None,
    energy: np.ndarray | None = None,
) -> Explanation:
    """Work out what every neighbour of a site does to its predicted spectrum.

    Three answers that need not agree: attention says where the readout looks, the slope what a
    small displacement does, removal what the atom's presence does; the last leaves a hole of a kind
    that no training structure had.

    Args:
        model: model, on the CPU.
        structure: ``ase.Atoms``, or pymatgen's ``Structure`` or ``Molecule``.
        site: absorber's 0-based index.
        radius: neighbours within it are asked about, Angstrom; None: the network's ``r_max``.
        energy: energies, eV; None: those on which the model was scored.

    Returns:
        The explanation.

    Raises:
        StructureError: the site does not fit the model, or has no neighbour within the radius.
        PredictionError: its spectrum is not finite.
        ConfigError: energies outside the model's range, or a radius that is not positive.
    """
    if radius is not None:
        check_positive("radius", radius)
    atoms = as_atoms(structure)
    axis = model.energies(energy)
    choose_sites(atoms, model.info.element, [site])
    network = model.network
    reach = network.num_layers * network.r_max
    cluster = cut_cluster(atoms, site, reach)
    near = cluster.distance <= (network.r_max if radius is None else min(radius, reach))
    neighbors = np.flatnonzero(near)[1:]
    if len(neighbors) == 0:
        raise StructureError(f"site {site} has no neighbour within the radius; take a larger one")
    shells = find_shells(cluster, float(cluster.distance[neighbors].max()))
    operations = site_symmetry(cluster)
    single = [_representative((number,), operations) for number in neighbors]
    together = [_representative(shell.members, operations) for shell in shells]
    variants = list(dict.fromkeys(single + together))
    graph = model.graph(cluster.atoms, [0])
    networks = [member.eval() for member in networks_of(network)]
    grid = torch.as_tensor(axis.relative, dtype=network.coefficient_mean.dtype)
    bar = tqdm(networks, desc="explaining", unit="networks", disable=None, leave=False)
    answers = [_explain_one(member, graph, variants, grid) for member in bar]
    mu, attention, slope, rest = (np.mean(parts, axis=0) for parts in zip(*answers, strict=True))
    check_predicted(PredictedSites(mu[None]), [f"site {site}"])
    row = {members: number for number, members in enumerate(variants)}
    rows = [row[members] for members in single]
    return Explanation(
        energy=axis.energy,
        mu=mu,
        cluster=cluster,
        neighbors=neighbors,
        attention=attention[neighbors],
        slope=slope[rows],
        removal=mu - rest[rows],
        shells=shells,
        shell_removal=mu - rest[[row[members] for members in together]],
    )


def _representative(members: tuple[int, ...], operations: np.ndarray) -> tuple[int, ...]:
    """The first of the sets of atoms that symmetry makes equivalent; they have one spectrum."""
    return tuple(map(int, min(map(tuple, np.sort(operations[:, members], axis=1)))))


@torch.no_grad()
def _explain_one(
    network: XANES_E3GNN,
    graph: Graph,
    variants: list[tuple[int, ...]],
    grid: torch.Tensor,
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
    parts = zip(single.split(AT_ONCE), bonds.split(AT_ONCE), strict=True)
    slopes = torch.zeros(len(variants), len(readout[0]), dtype=grid.dtype)
    slopes[single] = torch.cat([bond_slopes(site, changed[r], d, readout) for r, d in parts])
    rest = torch.cat([without_atoms(site, part) for part in changed.split(AT_ONCE)])
    basis = network.spectral_basis(grid).T
    mu = site.coefficients(*site.unchanged(1))[0]
    found = mu @ basis, site.attention(), slopes @ basis, rest @ basis
    return [values.double().numpy() for values in found]
