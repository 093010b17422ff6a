"""Scattering paths against loops over atoms, waves against the formula on a grid."""

import itertools
import math

import numpy as np
import pytest
import torch

from src.model.basis import SpectralBasis
from src.model.neighbor_lists import EdgeFeatures
from src.model.scattering import PathAmplitudes, Paths, ScatteringWaves

pytestmark = pytest.mark.usefixtures("float64")
R_MAX, CHANNELS = 5.0, 8


@pytest.fixture
def basis():
    return SpectralBasis(128, (0.1, 0.5, 1.0), -10.0, 50.0)


def surroundings(seed=0, n_absorbers=2, n_slots=9):
    """Amplitudes, and scalars, bonds and edges of random neighbors, one slot empty."""
    torch.manual_seed(seed)
    amplitudes = PathAmplitudes(0, CHANNELS, 4, 3, R_MAX)
    vectors = torch.randn(n_absorbers, n_slots, 3)
    vectors = vectors / vectors.norm(dim=-1, keepdim=True)
    vectors = vectors * (1.5 + 4.0 * torch.rand(n_absorbers, n_slots, 1))
    mask = torch.ones(n_absorbers, n_slots, dtype=torch.bool)
    mask[-1, -1:] = n_absorbers == 1
    scalars = torch.randn(n_absorbers, CHANNELS)
    bonds, radial = torch.randn(n_absorbers, n_slots, CHANNELS + 4).split([CHANNELS, 4], dim=2)
    return amplitudes, (scalars, bonds, EdgeFeatures(vectors, mask, radial, None, None))


@pytest.mark.parametrize("half_length", [1.9, 4.8])
def test_one_path_is_a_wave_in_k(basis, half_length):
    waves = ScatteringWaves(basis, n_amplitudes=1)
    amplitudes = torch.tensor([[[0.3], [0.2]]])
    paths = Paths(torch.tensor([0]), torch.tensor([half_length]), amplitudes)
    shift = torch.tensor([1.5])
    energy = np.arange(-8.0, 48.0, 0.5)

    def chi(length):
        potential = waves.inner_potential.item() + 1.5
        k = np.sqrt(0.26246843 * np.logaddexp(0.0, energy + potential))
        envelope = np.exp(-0.5 * ((energy + 10.0) / 60.0) ** 2)  # one Gaussian at the start
        return envelope * (0.3 * np.sin(2 * k * length) + 0.2 * np.cos(2 * k * length))

    with torch.no_grad():
        found = (waves(paths, shift) @ basis(torch.from_numpy(energy)).T)[0].numpy()
    scale = 0.36
    assert np.abs(found - chi(half_length)).max() < 0.02 * scale
    assert np.abs(found - chi(half_length + 0.1)).max() > 0.2 * scale  # negative control


def test_wave_number_is_that_of_a_free_electron():
    """Prefactor of k = sqrt(2 m E) / hbar from CODATA's constants in scipy."""
    from scipy.constants import electron_mass, electron_volt, hbar

    from src.model.scattering import WAVE_NUMBER_SQUARED

    expected = 2 * electron_mass * electron_volt / hbar**2 * 1e-20
    assert math.isclose(WAVE_NUMBER_SQUARED, expected, rel_tol=1e-7)


def test_paths_are_those_that_a_loop_finds():
    amplitudes, inputs = surroundings()
    paths, _ = amplitudes(*inputs)
    vectors, mask = (values.numpy() for values in inputs[2][:2])
    expected = []
    for absorber in range(len(vectors)):
        atoms = [r for r, there in zip(vectors[absorber], mask[absorber], strict=True) if there]
        lengths = [np.linalg.norm(r) for r in atoms]
        for j, k in itertools.combinations(range(len(atoms)), 2):
            apart = np.linalg.norm(atoms[j] - atoms[k])
            lengths.append((lengths[j] + lengths[k] + apart) / 2)
        expected += sorted((absorber, length) for length in lengths if length < R_MAX)
    found = sorted(zip(paths.absorber.tolist(), paths.half_length.tolist(), strict=True))
    assert len(found) == len(expected) > 20
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_order_of_neighbors_does_not_matter(basis):
    amplitudes, (scalars, bonds, edges) = surroundings()
    waves = ScatteringWaves(basis, 3)
    before = waves(*amplitudes(scalars, bonds, edges))
    order = torch.randperm(bonds.shape[1])
    vec, mask, radial = (values[:, order] for values in edges[:3])
    after = waves(
        *amplitudes(scalars, bonds[:, order], EdgeFeatures(vec, mask, radial, None, None))
    )
    scale = before.abs().max()
    assert (after - before).abs().max() < 1e-12 * scale
    # negative control: other atoms at the same places
    other = waves(*amplitudes(scalars, bonds[:, order], edges._replace(radial=radial)))
    assert (other - before).abs().max() > 1e-3 * scale


def test_paths_fade_out_with_their_slope_at_the_longest(basis):
    """A neighbor that leaves changes nothing, and changes it smoothly."""
    amplitudes, (scalars, bonds, edges) = surroundings(n_absorbers=1, n_slots=2)
    waves, mask = ScatteringWaves(basis, 3), torch.ones(1, 2, dtype=torch.bool)

    def chi(distance):
        vectors = torch.tensor([[[0.0, 0.0, distance], [0.0, 0.0, 2.0]]])
        return waves(*amplitudes(scalars, bonds, edges._replace(vec=vectors, mask=mask)))

    gone, scale = chi(R_MAX + 1e-9), chi(3.5).abs().max()
    assert (chi(R_MAX - 1e-4) - gone).abs().max() < 1e-6 * scale
    assert (chi(R_MAX - 0.5) - gone).abs().max() > 1e-3 * scale  # negative control


def test_gradient_of_the_waves_is_that_of_differences(basis):
    amplitudes, (scalars, bonds, edges) = surroundings(n_absorbers=1, n_slots=4)
    waves = ScatteringWaves(basis, 3)

    def total(where):
        return waves(*amplitudes(scalars, bonds, edges._replace(vec=where)))[:, ::16]

    assert torch.autograd.gradcheck(total, edges.vec.requires_grad_(True))


def test_absorber_without_neighbors_has_no_waves(basis):
    amplitudes, inputs = surroundings(n_slots=0)
    coefficients = ScatteringWaves(basis, 3)(*amplitudes(*inputs))
    assert coefficients.shape == (2, 128)
    assert (coefficients == 0).all()


@pytest.mark.parametrize("potential", [-300.0, 3.0])
def test_gradient_is_finite_where_all_energies_are_below_the_potential(potential):
    """In float32 the rounded kinetic energy is 0 there; its square root has no slope."""
    torch.set_default_dtype(torch.float32)
    waves = ScatteringWaves(SpectralBasis(32, (0.5,), -10.0, 50.0), n_amplitudes=3)
    amplitudes = torch.randn(1, 2, 3, requires_grad=True)
    paths = Paths(torch.tensor([0]), torch.tensor([2.5]), amplitudes)
    shift = torch.tensor([potential], requires_grad=True)
    waves(paths, shift).square().sum().backward()
    assert bool(torch.isfinite(shift.grad).all())
    assert (shift.grad.abs().sum() > 0) == (potential > 0)  # control: in the usual range it is felt
