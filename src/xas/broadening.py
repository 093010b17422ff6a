r"""Broadening: Gaussian, Lorentzian and Voigt, of a width that is constant or varies with energy.

    mu'(E) = int mu(E') K(E - E'; w(E')) dE'

mu is constant on each cell of a fine grid, and the integral of K over a cell is exact (its
distribution function), so that K may be narrower than a cell. Beyond its ends a spectrum continues
with its first and last value, so a constant stays constant. The width belongs to the energy E' that
absorbs, so the area of every point is conserved.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.special import ndtr

from ..errors import ConfigError
from .spectrum import Spectrum

SIGMA_OF_FWHM = 1.0 / (2.0 * np.sqrt(2.0 * np.log(2.0)))
"""Standard deviation of a Gaussian over its full width at half maximum."""
FINE = 8.0
"""Cells of the fine grid per width."""
MOST_CELLS = 6000
"""Maximum number of cells; the matrix of the integrals has that many columns."""
HBAR2_OVER_2M = 3.809982
"""hbar^2 / (2 m_e), eV Angstrom^2 (CODATA 2018)."""

Width = float | np.ndarray
Kernel = Callable[[np.ndarray, np.ndarray], np.ndarray]


def gaussian(spectrum: Spectrum, fwhm: Width) -> Spectrum:
    """Broaden by a Gaussian, as a monochromator does.

    Args:
        spectrum: what to broaden.
        fwhm: full width at half maximum, eV; a number, or one for each energy, shape (n_energies,).

    Raises:
        ConfigError: a width is negative or not finite.
    """
    return _broaden(spectrum, fwhm, lambda x, w: ndtr(x / (w * SIGMA_OF_FWHM)))


def gaussian_steps(energy: np.ndarray, fwhm: np.ndarray) -> np.ndarray:
    """Gaussian broadening as matrices, exact for mu linear between energies and constant beyond.

    mu' = mu_0 + G diff(mu), because such a mu is mu_0 plus ramps: an interval a to b with the slope
    s adds s (r(E - a) - r(E - b)), r(x) = max(x, 0), and a Gaussian of the standard deviation w
    turns r into x Phi(x / w) + w phi(x / w).

    Args:
        energy: eV, shape (n_energies,), strictly increasing.
        fwhm: full widths at half maximum, eV, shape (n_widths,), not negative.

    Returns:
        G, shape (n_widths, n_energies, n_energies - 1).
    """
    distance = (energy[:, None] - energy[None, :])[None]
    sigma = np.maximum(np.asarray(fwhm) * SIGMA_OF_FWHM, 1e-9)[:, None, None]
    density = np.exp(-0.5 * (distance / sigma).clip(-40.0, 40.0) ** 2) / np.sqrt(2.0 * np.pi)
    ramps = distance * ndtr(distance / sigma) + sigma * density
    return (ramps[..., :-1] - ramps[..., 1:]) / np.diff(energy)


def lorentzian(spectrum: Spectrum, fwhm: Width) -> Spectrum:
    """Broaden by a Lorentzian, as core-hole and final-state lifetimes do; see ``gaussian``."""
    return _broaden(spectrum, fwhm, lambda x, w: 0.5 + np.arctan(2.0 * x / w) / np.pi)


def voigt(spectrum: Spectrum, fwhm_gaussian: Width, fwhm_lorentzian: Width) -> Spectrum:
    """Broaden by a Voigt profile, a Gaussian followed by a Lorentzian; see ``gaussian``."""
    return lorentzian(gaussian(spectrum, fwhm_gaussian), fwhm_lorentzian)


def arctangent_width(
    energy: np.ndarray,
    fermi: float,
    core_hole: float,
    largest: float = 15.0,
    center: float = 30.0,
    extent: float = 30.0,
) -> np.ndarray:
    """Width of a final state that grows as an arctangent, full width at half maximum, eV.

    Gamma(E) = Gamma_hole + Gamma_m (1/2 + arctan(pi/3 Gamma_m / E_l (e - 1/e^2)) / pi) with
    e = (E - E_F) / E_c, as FDMNES has it (Bunau and Joly, J. Phys. Condens. Matter 21, 345501
    (2009), and its manual); Gamma_hole alone up to E_F.

    Args:
        energy: eV, shape (n_energies,).
        fermi: E_F, eV on the same axis.
        core_hole: Gamma_hole, full width at half maximum, eV.
        largest: Gamma_m, eV.
        center: E_c, eV.
        extent: E_l, eV.
    """
    above = np.maximum(np.asarray(energy) - fermi, 1e-6) / center
    with np.errstate(over="ignore"):
        angle = np.arctan(np.pi / 3.0 * largest / extent * (above - above**-2.0))
    return core_hole + np.where(np.asarray(energy) > fermi, largest * (0.5 + angle / np.pi), 0.0)


def seah_dench_width(energy: np.ndarray, fermi: float, core_hole: float) -> np.ndarray:
    """Width from the mean free path of the photoelectron.

    Gamma(E) = Gamma_hole + hbar v / lambda, with the universal curve of the elements
    lambda = 1430 / T^2 + 0.54 sqrt(T) Angstrom, T the kinetic energy in eV (Seah and Dench, Surf.
    Interface Anal. 1, 2 (1979), eq. 5), and hbar v = 2 sqrt(hbar^2 / 2m T).

    Args:
        energy: eV, shape (n_energies,).
        fermi: energy where T = 0, eV on the same axis.
        core_hole: Gamma_hole, full width at half maximum, eV.

    Returns:
        Full widths, eV, shape (n_energies,); Gamma_hole up to ``fermi``.
    """
    kinetic = np.maximum(np.asarray(energy) - fermi, 0.0)
    safe = np.maximum(kinetic, 1e-3)
    path = 1430.0 / safe**2 + 0.54 * np.sqrt(safe)
    velocity = 2.0 * np.sqrt(HBAR2_OVER_2M * safe)
    return core_hole + np.where(kinetic > 0.0, velocity / path, 0.0)


def _broaden(spectrum: Spectrum, fwhm: Width, distribution: Kernel) -> Spectrum:
    """Convolve with a kernel given by its distribution function F(x, w)."""
    energy = spectrum.energy
    widths = np.broadcast_to(np.asarray(fwhm, dtype=float), energy.shape)
    if not (np.isfinite(widths).all() and (widths >= 0).all()):
        raise ConfigError(
            f"{spectrum.source}: a broadening is {widths.min():g} to {widths.max():g} eV but must"
            " be finite and not negative"
        )
    if not widths.max() > 0:
        return spectrum
    centers, bounds = _cells(energy, float(widths[widths > 0].min()))
    with np.errstate(over="ignore"):  # slopes over denormal differences; their limit is right
        values = PchipInterpolator(energy, spectrum.mu)(centers)  # no overshoot at steps
    width = np.maximum(np.interp(centers, energy, widths), 1e-9)
    upper = distribution(energy[:, None] - bounds[None, :-1], width[None, :])
    lower = distribution(energy[:, None] - bounds[None, 1:], width[None, :])
    from_inside = (upper - lower) @ values
    # beyond the ends: all that is left of the kernels there, with the width at the end
    before = 1.0 - distribution(energy - bounds[0], width[0])
    after = distribution(energy - bounds[-1], width[-1])
    from_outside = before * spectrum.mu[0] + after * spectrum.mu[-1]
    return replace(spectrum, mu=from_inside + from_outside)


def _cells(energy: np.ndarray, width: float) -> tuple[np.ndarray, np.ndarray]:
    """Centers and bounds of cells, a whole number of them between two energies."""
    target = max(width / FINE, (energy[-1] - energy[0]) / MOST_CELLS)
    pieces = np.maximum(np.ceil(np.diff(energy) / target).astype(int), 1)
    parts = [
        np.linspace(a, b, n, endpoint=False)
        for a, b, n in zip(energy[:-1], energy[1:], pieces, strict=True)
    ]
    bounds = np.append(np.concatenate(parts), energy[-1])
    return 0.5 * (bounds[1:] + bounds[:-1]), bounds
