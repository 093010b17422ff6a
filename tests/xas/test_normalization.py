"""Edge energy and normalisation against larch, closed forms, noise and glitches."""

import json

import numpy as np
import pytest
from paths import EXPERIMENT

from src.errors import ConfigError, RecordError
from src.xas.measured import read_measured
from src.xas.normalization import Ranges, find_e0, normalize
from src.xas.spectrum import Spectrum

LARCH = json.loads((EXPERIMENT / "larch.json").read_text())
SCANS = [name for name in LARCH if name not in ("larch", "what")]


def made_edge(e0=9000.0, step=0.7, noise=0.0, seed=0):
    """A pre-edge line, an arctangent of 2 eV and a post-edge parabola, known exactly."""
    energy = np.concatenate([np.arange(-200, -20, 5.0), np.arange(-20, 40, 0.4),
                             np.arange(40, 800, 3.0)])  # fmt: skip
    pre = 1.2 - 3e-4 * energy
    post = step * (1.0 - 4e-4 * energy + 1e-7 * energy**2)
    mu = pre + post * (0.5 + np.arctan(energy / 1.0) / np.pi)
    mu = mu + noise * step * np.random.default_rng(seed).standard_normal(len(energy))
    return Spectrum(energy + e0, mu, source="made")


@pytest.mark.parametrize("name", SCANS)
def test_measured_scans_are_normalised_as_larch_does(name):
    scan = read_measured(EXPERIMENT / f"{name}.xdi")
    found, wanted = normalize(scan), LARCH[name]
    nearest = int(np.argmin(np.abs(scan.energy - wanted["e0"])))
    assert scan.energy[nearest - 1] <= found.e0 <= scan.energy[nearest + 1]  # a grid step
    assert found.edge_step == pytest.approx(wanted["edge_step"], rel=1e-3)
    assert np.abs(found.norm.mu[::20] - wanted["norm"]).max() < 1e-3
    assert np.abs(found.flat.mu[::20] - wanted["flat"]).max() < 1e-3
    other = normalize(scan, Ranges(norm1=300.0))  # control: the range is felt
    assert np.abs(other.norm.mu[::20] - wanted["norm"]).max() > 1e-3


def test_background_of_a_made_edge_is_found():
    spectrum = made_edge()
    found = normalize(spectrum, Ranges(pre1=-180, pre2=-100, norm1=200, norm2=780))
    energy = spectrum.energy - 9000.0
    assert found.e0 == pytest.approx(9000.0, abs=0.4)
    # the arctangent's tails are 1 / (pi E), some 1 % of the step in either range
    assert found.edge_step == pytest.approx(0.7, rel=0.02)
    assert np.abs(found.pre_edge - (1.2 - 3e-4 * energy))[energy < 0].max() < 0.01
    assert found.flat.mu[energy > 200] == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize(("end", "degree"), [(25.0, 0), (150.0, 1), (700.0, 2)])
def test_flat_lacks_the_post_edge_polynomial_and_nothing_else(end, degree):
    """The degree is that of the range; a parabola through 20 eV would bend the white line."""
    scan = made_edge().within(8800.0, 9000.0 + end)
    result = normalize(scan)
    assert result.ranges.nnorm == degree
    x = scan.energy - result.e0
    first = np.searchsorted(x, result.ranges.norm1, side="right") - 1
    used = slice(first, np.argmin(np.abs(x - result.ranges.norm2)))
    curve = np.polyval(np.polyfit(x[used], result.norm.mu[used], degree), x)
    expected = result.norm.mu - np.where(x >= 0, curve - curve[np.argmin(np.abs(x))], 0.0)
    assert result.flat.mu == pytest.approx(expected, abs=1e-9)
    if degree == 0:
        assert np.array_equal(result.flat.mu, result.norm.mu)


def scan_with_faults(seed):
    """1 % of noise, a glitch of one point and one of three before, on and after the edge."""
    spectrum = made_edge(noise=0.01, seed=seed)
    rng, mu = np.random.default_rng(seed), spectrum.mu.copy()
    single = rng.integers(20, len(mu) - 20, 3)
    mu[single] += rng.choice([-1, 1], 3) * rng.uniform(0.5, 2.0, 3)
    wide = int(rng.integers(200, len(mu) - 40))
    mu[wide : wide + 3] += 1.5
    return Spectrum(spectrum.energy, mu)


def test_e0_is_found_in_spite_of_noise_and_glitches():
    faults = [scan_with_faults(seed) for seed in range(40)]
    found = np.array([find_e0(spectrum) for spectrum in faults])
    assert np.abs(found - 9000.0).max() < 1.5
    naive = np.array([s.energy[np.argmax(np.gradient(s.mu, s.energy))] for s in faults])
    assert (np.abs(naive - 9000.0) > 1.5).mean() > 0.5  # control: the largest difference fails


def test_what_has_no_edge_is_named():
    energy = np.linspace(8900.0, 9100.0, 100)
    with pytest.raises(RecordError, match="falling: mu rises nowhere"):
        find_e0(Spectrum(energy, -energy, source="falling"))
    with pytest.raises(RecordError, match="5 points are too few"):
        find_e0(Spectrum(energy[:5], energy[:5]))
    with pytest.raises(ConfigError, match="are no range within"):
        normalize(made_edge(), Ranges(norm1=900.0, norm2=1000.0))
    with pytest.raises(ConfigError, match="must end below e0"):
        normalize(made_edge(), Ranges(pre2=10.0))
