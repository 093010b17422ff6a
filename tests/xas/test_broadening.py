"""Broadening against closed forms: widths add up, steps become erf and arctan, areas stay."""

import numpy as np
import pytest
from scipy.integrate import trapezoid
from scipy.special import erf, voigt_profile

from src.errors import ConfigError
from src.xas.broadening import (
    SIGMA_OF_FWHM,
    arctangent_width,
    gaussian,
    gaussian_steps,
    lorentzian,
    seah_dench_width,
    voigt,
)
from src.xas.spectrum import Spectrum

EVEN = np.arange(8800.0, 9200.0, 0.25)
UNEVEN = 9000.0 + 200.0 * np.sinh(np.linspace(-3, 3, 900)) / np.sinh(3.0)


def normal(energy, fwhm):
    """A Gaussian of unit area at 9000 eV."""
    sigma = fwhm * SIGMA_OF_FWHM
    return np.exp(-0.5 * ((energy - 9000.0) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))


def cauchy(energy, fwhm):
    """A Lorentzian of unit area at 9000 eV."""
    return 0.5 * fwhm / np.pi / ((energy - 9000.0) ** 2 + 0.25 * fwhm**2)


@pytest.mark.parametrize("energy", [EVEN, UNEVEN], ids=["even", "uneven"])
def test_widths_add_in_squares_for_gaussians_and_plainly_for_lorentzians(energy):
    twice = gaussian(Spectrum(energy, normal(energy, 6.0)), 8.0).mu
    assert twice == pytest.approx(normal(energy, 10.0), abs=2e-5)
    assert np.abs(twice - normal(energy, 14.0)).max() > 1e-2  # control
    twice = lorentzian(Spectrum(energy, cauchy(energy, 3.0)), 4.0).mu
    assert twice == pytest.approx(cauchy(energy, 7.0), abs=1e-4)


def test_matrices_broaden_a_step_to_an_error_function_and_agree_with_the_convolution():
    energy, widths = np.arange(8980.0, 9040.0, 0.25), np.array([0.0, 0.4, 3.0, 7.0])
    steps = gaussian_steps(energy, widths)
    ramp = np.interp(energy, [9005.0, 9005.25], [0.2, 1.0])  # a step, as steep as it gets
    wavy = np.arctan(energy - 9005.0) + 0.2 * np.sin(energy / 3.0)
    for width, matrix in zip(widths, steps, strict=True):
        broadened = ramp[0] + matrix @ np.diff(ramp)
        if width > 2.0:
            sigma = width * SIGMA_OF_FWHM
            exact = 0.6 + 0.4 * erf((energy - 9005.125) / (np.sqrt(2.0) * sigma))
            assert broadened == pytest.approx(exact, abs=1e-3)
        slow = gaussian(Spectrum(energy, wavy), width).mu
        assert wavy[0] + matrix @ np.diff(wavy) == pytest.approx(slow, abs=4e-3)
    wrong = gaussian(Spectrum(energy, wavy), 4.0).mu  # control
    assert np.abs(wavy[0] + steps[2] @ np.diff(wavy) - wrong).max() > 1e-2


def test_a_line_becomes_a_voigt_profile():
    found = voigt(Spectrum(EVEN, normal(EVEN, 3.0)), 4.0, 2.0).mu
    assert found == pytest.approx(voigt_profile(EVEN - 9000.0, 5 * SIGMA_OF_FWHM, 1.0), abs=2e-4)


@pytest.mark.parametrize("energy", [EVEN, UNEVEN], ids=["even", "uneven"])
def test_a_step_becomes_an_error_function_or_an_arctangent(energy):
    edges = np.sort(np.append(energy, [9000.0 - 1e-6, 9000.0 + 1e-6]))
    edges = edges[np.append(True, np.diff(edges) > 1e-7)]
    step = Spectrum(edges, (edges > 9000.0).astype(float))
    x = edges - 9000.0
    found = gaussian(step, 5.0).mu
    assert found == pytest.approx(0.5 + 0.5 * erf(x / (5.0 * SIGMA_OF_FWHM * 2**0.5)), abs=1e-3)
    assert lorentzian(step, 5.0).mu == pytest.approx(0.5 + np.arctan(x / 2.5) / np.pi, abs=1e-3)


@pytest.mark.parametrize("broaden", [gaussian, lorentzian])
def test_area_is_conserved_and_a_constant_stays_one(broaden):
    peak = Spectrum(EVEN, normal(EVEN, 2.0))
    widths = arctangent_width(EVEN, 8990.0, 1.5)
    for width in (0.05, 5.0, widths):
        area = trapezoid(broaden(peak, width).mu, EVEN)
        lost = 0.03 if broaden is lorentzian else 1e-6  # tails beyond 200 eV: w / (200 pi)
        assert area == pytest.approx(1.0, abs=lost)
    flat = Spectrum(EVEN, np.full(len(EVEN), 0.7))
    assert broaden(flat, 20.0).mu == pytest.approx(0.7, abs=1e-12)


def test_nothing_bleeds_in_from_the_ends():
    """A rising line keeps its slope inside and is only drawn to its own end values at the ends."""
    found = gaussian(Spectrum(EVEN, EVEN - 8800.0), 5.0).mu
    inside = slice(100, -100)
    assert found[inside] == pytest.approx((EVEN - 8800.0)[inside], abs=1e-6)
    assert 0.0 <= found[0] < 2.0


def test_a_kernel_narrower_than_the_grid_changes_nothing():
    spectrum = Spectrum(EVEN, np.sin(EVEN / 7.0))
    assert gaussian(spectrum, 1e-3).mu == pytest.approx(spectrum.mu, abs=3e-3)
    assert gaussian(spectrum, 0.0) is spectrum


def test_widths_that_grow_with_energy():
    energy = np.array([8970.0, 8980.0, 9010.0, 9500.0])
    found = arctangent_width(energy, 8980.0, 1.5, largest=15.0, center=30.0)
    assert found[:2] == pytest.approx(1.5)
    assert found[2] == pytest.approx(1.5 + 7.5)  # e = 1: halfway
    assert 15.5 < found[3] < 16.5
    kinetic = 50.0
    path = 1430.0 / kinetic**2 + 0.54 * kinetic**0.5
    velocity = 6.582119569e-16 * np.sqrt(2 * kinetic * 1.602176634e-19 / 9.1093837e-31) * 1e10
    found = seah_dench_width(np.array([8970.0, 9030.0]), 8980.0, 1.5)
    assert found == pytest.approx([1.5, 1.5 + velocity / path], rel=1e-6)


@pytest.mark.parametrize("width", [-1.0, np.nan])
def test_widths_out_of_range_are_named(width):
    with pytest.raises(ConfigError, match="must be finite and not negative"):
        gaussian(Spectrum(EVEN, EVEN), width)
