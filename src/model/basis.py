"""Basis functions: radial basis and envelope of a distance, Gaussians of an energy."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn


def polynomial_envelope(edge_length: Tensor, r_max: float) -> Tensor:
    """Smooth fade u(r) from 1 at r = 0 to 0 at ``r_max``.

    u(x) = 1 - 28 x^6 + 48 x^7 - 21 x^8 with x = r / r_max (Gasteiger, Gross, Guennemann,
    arXiv:2003.03123, eq. 8, p = 6). Value, slope and curvature vanish at ``r_max``; u = 0 beyond.

    Args:
        edge_length: distances r, Angstrom, any shape.
        r_max: cutoff radius, Angstrom.

    Returns:
        u, dimensionless, in [0, 1], same shape.
    """
    x = (edge_length / r_max).clamp(max=1.0)
    return 1.0 + x**6 * (-28.0 + x * (48.0 - 21.0 * x))


class RadialBasis(nn.Module):
    """Spherical Bessel basis b_n(r) = sqrt(2) sin(n pi r / r_max) / (r / r_max), n from 1.

    Gasteiger, Gross, Guennemann, arXiv:2003.03123, eq. 7, made dimensionless. b_n = sqrt(2) n pi at
    r = 0. It does not fade at ``r_max``; see ``polynomial_envelope``.
    """

    order: Tensor

    def __init__(self, num_radial: int, r_max: float) -> None:
        """Args: number of functions; cutoff radius, Angstrom."""
        super().__init__()
        self.r_max = r_max
        self.register_buffer("order", torch.arange(1, num_radial + 1).to(torch.get_default_dtype()))

    def forward(self, edge_length: Tensor) -> Tensor:
        """b, dimensionless, shape (..., num_radial), of distances in Angstrom, shape (...,)."""
        x = edge_length.unsqueeze(-1) / self.r_max
        return math.sqrt(2.0) * math.pi * self.order * torch.sinc(self.order * x)


def centers_per_scale(num_gaussians: int, basis_scales: Sequence[float]) -> list[int]:
    """Number of Gaussians of each scale, in proportion to 1 / scale and at least one.

    Their sum is ``num_gaussians``; ``basis_scales`` are relative widths, dimensionless.
    """
    density = [1.0 / scale for scale in basis_scales]
    counts = [max(1, round(num_gaussians * d / sum(density))) for d in density]
    finest = density.index(max(density))
    counts[finest] += num_gaussians - sum(counts)
    return counts


class SpectralBasis(nn.Module):
    """Multi-scale basis B(E) of a spectrum, mu(E) = B(E) c: one edge step and Gaussians.

    Function 0 is the edge step, 1/2 + arctan((E - center) / width) / pi, whose center and width are
    learned. The others are Gaussians of unit height, exp(-(E - E_k)^2 / 2 sigma_s^2), so that
    coefficients are of the order of the spectrum. Scale s gets a share of the Gaussians
    proportional to 1 / s, evenly spaced over [emin, emax], and sigma_s is the spacing of its
    centers. The default, 127 Gaussians on 60 eV with scales 0.1, 0.5, 1, has sigma = 0.62, 3.2 and
    6.7 eV.

    The scales overlap, so the basis is redundant: the condition number of B on a grid of 0.25 eV is
    5e13 for the default and 1e4 for one scale alone. The network only evaluates B c, which needs no
    inverse; ``fit`` is regularized.
    """

    centers: Tensor
    widths: Tensor

    def __init__(
        self, num_basis: int, basis_scales: Sequence[float], emin: float, emax: float
    ) -> None:
        """Place the centers.

        Args:
            num_basis: number of functions, the step included.
            basis_scales: relative widths, dimensionless, positive.
            emin: first center, eV relative to the reference energy.
            emax: last center, eV relative to the reference energy.
        """
        super().__init__()
        centers, widths = [], []
        for count in centers_per_scale(num_basis - 1, basis_scales):
            spacing = (emax - emin) / max(count - 1, 1)
            start = emin if count > 1 else 0.5 * (emin + emax)
            centers += [start + spacing * k for k in range(count)]
            widths += [spacing] * count
        dtype = torch.get_default_dtype()
        self.register_buffer("centers", torch.tensor(centers, dtype=dtype))
        self.register_buffer("widths", torch.tensor(widths, dtype=dtype))
        self.step_center = nn.Parameter(torch.zeros(()))
        self.step_log_width = nn.Parameter(torch.zeros(()))

    def forward(self, energy_grid: Tensor) -> Tensor:
        """B, dimensionless, shape (n_energies, num_basis).

        Args:
            energy_grid: energies relative to the reference energy, eV, shape (n_energies,).
        """
        energy = energy_grid.to(self.centers).unsqueeze(-1)
        step = 0.5 + torch.atan((energy - self.step_center) / self.step_log_width.exp()) / math.pi
        gaussians = torch.exp(-0.5 * ((energy - self.centers) / self.widths) ** 2)
        return torch.cat([step, gaussians], dim=-1)

    @torch.no_grad()
    def fit(self, energy_grid: Tensor, mu: Tensor, ridge: float = 1e-6) -> Tensor:
        """Coefficients of a spectrum, minimizing |B c - mu|^2 + ridge n_energies |c|^2 in float64.

        Args:
            energy_grid: energies relative to the reference energy, eV, shape (n_energies,).
            mu: spectrum, any unit, shape (n_energies,).
            ridge: weight of |c|^2, dimensionless.

        Returns:
            c, unit of ``mu``, shape (num_basis,).
        """
        basis = self(energy_grid).double()
        normal = basis.T @ basis
        normal.diagonal().add_(ridge * len(basis))
        return torch.linalg.solve(normal, basis.T @ mu.double()).to(mu.dtype)

    def projection(self, energy_grid: Tensor, ridge: float = 1e-3) -> Tensor:
        """Matrix that projects functions on a grid on the finest Gaussians, by ridge regression.

        Args:
            energy_grid: energies relative to the reference energy, eV, shape (n_energies,), no
                farther apart than the finest Gaussians are wide.
            ridge: weight of |c|^2, dimensionless.

        Returns:
            P with f @ P = c, shape (n_energies, num_basis); zero for all but the finest Gaussians.
        """
        energy, centers, widths = (
            x.double() for x in (energy_grid.to(self.centers), self.centers, self.widths)
        )
        finest = (widths == widths.min()).nonzero().squeeze(1)
        gaussians = torch.exp(
            -0.5 * ((energy.unsqueeze(1) - centers[finest]) / widths[finest]) ** 2
        )
        normal = gaussians.T @ gaussians
        normal.diagonal().add_(ridge)
        matrix = torch.zeros(len(energy), 1 + len(centers), dtype=torch.float64)
        matrix[:, 1 + finest] = torch.linalg.solve(normal, gaussians.T).T
        return matrix.to(self.centers.dtype)
