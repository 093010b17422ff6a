"""Learning rate and averaged weights against their formulas."""

import pytest
import torch

from src.training.schedule import averaged_weights, learning_rate_factor


def test_learning_rate_rises_then_falls_as_half_a_cosine():
    assert learning_rate_factor(0.05, 0.1) == pytest.approx(0.5)
    assert learning_rate_factor(0.1, 0.1) == pytest.approx(1.0)
    assert learning_rate_factor(0.55, 0.1) == pytest.approx(0.5)
    assert learning_rate_factor(1.0, 0.1) == pytest.approx(0.0)


def test_averaged_weights_follow_the_recursion():
    model = torch.nn.Linear(1, 1, bias=False)
    averaged = averaged_weights(model, decay=0.6)
    expected = None
    for step, value in enumerate([3.0, -1.0, 2.0, 5.0, 7.0, 1.0, 0.5, 4.0, 4.0]):
        with torch.no_grad():
            model.weight.fill_(value)
        averaged.update_parameters(model)
        decay = min(0.6, (step + 1) / (step + 10))
        expected = value if step == 0 else decay * expected + (1 - decay) * value
        assert float(averaged.module.weight.detach()) == pytest.approx(expected)
