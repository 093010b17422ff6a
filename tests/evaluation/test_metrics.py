"""Figures of merit against closed forms."""

import numpy as np
import pytest

from src.evaluation.metrics import evaluate_spectra, mean_over, r2_per_energy

TARGET = np.array([[0.0, 1.0, 2.0], [2.0, 1.0, 4.0], [4.0, 1.0, 6.0]])
ALL = np.ones((3, 3), dtype=bool)


def test_figures_of_a_known_error():
    prediction = TARGET + np.array([[1.0], [0.0], [-2.0]])
    baseline = np.array([2.0, 1.0, 4.0])
    result = evaluate_spectra(["a", "b", "c"], prediction, TARGET, ALL, baseline)
    assert result.mse.tolist() == [1.0, 0.0, 4.0]
    assert result.mean_mse == pytest.approx(5 / 3)
    assert result.median_mse == 1.0
    assert result.mae == pytest.approx(1.0)
    assert result.baseline_mse == pytest.approx((8 / 3 + 0 + 8 / 3) / 3)
    assert result.worst(2) == [("c", 4.0), ("a", 1.0)]


def test_r2_is_one_for_truth_zero_for_the_mean_and_unknown_without_variance():
    assert r2_per_energy(TARGET, TARGET, ALL)[[0, 2]].tolist() == [1.0, 1.0]
    mean = np.broadcast_to(TARGET.mean(axis=0), TARGET.shape)
    r2 = r2_per_energy(mean, TARGET, ALL)
    assert r2[[0, 2]].tolist() == [0.0, 0.0]
    assert np.isnan(r2[1])


def test_masked_energies_do_not_count():
    mask = ALL.copy()
    mask[0, 0] = False
    values = TARGET.copy()
    values[0, 0] = np.nan
    assert mean_over(values, mask).tolist() == pytest.approx([1.5, 7 / 3, 11 / 3])
    changed = TARGET.copy()
    changed[0, 0] = 1e6
    a, b = (evaluate_spectra(list("abc"), p, TARGET, mask, TARGET[0]) for p in (TARGET, changed))
    assert a.mean_mse == b.mean_mse == 0.0
    assert a.r2[0] == b.r2[0] == 1.0
