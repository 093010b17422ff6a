"""Radial and spectral basis against closed forms."""

import math

import pytest
import torch

from src.model.basis import RadialBasis, SpectralBasis, centers_per_scale, polynomial_envelope

pytestmark = pytest.mark.usefixtures("float64")


def slope_and_curvature(envelope, x):
    """First and second derivative of a function at a number."""
    x = torch.tensor(x, requires_grad=True)
    (slope,) = torch.autograd.grad(envelope(x), x, create_graph=True)
    return slope, torch.autograd.grad(slope, x)[0]


def test_envelope_vanishes_with_slope_and_curvature_at_the_cutoff():
    """1 - 28 / 2^6 + 48 / 2^7 - 21 / 2^8 is exact in binary; a cosine has curvature."""
    lengths = torch.tensor([0.0, 2.5, 5.0, 5.1, 60.0])
    assert polynomial_envelope(lengths, 5.0).tolist() == [1.0, 219 / 256, 0.0, 0.0, 0.0]
    near = 5.0 - 1e-9
    assert abs(polynomial_envelope(torch.tensor(near), 5.0)) < 1e-14
    slope, curvature = slope_and_curvature(lambda x: polynomial_envelope(x, 5.0), near)
    assert abs(slope) < 1e-14
    assert abs(curvature) < 1e-7
    _, curvature = slope_and_curvature(lambda x: 0.5 * (1 + torch.cos(math.pi * x / 5.0)), near)
    assert abs(curvature) > 0.1  # negative control


def test_radial_basis_is_the_spherical_bessel_formula():
    basis = RadialBasis(6, 5.0)
    r = torch.linspace(0.3, 4.9, 17)
    order = torch.arange(1, 7)
    x = r.unsqueeze(1) / 5.0
    expected = math.sqrt(2) * torch.sin(order * math.pi * x) / x
    torch.testing.assert_close(basis(r), expected, rtol=1e-12, atol=1e-12)
    assert torch.equal(basis(r[:12].reshape(2, 2, 3)), basis(r)[:12].reshape(2, 2, 3, 6))


def test_radial_basis_is_orthogonal_on_the_ball():
    """Integral of b_n b_m r^2 dr is r_max^3 delta_nm for sin / r functions."""
    basis = RadialBasis(5, 5.0)
    r = (torch.arange(20000) + 0.5) * (5.0 / 20000)
    values = basis(r)
    overlap = torch.einsum("rn,rm,r->nm", values, values, r**2) * (5.0 / 20000)
    torch.testing.assert_close(overlap, 125.0 * torch.eye(5), rtol=1e-6, atol=1e-4)


def test_radial_basis_and_its_gradient_are_finite_at_zero():
    r = torch.zeros(1, requires_grad=True)
    values = RadialBasis(4, 5.0)(r)[0]
    assert values.tolist() == pytest.approx([math.sqrt(2) * n * math.pi for n in (1, 2, 3, 4)])
    for value in values:
        assert torch.autograd.grad(value, r, retain_graph=True)[0] == 0.0


@pytest.mark.parametrize("num", [3, 15, 63, 127])
def test_centers_are_shared_out_completely(num):
    counts = centers_per_scale(num, (0.1, 0.5, 1.0))
    assert sum(counts) == num
    assert min(counts) >= 1
    assert counts == sorted(counts, reverse=True)


def test_spectral_basis_columns_are_the_documented_functions():
    basis = SpectralBasis(20, (0.5, 1.0), -10.0, 50.0)
    energy = torch.tensor([-7.0, 0.0, 0.3, 21.0])
    values = basis(energy)
    assert values.shape == (4, 20)
    torch.testing.assert_close(values[:, 0], 0.5 + torch.atan(energy) / math.pi)
    centers, widths = basis.centers, basis.widths
    fine = torch.linspace(-10, 50, 13)
    torch.testing.assert_close(centers[:13], fine)
    assert widths[0] == pytest.approx(5.0)
    assert widths[-1] == pytest.approx(60.0 / 5)
    k = 15
    expected = torch.exp(-((energy - centers[k]) ** 2) / (2 * widths[k] ** 2))
    torch.testing.assert_close(values[:, k + 1], expected)


def test_step_moves_to_its_centre_and_becomes_as_wide_as_it_says():
    basis = SpectralBasis(4, (1.0,), -10.0, 50.0)
    with torch.no_grad():
        basis.step_center.fill_(1.5)
        basis.step_log_width.fill_(math.log(2.0))
    energy = torch.tensor([-0.5, 1.5, 3.5])
    assert basis(energy)[:, 0].tolist() == pytest.approx([0.25, 0.5, 0.75], rel=1e-15)


def test_one_gaussian_of_a_scale_stands_in_the_middle_and_two_at_the_ends():
    one = SpectralBasis(4, (0.1, 0.5, 1.0), -10.0, 50.0)  # the fewest functions for three scales
    assert one.centers.tolist() == [20.0, 20.0, 20.0]
    assert one.widths.tolist() == [60.0, 60.0, 60.0]
    two = SpectralBasis(3, (1.0,), -10.0, 50.0)
    assert two.centers.tolist() == [-10.0, 50.0]
    assert two.widths.tolist() == [60.0, 60.0]


def least_squares(matrix, target, penalty):
    """Ridge regression by singular values: rows of sqrt(penalty) below the matrix."""
    size = matrix.shape[1]
    rows = torch.cat([matrix, penalty**0.5 * torch.eye(size)])
    zeros = torch.zeros(size, *target.shape[1:])
    return torch.linalg.lstsq(rows, torch.cat([target, zeros]), driver="gelsd").solution


@pytest.mark.parametrize("options", [{}, {"ridge": 1e-3}])
def test_fit_is_the_ridge_regression_of_its_docstring(options):
    basis = SpectralBasis(30, (0.5, 1.0), -10.0, 50.0)
    grid = torch.arange(-10.0, 50.0, 0.5)
    mu = torch.atan(grid) + torch.sin(grid)
    penalty = options.get("ridge", 1e-6) * len(grid)
    expected = least_squares(basis(grid).detach(), mu.unsqueeze(1), penalty).squeeze(1)
    # the normal equations square the condition number: 1e-16 times 1e7
    assert (basis.fit(grid, mu, **options) - expected).abs().max() < 1e-8


@pytest.mark.parametrize("options", [{}, {"ridge": 0.1}])
def test_projection_is_the_ridge_regression_of_its_docstring(options):
    basis = SpectralBasis(30, (0.5, 1.0), -10.0, 50.0)
    grid = torch.arange(-10.0, 50.0, 0.5)
    finest = 1 + (basis.widths == basis.widths.min()).nonzero().squeeze(1)
    gaussians = basis(grid).detach()[:, finest]
    expected = least_squares(gaussians, torch.eye(len(grid)), options.get("ridge", 1e-3)).T
    found = basis.projection(grid, **options)
    assert found.shape == (len(grid), 30)
    assert (found[:, finest] - expected).abs().max() < 1e-10  # condition number 1e5
    assert (found != 0).sum() == (found[:, finest] != 0).sum()


def test_projection_of_a_basis_in_float64_does_not_depend_on_the_default_type():
    basis = SpectralBasis(30, (0.5, 1.0), -10.0, 50.0)
    grid = torch.arange(-10.0, 50.0, 0.5)
    expected = basis.projection(grid)
    torch.set_default_dtype(torch.float32)
    assert torch.equal(basis.projection(grid), expected)


def test_widths_of_the_default_are_those_in_the_docstring():
    basis = SpectralBasis(128, (0.1, 0.5, 1.0), -10.0, 50.0)
    widths = basis.widths.unique()
    assert widths.tolist() == pytest.approx([0.62, 3.2, 6.7], abs=0.06)


def test_condition_number_is_that_in_the_docstring():
    energy = torch.arange(-10.0, 50.0, 0.25)

    def condition(scales):
        values = torch.linalg.svdvals(SpectralBasis(128, scales, -10.0, 50.0)(energy).detach())
        return float(values[0] / values[-1])

    assert 1e13 < condition((0.1, 0.5, 1.0)) < 1e14
    assert 0.9e4 < condition((1.0,)) < 1.1e4
