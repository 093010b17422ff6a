"""Coverage by counting."""

import numpy as np
import pytest

from src.evaluation.coverage import measure_coverage
from src.evaluation.evaluate import sites_of
from src.prediction.inference import Bands


def test_points_within_bands_are_counted():
    n_sites, n_energies = 10, 8
    error = np.ones((n_sites, n_energies))
    error[:, ::2] = -1.0
    half = np.full(error.shape, 2.0)
    half[:4] = 0.5  # the four sites that were expected to be best are not covered
    mask = np.ones(error.shape, dtype=bool)
    mask[9] = False
    mask[9, 0] = True
    error[9, 1:] = 1e6
    half[8, 0] = np.nan
    novel = np.arange(n_sites) == 0
    bands = Bands(half, np.arange(n_sites, dtype=float), np.zeros(n_sites), novel)
    found = measure_coverage(error, mask, bands, 0.9)
    n_points = 8 * 8 + 7 + 1
    assert found.overall == pytest.approx((n_points - 32) / n_points)
    assert found.fifths == [0.0, 0.0, 1.0, 1.0, 1.0]
    assert found.mean_width == pytest.approx(2 * (32 * 0.5 + (n_points - 32) * 2.0) / n_points)
    assert (found.n_novel, found.novel_mse, found.other_mse) == (1, 1.0, 1.0)
    assert "coverage of 90% bands: 0.5556" in str(found)


def test_sites_of_materials_used_before_are_found():
    ids = ["mp-1_000", "mp-1_001", "mp-2_000"]
    assert sites_of(["mp-1_005", "mp-3_000"], ids) == ids[:2]
