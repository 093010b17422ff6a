"""The training loss: squared error of a spectrum and of its derivative."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn


class SpectrumLossTerms(NamedTuple):
    """Terms of the loss, scalars; unpacks as ``total, mse, gradient``.

    Attributes:
        total: mse + lambda_grad * gradient.
        mse: mean squared error of mu, unit of mu squared.
        gradient: mean squared error of d mu / dE, unit of mu squared per eV^2.
    """

    total: Tensor
    mse: Tensor
    gradient: Tensor


def masked_mean_square(error: Tensor, mask: Tensor | None) -> Tensor:
    """Mean of squares along the last axis over the entries of a mask; 0 where there are none.

    Args:
        error: shape (n_spectra, n).
        mask: True where an entry counts, same shape; None counts all.

    Returns:
        Shape (n_spectra,).
    """
    if mask is None:
        return error.square().mean(dim=-1)
    # where, not a product: masked entries may be NaN
    squares = torch.where(mask, error, 0.0).square().sum(dim=-1)
    return squares / mask.sum(dim=-1).clamp(min=1)


class SpectrumLoss(nn.Module):
    """MSE(mu) + lambda_grad MSE(d mu / dE).

    The derivative is the difference between neighboring energies divided by their distance in eV,
    so it has the same meaning on every grid, uniform or not, and converges as the grid is refined.
    Each spectrum is averaged over its energies, then the spectra with their weights.
    """

    def __init__(self, lambda_grad: float = 0.5) -> None:
        """Keep the weight of the derivative.

        Args:
            lambda_grad: weight of the derivative term, eV^2, not negative.

        Raises:
            ValueError: ``lambda_grad`` is negative or not finite.
        """
        super().__init__()
        if not (lambda_grad >= 0 and math.isfinite(lambda_grad)):
            raise ValueError(f"`lambda_grad` is {lambda_grad} but must be finite and not negative")
        self.lambda_grad = lambda_grad

    def forward(
        self,
        prediction: Tensor,
        target: Tensor,
        energy_grid: Tensor,
        weights: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> SpectrumLossTerms:
        """Evaluate the loss.

        Args:
            prediction: mu, shape (n_spectra, n_energies).
            target: mu, same shape and unit.
            energy_grid: energies, eV, shape (n_energies,), strictly increasing.
            weights: weight of each spectrum, shape (n_spectra,), not negative; equal if None.
            mask: True where the target was calculated, shape (n_spectra, n_energies); all if None.
                A derivative counts where both of its energies do.

        Returns:
            The three terms.

        Raises:
            ValueError: shapes differ, energies do not increase, a weight is negative, or nothing
                has weight.
        """
        _check_shapes(prediction, target, energy_grid, weights, mask)
        error = prediction - target
        slope_error = error.diff(dim=-1) / energy_grid.diff().to(error)
        slope_mask = None if mask is None else mask[:, 1:] & mask[:, :-1]
        if mask is not None:
            counted = mask.any(dim=-1).to(error)
            weights = counted if weights is None else weights.to(error) * counted
        elif weights is None:
            weights = error.new_ones(len(error))
        share = weights.to(error) / weights.sum()
        if not bool(torch.isfinite(share).all()):
            raise ValueError("no spectrum has both a calculated energy and a positive weight")
        mse = (share * masked_mean_square(error, mask)).sum()
        gradient = (share * masked_mean_square(slope_error, slope_mask)).sum()
        return SpectrumLossTerms(mse + self.lambda_grad * gradient, mse, gradient)


def _check_shapes(
    prediction: Tensor,
    target: Tensor,
    energy_grid: Tensor,
    weights: Tensor | None,
    mask: Tensor | None,
) -> None:
    """Raise ValueError for shapes that do not fit, or impossible energies, weights or mask."""
    if prediction.ndim != 2 or prediction.shape != target.shape:
        raise ValueError(
            f"prediction {tuple(prediction.shape)} and target {tuple(target.shape)} must both have"
            " the shape (n_spectra, n_energies)"
        )
    n_spectra, n_energies = prediction.shape
    if energy_grid.shape != (n_energies,):
        raise ValueError(
            f"`energy_grid` has shape {tuple(energy_grid.shape)} but the spectra have"
            f" {n_energies} energies"
        )
    steps = energy_grid.diff()
    if n_energies < 2 or not bool(((steps > 0) & steps.isfinite()).all()):
        raise ValueError("`energy_grid` must be two or more finite, strictly increasing energies")
    if weights is not None and weights.shape != (n_spectra,):
        raise ValueError(f"`weights` has shape {tuple(weights.shape)} but must be ({n_spectra},)")
    if weights is not None and bool((weights < 0).any()):
        raise ValueError(f"`weights` contains {float(weights.min())} but must not be negative")
    if mask is not None and mask.shape != prediction.shape:
        raise ValueError(
            f"`mask` has shape {tuple(mask.shape)} but must be {tuple(prediction.shape)}"
        )
    if mask is not None and mask.dtype != torch.bool:
        raise ValueError(f"`mask` is {mask.dtype} but must be bool")
