"""Interference of the photoelectron: scattering paths of two and three atoms as waves in k."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from .basis import RadialBasis, SpectralBasis, polynomial_envelope
from .neighbor_lists import EdgeFeatures, gather_rows

WAVE_NUMBER_SQUARED = 0.26246843
"""k^2 of an electron of 1 eV, 2 m / hbar^2, Angstrom^-2 (CODATA 2018)."""
LOWEST_ENERGY = 1.0
"""Scale below which a kinetic energy is rounded off to stay positive, eV."""
NO_ENERGY = 1e-6
"""Kinetic energies end here, eV: the rounding underflows to 0, where a root has no slope."""
LARGEST_SHIFT = 5.0
"""Bound of a site's shift of the potential, eV."""


class Paths(NamedTuple):
    """Scattering paths of some absorbers."""

    absorber: Tensor
    """Absorber of every path, shape (n_paths,)."""
    half_length: Tensor
    """Half the way there and back, Angstrom, shape (n_paths,)."""
    amplitudes: Tensor
    """Of sine and cosine on the amplitude basis, unit of the coefficients, shape (n_paths, 2,
    n_amplitudes)."""


class ScatteringWaves(nn.Module):
    r"""Sum over paths of waves in k with amplitudes smooth in E, on the spectral basis.

        chi_i(E) = sum_p a_p(E) sin 2 k(E) s_p + b_p(E) cos 2 k(E) s_p
        k(E)     = sqrt(2 m T(E)) / hbar,  T(E) = softplus(E + V_i)

    s_p is half the length of path p: the distance d_j of a neighbor, or (d_j + d_k + d_jk) / 2 for
    a path over two of them (the phase of the EXAFS equation; Rehr and Albers, Rev. Mod. Phys. 72,
    621 (2000), eq. 3). Energies count from the reference energy; V_i, the reference above the
    potential between the atoms, is learned, with a shift by site. chi is calculated on a grid and
    projected on the finest Gaussians of the spectral basis, so that the spectrum stays
    mu(E) = B(E) c.
    """

    energies: Tensor
    amplitude_basis: Tensor
    projection: Tensor

    def __init__(self, spectral_basis: SpectralBasis, n_amplitudes: int, step: float = 0.5) -> None:
        """Prepare the grid, ``step`` eV apart, the amplitudes' Gaussians and the projection."""
        super().__init__()
        centers = spectral_basis.centers
        emin, emax = float(centers.min()), float(centers.max())
        energies = torch.linspace(emin, emax, max(2, round((emax - emin) / step) + 1)).to(centers)
        spacing = (emax - emin) / max(n_amplitudes - 1, 1)
        middle = emin + spacing * torch.arange(n_amplitudes).to(centers)
        amplitude_basis = torch.exp(-0.5 * ((energies.unsqueeze(1) - middle) / spacing) ** 2)
        self.register_buffer("energies", energies, persistent=False)
        self.register_buffer("amplitude_basis", amplitude_basis, persistent=False)
        self.register_buffer("projection", spectral_basis.projection(energies), persistent=False)
        self.inner_potential = nn.Parameter(torch.tensor(5.0 - emin))

    def forward(self, paths: Paths, shift: Tensor) -> Tensor:
        """Coefficients of chi on the spectral basis, shape (n_absorbers, num_basis).

        Args:
            paths: the paths.
            shift: of V at every absorber, eV, shape (n_absorbers,).
        """
        kinetic = self.energies + self.inner_potential + shift.unsqueeze(1)
        kinetic = LOWEST_ENERGY * nn.functional.softplus(kinetic / LOWEST_ENERGY)
        wave_number = torch.sqrt(WAVE_NUMBER_SQUARED * kinetic.clamp(min=NO_ENERGY))
        phase = 2.0 * paths.half_length.unsqueeze(1) * gather_rows(wave_number, paths.absorber)
        a, b = (paths.amplitudes @ self.amplitude_basis.T).unbind(1)
        waves = a * torch.sin(phase) + b * torch.cos(phase)  # (n_paths, n_energies)
        chi = waves.new_zeros(len(shift), len(self.energies)).index_add(0, paths.absorber, waves)
        return chi @ self.projection


class PathAmplitudes(nn.Module):
    """Amplitudes of the paths absorber-j and absorber-j-k from the atoms and the geometry.

    A path over two neighbors is the same both ways round, so its amplitude is symmetric in j and
    k. Every path fades out as its half length reaches ``r_max``; as this is at least either
    atom's distance, the neighbor list contains all of them.
    """

    def __init__(
        self, lmax: int, channels: int, num_radial: int, n_amplitudes: int, r_max: float
    ) -> None:
        """Make the maps; sizes as in ``Hyperparameters``, ``r_max`` also bounds half the path."""
        super().__init__()
        self.r_max, self.n_amplitudes = r_max, n_amplitudes
        self.radial_basis = RadialBasis(num_radial, r_max)
        self.neighbor = nn.Sequential(
            nn.Linear((lmax + 1) * channels + num_radial, channels), nn.SiLU()
        )
        self.absorber = nn.Linear(channels, channels)
        self.single = nn.Sequential(nn.Linear(channels, channels), nn.SiLU())
        self.single_out = nn.Linear(channels, 2 * n_amplitudes)
        self.partner = nn.Linear(channels, channels)
        self.geometry = nn.Sequential(
            nn.Linear(2 * num_radial + 5, channels), nn.SiLU(), nn.Linear(channels, channels)
        )
        self.pair = nn.Sequential(nn.Linear(channels, channels), nn.SiLU())
        self.pair_out = nn.Linear(channels, 2 * n_amplitudes)
        self.shift = nn.Linear(channels, 1)
        nn.init.zeros_(self.shift.weight)
        nn.init.zeros_(self.shift.bias)

    def forward(self, scalars: Tensor, bonds: Tensor, edges: EdgeFeatures) -> tuple[Paths, Tensor]:
        """List the paths of some absorbers.

        Args:
            scalars: l = 0 features of the absorbers, shape (n_absorbers, channels).
            bonds: ``bond_invariants`` of every neighbor, shape
                (n_absorbers, n_slots, (lmax + 1) channels).
            edges: the absorbers' edges, (n_absorbers, n_slots, ...).

        Returns:
            The paths, and the shift of V at every absorber, eV, shape (n_absorbers,).
        """
        length = torch.linalg.vector_norm(edges.vec, dim=-1)
        one, slot = (edges.mask & (length < self.r_max)).nonzero(as_tuple=True)
        two, j, k = find_pairs(edges.vec, length, edges.mask, self.r_max)
        absorbers = self.absorber(scalars)

        neighbors = self.neighbor(torch.cat([bonds, edges.radial], dim=-1)[one, slot])
        single = self.single(neighbors * gather_rows(absorbers, one))

        number = torch.zeros_like(edges.mask, dtype=torch.long)  # of a neighbor among ``neighbors``
        number[one, slot] = torch.arange(len(one), device=one.device)
        partner = self.partner(neighbors)
        both = gather_rows(partner, number[two, j]) * gather_rows(partner, number[two, k])
        both = both * gather_rows(absorbers, two)
        ends = edges.vec[two, j], edges.vec[two, k], length[two, j], length[two, k]
        half_length, geometry = self.triangle(*ends)
        double = self.pair(both * self.geometry(geometry))

        amplitudes = torch.cat([self.single_out(single), self.pair_out(double)])
        half_lengths = torch.cat([length[one, slot], half_length])
        faded = amplitudes * polynomial_envelope(half_lengths, self.r_max).unsqueeze(1)
        faded = faded.unflatten(1, (2, self.n_amplitudes))
        shift = LARGEST_SHIFT * torch.tanh(self.shift(scalars).squeeze(1))
        return Paths(torch.cat([one, two]), half_lengths, faded), shift

    def triangle(self, r_j: Tensor, r_k: Tensor, d_j: Tensor, d_k: Tensor) -> tuple[Tensor, Tensor]:
        """Half the perimeter of the triangle absorber, j, k, and its shape, symmetric in j and k.

        Legendre polynomials P_1 to P_3 of the cosine at the absorber, sum and product of the
        cosines at j and k, and radial bases of d_jk and of the half perimeter.

        Args:
            r_j: vectors between absorber and j, Angstrom, shape (n_pairs, 3).
            r_k: the same of k.
            d_j: their lengths, Angstrom, shape (n_pairs,).
            d_k: the same of k.

        Returns:
            Angstrom, shape (n_pairs,); dimensionless, shape (n_pairs, 5 + 2 num_radial).
        """
        r_kj = r_j - r_k
        d_jk = torch.linalg.vector_norm(r_kj, dim=-1)
        half_length = 0.5 * (d_j + d_k + d_jk)
        at_absorber = (r_j * r_k).sum(1) / (d_j * d_k)
        at_j = (r_j * r_kj).sum(1) / (d_j * d_jk)
        at_k = -(r_k * r_kj).sum(1) / (d_k * d_jk)
        angles = [
            at_absorber,
            1.5 * at_absorber**2 - 0.5,
            2.5 * at_absorber**3 - 1.5 * at_absorber,
            at_j + at_k,
            at_j * at_k,
        ]
        radial = [self.radial_basis(d_jk), self.radial_basis(half_length)]
        return half_length, torch.cat([torch.stack(angles, dim=1), *radial], dim=1)


@torch.no_grad()
def find_pairs(
    vectors: Tensor, length: Tensor, mask: Tensor, r_max: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Pairs of neighbors whose path is shorter than twice ``r_max``.

    Args:
        vectors: between absorber and neighbors, Angstrom, shape (n_absorbers, n_slots, 3).
        length: their lengths, Angstrom, shape (n_absorbers, n_slots).
        mask: False at padding, shape (n_absorbers, n_slots).
        r_max: longest half path, Angstrom.

    Returns:
        Absorber and slots j < k of every pair, shape (n_pairs,) each.
    """
    apart = torch.cdist(vectors, vectors, compute_mode="donot_use_mm_for_euclid_dist")
    half = 0.5 * (length.unsqueeze(2) + length.unsqueeze(1) + apart)
    near = (half < r_max) & mask.unsqueeze(2) & mask.unsqueeze(1)
    absorber, j, k = near.triu(1).nonzero(as_tuple=True)
    return absorber, j, k
