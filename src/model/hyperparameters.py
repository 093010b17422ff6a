"""Hyperparameters: the arguments of the network's constructor, and their checks."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from math import inf

from ..errors import ConfigError, check_at_least, check_fraction, check_kinds, check_positive

LONGEST_RADIUS = 50.0
"""Larger cutoff radii are a slip, Angstrom; a crystal has a million neighbors within it."""
WIDEST_BASIS = 10_000.0
"""Wider energy bases are a slip, eV."""


@dataclass(frozen=True)
class Hyperparameters:
    """Arguments of ``XANES_E3GNN``, in their order."""

    max_z: int = 100
    """Highest atomic number."""
    num_layers: int = 4
    """Interaction layers, at least 1."""
    lmax: int = 2
    """Highest degree of messages and features, 0 to 4."""
    channels: int = 64
    """Channels of each degree."""
    r_max: float = 5.0
    """Cutoff radius of messages and attention, Angstrom."""
    num_radial: int = 8
    """Bessel functions of the distance."""
    num_basis: int = 128
    """Functions of the energy, the edge step included."""
    basis_scales: Sequence[float] = (0.1, 0.5, 1.0)
    """Relative widths of the Gaussians, see ``SpectralBasis``."""
    emin: float = -10.0
    """Lowest energy of the basis, eV relative to the reference energy."""
    emax: float = 50.0
    """Highest energy of the basis, eV relative to the reference energy."""
    avg_num_neighbors: float = 40.0
    """Mean number of neighbors within ``r_max`` in the training set."""
    dropout: float = 0.0
    """Probability that a channel is dropped in training, 0 to below 1."""
    radial_rank: int = 8
    """Hidden radial functions phi of each layer's MLP, see ``Propagator``."""
    num_heads: int = 4
    """Attention heads, a divisor of ``channels``."""
    num_amplitudes: int = 12
    """Gaussians in E of a scattering path's amplitude; 0: no paths."""

    def __post_init__(self) -> None:
        """Raise ConfigError for a value of another kind or out of its range."""
        object.__setattr__(self, "basis_scales", list(self.basis_scales))  # as JSON has them
        check_kinds(vars(self), {entry.name: entry.type for entry in fields(self)})
        for name in ("max_z", "num_layers", "channels", "num_radial", "radial_rank", "num_heads"):
            check_at_least(name, getattr(self, name), 1)
        check_at_least("num_amplitudes", self.num_amplitudes, 0)
        check_positive("avg_num_neighbors", self.avg_num_neighbors)
        check_fraction("dropout", self.dropout)
        if not 0 <= self.lmax <= 4:
            raise ConfigError(f"`lmax` is {self.lmax} but must be within 0 to 4")
        if check_positive("r_max", self.r_max) > LONGEST_RADIUS:
            raise ConfigError(f"`r_max` is {self.r_max} but must be at most {LONGEST_RADIUS}")
        if self.channels % self.num_heads:
            raise ConfigError(
                f"`num_heads` is {self.num_heads} but must divide `channels`, {self.channels}"
            )
        if not self.basis_scales or not all(0 < scale < inf for scale in self.basis_scales):
            raise ConfigError(
                f"`basis_scales` is {self.basis_scales} but must be one or more positive numbers"
            )
        if self.num_basis < len(self.basis_scales) + 1:
            raise ConfigError(
                f"`num_basis` is {self.num_basis} but must be at least"
                f" {len(self.basis_scales) + 1}: the edge step and one Gaussian for each scale"
            )
        if not 0 < self.emax - self.emin <= WIDEST_BASIS:  # false for NaN and infinity too
            raise ConfigError(
                f"`emin` is {self.emin} and `emax` is {self.emax} but emin < emax is needed, at"
                f" most {WIDEST_BASIS:g} eV apart"
            )
