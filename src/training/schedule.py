"""Learning rate and averaging of weights over a training."""

import math

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


def learning_rate_factor(progress: float, warmup: float) -> float:
    """Linear warm-up, then half a cosine to zero (Loshchilov and Hutter, arXiv:1608.03983, eq. 5).

    Args:
        progress: part of the training that is done, 0 to 1.
        warmup: part in which the rate rises.

    Returns:
        Factor of the highest learning rate, 0 to 1.
    """
    if progress < warmup:
        return progress / warmup
    return 0.5 * (1.0 + math.cos(math.pi * (progress - warmup) / (1.0 - warmup)))


def averaged_weights(model: nn.Module, decay: float) -> AveragedModel:
    """Exponential average of weights whose memory grows to 1 / (1 - decay) steps.

    The decay of step n is min(decay, (n + 1) / (n + 10)), so that short trainings do not drag their
    random start along.
    """

    def average(mean: Tensor, weight: Tensor, num_averaged: Tensor | int) -> Tensor:
        step = float(num_averaged)
        return torch.lerp(weight, mean, min(decay, (step + 1.0) / (step + 10.0)))

    return AveragedModel(model, avg_fn=average)
