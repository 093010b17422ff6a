"""What each neighbour does to a spectrum: attention, sensitivity to its distance, removal."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from ase import Atoms
from torch_geometric.data import Data
from tqdm import tqdm

from ..checkpoints.trained_model import TrainedModel
from ..errors import ConfigError, StructureError
from ..model.ensemble import networks_of
from ..model.gnn import XANES_E3GNN
from ..prediction.inference import PredictedSites, check_predicted
from ..structures.absorbers import choose_sites
from ..structures.cluster import Cluster, Shell, cut_cluster, find_shells, without
from ..structures.graph import atoms_to_graph
from ..structures.pymatgen import as_atoms


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
    if radius is not None and not 0 < radius < np.inf:
        raise ConfigError(f"`radius` is {radius} but must be positive and finite")
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
    networks = [network.eval() for network in networks_of(network)]
    grid = torch.as_tensor(axis.relative, dtype=network.coefficient_mean.dtype)
    taken: list[tuple[int, ...]] = [(int(number),) for number in neighbors]
    taken += [shell.members for shell in shells if len(shell.members) > 1]
    mu = spectrum(networks, cluster.atoms, grid)
    check_predicted(PredictedSites(mu[None]), [f"site {site}"])
    bar = tqdm(taken, desc="removing", unit="atoms", disable=None, leave=False)
    change = {members: mu - spectrum(networks, without(cluster, members), grid) for members in bar}
    graph = model.graph(cluster.atoms, [0])
    return Explanation(
        energy=axis.energy,
        mu=mu,
        cluster=cluster,
        neighbors=neighbors,
        attention=np.mean([attention(net, graph)[neighbors] for net in networks], axis=0),
        slope=slopes(networks, graph, neighbors, grid),
        removal=np.stack([change[int(number),] for number in neighbors]),
        shells=shells,
        shell_removal=np.stack([change[shell.members] for shell in shells]),
    )


def spectrum(networks: list[XANES_E3GNN], atoms: Atoms, grid: torch.Tensor) -> np.ndarray:
    """Mean spectrum of atom 0 of a cluster, shape (n_energies,)."""
    graph = atoms_to_graph(atoms, [0], networks[0].r_max, networks[0].max_z)
    with torch.inference_mode():
        spectra = [network.predict_spectra(graph, grid)[0] for network in networks]
    return torch.stack(spectra).double().mean(dim=0).numpy()


def attention(network: XANES_E3GNN, graph: Data) -> np.ndarray:
    """Weight of every atom of a cluster in the readout of atom 0, mean over heads: (n_atoms,)."""
    with torch.inference_mode():
        (around,) = network.surroundings(graph)
        scalars = around.features[:, 0]
        weights, _ = network.attention.weights(scalars, around.bonds, around.edges)
    source, target = graph.edge_index
    found = np.zeros(len(graph.z))
    near = source[target == 0]  # slots beyond them are padding
    found[near.numpy()] = weights[0, : len(near)].mean(dim=1).double().numpy()
    return found


def slopes(
    networks: list[XANES_E3GNN], graph: Data, neighbors: np.ndarray, grid: torch.Tensor
) -> np.ndarray:
    """D mu / dr along the bonds, by differentiating every coefficient of every member.

    Args:
        networks: members.
        graph: of a cluster around atom 0.
        neighbors: atoms, shape (n_neighbors,).
        grid: energies relative to the reference energy, eV, shape (n_energies,).

    Returns:
        Per Angstrom, shape (n_neighbors, n_energies).
    """
    bonds = graph.pos[neighbors] - graph.pos[0]
    directions = bonds / torch.linalg.vector_norm(bonds, dim=1, keepdim=True)
    total = np.zeros((len(neighbors), len(grid)))
    n_basis = networks[0].hyperparameters["num_basis"]
    count = n_basis * len(networks)
    with tqdm(total=count, desc="differentiating", disable=None, leave=False) as bar:
        for network in networks:
            moved = graph.clone()
            moved.pos = graph.pos.clone().requires_grad_()
            coefficients = network(moved)[0]
            jacobian = []
            for number in range(n_basis):
                keep = number < n_basis - 1
                (by_atom,) = torch.autograd.grad(coefficients[number], moved.pos, retain_graph=keep)
                jacobian.append((by_atom[neighbors] * directions).sum(dim=1))
                bar.update()
            basis = network.spectral_basis(grid).detach()
            total += (torch.stack(jacobian, dim=1) @ basis.T).double().numpy()
    return total / len(networks)
