"""The loss against closed forms, on grids uniform and not."""

import math

import pytest
import torch

from src.loss import SpectrumLoss

pytestmark = pytest.mark.usefixtures("float64")


def zeros_like(mu):
    """A target of zero."""
    return torch.zeros_like(mu)


def test_terms_unpack_and_add_up():
    grid = torch.linspace(0, 10, 21)
    prediction, target = torch.randn(3, 21), torch.randn(3, 21)
    terms = SpectrumLoss(0.7)(prediction, target, grid)
    total, mse, gradient = terms
    assert terms.mse is mse
    assert total == pytest.approx(float(mse + 0.7 * gradient))
    assert mse == pytest.approx(float((prediction - target).square().mean()))


@pytest.mark.parametrize("uniform", [True, False])
def test_slope_of_a_straight_line_is_exact_on_any_grid(uniform):
    grid = torch.linspace(0, 10, 21)
    if not uniform:
        grid = grid + 0.2 * torch.sin(3 * grid)
    line = (1.7 * grid + 3).unsqueeze(0)
    assert SpectrumLoss(1.0)(line, zeros_like(line), grid).gradient == pytest.approx(1.7**2)


def test_derivative_term_converges_as_the_grid_is_refined():
    """The mean of (a cos a E)^2 is a^2 / 2; the error falls with the step squared."""
    errors = []
    for n in (101, 201, 401):
        grid = torch.linspace(0, 2 * math.pi, n)
        mu = torch.sin(3 * grid).unsqueeze(0)
        gradient = float(SpectrumLoss()(mu, zeros_like(mu), grid).gradient)
        errors.append(abs(gradient - 4.5))
    assert errors[0] < 0.02
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.02)
    assert errors[1] / errors[2] == pytest.approx(4, rel=0.02)


def test_negative_control_differences_without_the_step_shrink_by_four():
    terms = []
    for n in (101, 201):
        mu = torch.sin(3 * torch.linspace(0, 2 * math.pi, n))
        terms.append(float(mu.diff().square().mean()))
    assert terms[0] / terms[1] == pytest.approx(4, rel=0.01)


def test_masked_energies_do_not_count_even_if_not_finite():
    grid = torch.linspace(0, 4, 5)
    prediction = torch.tensor([[1.0, 2.0, 3.0, 4.0, 5.0]], requires_grad=True)
    target = torch.tensor([[float("nan"), 1.0, 1.0, 1.0, float("inf")]])
    mask = torch.tensor([[False, True, True, True, False]])
    terms = SpectrumLoss(1.0)(prediction, target, grid, mask=mask)
    assert terms.mse.item() == pytest.approx((1 + 4 + 9) / 3)
    assert terms.gradient.item() == pytest.approx(1.0)
    terms.total.backward()
    assert torch.isfinite(prediction.grad).all()
    assert prediction.grad[0, 0] == prediction.grad[0, 4] == 0


def test_every_spectrum_is_averaged_over_its_own_energies():
    """Two energies, one, and all; one energy has no slope."""
    grid = torch.linspace(0, 4, 5)
    prediction = torch.tensor([[1.0], [3.0], [2.0]]) * torch.tensor([1.0, 2.0, 1.0, 1.0, 1.0])
    mask = torch.tensor([[True, True, False, False, False], [False] * 4 + [True], [True] * 5])
    terms = SpectrumLoss()(prediction, torch.zeros(3, 5), grid, mask=mask)
    assert terms.mse == pytest.approx(((1 + 4) / 2 + 9 + (4 * 4 + 16) / 5) / 3)
    assert terms.gradient == pytest.approx((1 + 0 + (4 + 4) / 4) / 3)


def test_the_slope_weighs_half_unless_said_otherwise_and_may_weigh_nothing():
    grid = torch.linspace(0, 4, 5)
    line = grid.unsqueeze(0)
    assert SpectrumLoss()(line, zeros_like(line), grid).total == pytest.approx(6 + 0.5 * 1)
    assert SpectrumLoss(0.0)(line, zeros_like(line), grid).total == pytest.approx(6)


def test_two_energies_are_enough_and_one_is_not():
    grid = torch.tensor([0.0, 2.0])
    assert SpectrumLoss()(torch.tensor([[1.0, 5.0]]), torch.zeros(1, 2), grid).gradient == 4.0
    for n in (0, 1):
        with pytest.raises(ValueError, match="`energy_grid` must be two or more"):
            SpectrumLoss()(torch.ones(1, n), torch.zeros(1, n), grid[:n])


def test_weights_weigh_spectra():
    grid = torch.linspace(0, 4, 5)
    prediction = torch.tensor([[1.0], [3.0]]).expand(2, 5)
    weights = torch.tensor([3.0, 1.0])
    terms = SpectrumLoss()(prediction, torch.zeros(2, 5), grid, weights=weights)
    assert terms.mse == pytest.approx((3 * 1 + 1 * 9) / 4)


def test_spectrum_without_calculated_energies_is_left_out():
    grid = torch.linspace(0, 4, 5)
    mask = torch.tensor([[True] * 5, [False] * 5])
    prediction = torch.tensor([[1.0], [3.0]]).expand(2, 5)
    weights = torch.tensor([2.0, 7.0])
    for more in ({}, {"weights": weights}):
        terms = SpectrumLoss()(prediction, torch.zeros(2, 5), grid, mask=mask, **more)
        assert terms.mse == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((torch.zeros(2, 5), torch.zeros(2, 4), torch.arange(5.0)), "shape"),
        ((torch.zeros(2, 5), torch.zeros(2, 5), torch.arange(4.0)), "energy_grid"),
        ((torch.zeros(2, 5), torch.zeros(2, 5), torch.tensor([0.0, 1, 1, 2, 3])), "increasing"),
        ((torch.zeros(2, 5), torch.zeros(2, 5), torch.arange(5.0), torch.ones(3)), "weights"),
        ((torch.zeros(2, 5), torch.zeros(2, 5), torch.arange(5.0), torch.zeros(2)), "weight"),
        (
            (torch.zeros(2, 5), torch.zeros(2, 5), torch.arange(5.0), None, torch.ones(5) > 0),
            "mask",
        ),
    ],
)
def test_wrong_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        SpectrumLoss()(*arguments)


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
def test_lambda_must_be_finite_and_not_negative(value):
    with pytest.raises(ValueError, match="lambda_grad"):
        SpectrumLoss(value)


def test_weights_may_be_zero_and_small_but_not_negative_and_a_mask_is_bool():
    grid, spectra = torch.arange(5.0), torch.rand(2, 5)
    lone = SpectrumLoss(0.5)(spectra[1:], zeros_like(spectra[1:]), grid)
    for weight in (0.25, 1.0):
        weights = torch.tensor([0.0, weight])
        terms = SpectrumLoss(0.5)(spectra, zeros_like(spectra), grid, weights=weights)
        assert terms.total == pytest.approx(float(lone.total))
    for lowest in (-0.5, -2.0):
        with pytest.raises(ValueError, match=rf"`weights` contains {lowest}"):
            SpectrumLoss(0.5)(spectra, spectra, grid, weights=torch.tensor([lowest, 3.0]))
    with pytest.raises(ValueError, match=r"`mask` is torch.float64 but must be bool"):
        SpectrumLoss(0.5)(spectra, spectra, grid, mask=torch.ones(2, 5))
