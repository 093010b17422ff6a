"""Interference of the photoelectron: scattering paths of two and three atoms as waves in k."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from .basis import RadialBasis, SpectralBasis, polynomial_envelope
from .neighbor_lists import gather_rows

WAVE_NUMBER_SQUARED = 0.26246843
"""k^2 of an electron of 1 eV, 2 m / hbar^2, Angstrom^-2 (CODATA 2018)."""
LOWEST_ENERGY = 1.0
"""Scale below which a kinetic energy is rounded off to stay positive, eV."""
NO_ENERGY = 1e-6
"""Kinetic energies end here, eV: the rounding underflows to 0, where a root has no slope."""


class Paths(NamedTuple):
    """Scattering paths of some absorbers.

    Attributes:
        owner: absorber of every path, shape (n_paths,), not decreasing.
        half_length: half the way there and back, Angstrom, shape (n_paths,).
        amplitudes: of sine and cosine on the amplitude basis, (n_paths, 2, n_amplitudes).
    """

    owner: Tensor
    half_length: Tensor
    amplitudes: Tensor


class ScatteringWaves(nn.Module):
    r"""Sum over paths of waves in k with amplitudes smooth in E, on the spectral basis.

        chi_i(E) = sum_p a_p(E) sin 2 k(E) s_p + b_p(E) cos 2 k(E) s_p
        k(E)     = sqrt(2 m T(E)) / hbar,  T(E) = softplus(E + V_i)

    s_p is half the length of path p: the distance d_j of a neighbour, or (d_j + d_k + d_jk) / 2 for
    a path over two of them (the phase of the EXAFS equation; Rehr and Albers, Rev. Mod. Phys. 72,
    621 (2000), eq. 3). Energies count from the reference energy; V_i, the reference above the
    potential between the atoms, is learned, with a shift by site. chi is worked out on a grid and
    brought onto the finest Gaussians of the spectral basis by regularised least squares, so that
    the spectrum stays mu(E) = B(E) c.
    """

    energies: Tensor
    amplitude_basis: Tensor
    projection: Tensor

    def __init__(self, spectral_basis: SpectralBasis, n_amplitudes: int, step: float = 0.5) -> None:
        """Prepare grid, amplitude basis and projection.

        Args:
            spectral_basis: basis of the spectrum.
            n_amplitudes: Gaussians in E of an amplitude.
            step: distance of the grid's energies, eV.
        """
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
        """Sum the waves of every absorber.

        Args:
            paths: the paths.
            shift: what is added to V at every absorber, eV, shape (n_absorbers,).

        Returns:
            Coefficients on the spectral basis, shape (n_absorbers, num_basis).
        """
        kinetic = self.energies + self.inner_potential + shift.unsqueeze(1)
        kinetic = LOWEST_ENERGY * nn.functional.softplus(kinetic / LOWEST_ENERGY)
        kinetic = kinetic.clamp(min=NO_ENERGY)
        wave_number = torch.sqrt(WAVE_NUMBER_SQUARED * kinetic)
        phase = 2.0 * paths.half_length.unsqueeze(1) * gather_rows(wave_number, paths.owner)
        sines, cosines = (paths.amplitudes @ self.amplitude_basis.T).unbind(1)
        waves = sines * torch.sin(phase) + cosines * torch.cos(phase)
        summed = waves.new_zeros(len(shift), len(self.energies)).index_add(0, paths.owner, waves)
        return summed @ self.projection


class PathAmplitudes(nn.Module):
    """Amplitudes of the paths absorber-j and absorber-j-k from the atoms and the geometry.

    Paths over two neighbours are the same both ways round, so their amplitudes are symmetric in j
    and k. Every path fades out as its half length reaches ``r_max``; as this is at least either
    atom's distance, the neighbour list holds all of them.
    """

    def __init__(
        self, size: int, channels: int, num_radial: int, n_amplitudes: int, r_max: float
    ) -> None:
        """Make the maps.

        Args:
            size: invariants of a neighbour.
            channels: hidden channels, and scalars of an absorber.
            num_radial: Bessel functions of a distance.
            n_amplitudes: Gaussians in E of an amplitude.
            r_max: longest half path, Angstrom.
        """
        super().__init__()
        self.r_max, self.n_amplitudes = r_max, n_amplitudes
        self.radial_basis = RadialBasis(num_radial, r_max)
        self.neighbor = nn.Sequential(nn.Linear(size, channels), nn.SiLU())
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

    def forward(
        self, scalars: Tensor, invariants: Tensor, vectors: Tensor, mask: Tensor
    ) -> tuple[Paths, Tensor]:
        """List the paths of some absorbers.

        Args:
            scalars: l = 0 features of the absorbers, shape (n_absorbers, channels).
            invariants: of every neighbour seen from its absorber, (n_absorbers, n_slots, size).
            vectors: r_ij, Angstrom, shape (n_absorbers, n_slots, 3).
            mask: whether a slot holds a neighbour, shape (n_absorbers, n_slots).

        Returns:
            The paths, and the shift of V at every absorber, eV.
        """
        length = torch.linalg.vector_norm(vectors, dim=-1)
        owner, slot = (mask & (length < self.r_max)).nonzero(as_tuple=True)
        atoms = self.neighbor(invariants[owner, slot])
        of_absorber = self.absorber(scalars)
        distance = length[owner, slot]
        single = self.single(atoms * gather_rows(of_absorber, owner))
        single = self._fade(self.single_out(single), distance)
        pairs = self._pairs(vectors, length, mask)
        number = mask.new_zeros(mask.shape, dtype=torch.long)
        number[owner, slot] = torch.arange(len(owner), device=owner.device)
        first, second = number[pairs.owner, pairs.j], number[pairs.owner, pairs.k]
        partner = self.partner(atoms)
        together = gather_rows(partner, first) * gather_rows(partner, second)
        together = together * gather_rows(of_absorber, pairs.owner)
        double = self.pair(together * self.geometry(pairs.geometry))
        double = self._fade(self.pair_out(double), pairs.half_length)
        paths = Paths(
            torch.cat([owner, pairs.owner]),
            torch.cat([distance, pairs.half_length]),
            torch.cat([single, double]),
        )
        return paths, 5.0 * torch.tanh(self.shift(scalars).squeeze(1))

    def _fade(self, amplitudes: Tensor, half_length: Tensor) -> Tensor:
        """Fade amplitudes out at the longest path."""
        faded = amplitudes * polynomial_envelope(half_length, self.r_max).unsqueeze(1)
        return faded.unflatten(1, (2, self.n_amplitudes))

    def _pairs(self, vectors: Tensor, length: Tensor, mask: Tensor) -> "_Pairs":
        """Pairs j < k of neighbours whose path is short enough."""
        with torch.no_grad():
            apart = torch.cdist(vectors, vectors, compute_mode="donot_use_mm_for_euclid_dist")
            half = 0.5 * (length.unsqueeze(2) + length.unsqueeze(1) + apart)
            near = (half < self.r_max) & mask.unsqueeze(2) & mask.unsqueeze(1)
            owner, j, k = near.triu(1).nonzero(as_tuple=True)
        first, second = vectors[owner, j], vectors[owner, k]
        d_j, d_k = length[owner, j], length[owner, k]
        between = first - second
        d_jk = torch.linalg.vector_norm(between, dim=-1)
        half_length = 0.5 * (d_j + d_k + d_jk)
        at_absorber = (first * second).sum(1) / (d_j * d_k)
        at_j = (first * between).sum(1) / (d_j * d_jk)
        at_k = -(second * between).sum(1) / (d_k * d_jk)
        angles = torch.stack(
            [
                at_absorber,
                1.5 * at_absorber**2 - 0.5,
                2.5 * at_absorber**3 - 1.5 * at_absorber,
                at_j + at_k,
                at_j * at_k,
            ],
            dim=1,
        )
        radial = [self.radial_basis(d_jk), self.radial_basis(half_length)]
        return _Pairs(owner, j, k, half_length, torch.cat([angles, *radial], dim=1))


class _Pairs(NamedTuple):
    """Pairs of neighbours of an absorber."""

    owner: Tensor
    j: Tensor
    k: Tensor
    half_length: Tensor
    geometry: Tensor
