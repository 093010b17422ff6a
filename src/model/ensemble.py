"""Several networks that predict as one: their mean and their spread."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ConfigError
from .gnn import XANES_E3GNN
from .graph_input import Graph

MAY_DIFFER = ("avg_num_neighbors", "dropout")
"""Hyperparameters that members need not share: measured on the training set; training alone."""


class XANESEnsemble(nn.Module):
    """Mean spectrum of networks that differ in their weights.

        mu_i(E) = sum_k mu_ki(E) / n_members

    The standard deviation over members measures their uncertainty (Lakshminarayanan, Pritzel,
    Blundell, arXiv:1612.01474). Each member has learned its own edge step, so spectra are averaged
    and not their coefficients.
    """

    def __init__(self, members: Sequence[XANES_E3GNN]) -> None:
        """Take at least two networks, which are not copied.

        Raises:
            ConfigError: too few, or a hyperparameter other than ``MAY_DIFFER`` or the precision
                differs.
        """
        super().__init__()
        if len(members) < 2:
            raise ConfigError(f"an ensemble has at least 2 members, found {len(members)}")
        for number, member in enumerate(members[1:], start=1):
            check_alike(members[0], member, "member 0", f"member {number}")
        self.members = nn.ModuleList(members)
        first = members[0]
        self.hyperparameters: dict[str, Any] = first.hyperparameters
        self.max_z, self.num_layers, self.lmax = first.max_z, first.num_layers, first.lmax
        self.r_max = first.r_max

    @property
    def coefficient_mean(self) -> Tensor:
        """That of the first member, with the ensemble's device and precision."""
        return networks_of(self)[0].coefficient_mean

    def forward(self, data: Graph) -> Tensor:
        """Coefficients of every member on its own basis, (n_members, n_absorbers, num_basis)."""
        return torch.stack([member(data) for member in self.members])

    def member_spectra(self, data: Graph, energy_grid: Tensor) -> Tensor:
        """Spectra of every member.

        Args:
            data: graph or batch, see ``XANES_E3GNN.forward``.
            energy_grid: energies relative to the reference energy, eV, shape (n_energies,).

        Returns:
            mu, unit of the training target, shape (n_members, n_absorbers, n_energies).
        """
        spectra = [network.predict_spectra(data, energy_grid) for network in networks_of(self)]
        return torch.stack(spectra)

    def predict_spectra(self, data: Graph, energy_grid: Tensor) -> Tensor:
        """Mean spectrum of every absorber, shape (n_absorbers, n_energies); see the class."""
        return self.member_spectra(data, energy_grid).mean(dim=0)


Network = XANES_E3GNN | XANESEnsemble
"""What a model file contains."""


def networks_of(model: Network) -> list[XANES_E3GNN]:
    """Members of an ensemble; a network alone is its only one."""
    if isinstance(model, XANES_E3GNN):
        return [model]
    return list(model.members)  # type: ignore[arg-type]


def as_model(networks: Sequence[XANES_E3GNN]) -> Network:
    """One network as it is, several as an ensemble."""
    return networks[0] if len(networks) == 1 else XANESEnsemble(networks)


def check_alike(first: XANES_E3GNN, second: XANES_E3GNN, one: str, other: str) -> None:
    """Raise ConfigError where two networks, named ``one`` and ``other``, can't be one ensemble."""
    sides = [
        {**network.hyperparameters, "dtype": network.coefficient_mean.dtype}
        for network in (first, second)
    ]
    for name, value in sides[0].items():
        if value != sides[1][name] and name not in MAY_DIFFER:
            raise ConfigError(f"`{name}` is {value} in {one} but {sides[1][name]} in {other}")
