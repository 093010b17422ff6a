"""Nested training sets and the power law, against closed forms."""

import numpy as np
import pytest
from scipy.stats import linregress

from research.ablation import noise, read_rows, verdict
from research.cross_validation import make_folds
from research.runner import Outcome
from research.sizes import choose_sizes, fit_power_law, scaled_epochs, shuffled
from src.errors import ConfigError
from src.structures.names import material_of

IDS = [f"mp-{m}_{site:03d}" for m in range(60) for site in range(m % 3 + 1)]
SIZES = [100, 200, 400, 800]


def test_exact_power_law_is_recovered():
    law = fit_power_law(SIZES, [0.5 * n**-0.35 for n in SIZES])
    assert (law.factor, law.exponent) == (pytest.approx(0.5), pytest.approx(0.35))
    assert law.exponent_error == pytest.approx(0.0, abs=1e-9)
    assert law.at(1000) == pytest.approx(0.5 * 1000**-0.35)


def test_fit_and_its_error_are_those_of_scipy():
    errors = np.array([0.011, 0.0083, 0.0069, 0.0047])
    law, theirs = fit_power_law(SIZES, errors), linregress(np.log(SIZES), np.log(errors))
    assert law.exponent == pytest.approx(-theirs.slope)
    assert law.exponent_error == pytest.approx(theirs.stderr)
    with pytest.raises(ConfigError, match="two sizes"):
        fit_power_law([100, 100], [0.1, 0.2])


def test_shuffled_sites_stay_with_their_material_and_do_not_depend_on_the_others():
    ordered = shuffled(IDS, 0)
    assert sorted(ordered) == sorted(IDS)
    materials = [material_of(i) for i in ordered]
    changes = sum(a != b for a, b in zip(materials, materials[1:], strict=False))
    assert changes == len(set(materials)) - 1
    assert materials != sorted(materials)
    assert shuffled(IDS[::-1], 0) == ordered
    assert shuffled(IDS, 1) != ordered
    fewer = [i for i in IDS if material_of(i) != materials[0]]
    assert shuffled(fewer, 0) == [i for i in ordered if material_of(i) != materials[0]]


def test_sizes_and_epochs():
    assert choose_sizes(None, 3340) == [100, 200, 400, 800, 1600, 3200, 3340]
    assert choose_sizes([20, 10], 30) == [10, 20]
    for sizes in ([], [0, 5], [5, 5], [31]):
        with pytest.raises(ConfigError, match="must be different"):
            choose_sizes(sizes, 30)
    assert [scaled_epochs(30, 100, 400, power) for power in (0.0, 0.5, 1.0)] == [30, 60, 120]


def test_folds_share_out_materials_once():
    folds = make_folds(IDS, 5, 0)
    assert sorted(i for fold in folds for i in fold) == sorted(IDS)
    materials = [{material_of(i) for i in fold} for fold in folds]
    assert sum(map(len, materials)) == 60
    assert make_folds(IDS, 5, 1) != folds
    with pytest.raises(ConfigError, match="is empty"):
        make_folds(IDS[:2], 5, 0)
    with pytest.raises(ConfigError, match="at least 2"):
        make_folds(IDS, 1, 0)


def outcome(mse):
    """An outcome of which only the error matters."""
    return Outcome("x", "", 1, 1, 1.0, mse, mse, 1.0)


def test_difference_beyond_twice_the_noise_is_called_real():
    mean, error = noise([outcome(mse) for mse in (1.0, 2.0, 3.0)])
    assert (mean, error) == (2.0, pytest.approx((4 / 3) ** 0.5))
    assert verdict(-2.4, error) == "-2.400000 (real)"
    assert verdict(2.2, error) == "+2.200000"
    assert "real" not in verdict(9.0, noise([outcome(1.0)])[1])


def test_rows_are_options_by_name(tmp_path):
    (tmp_path / "rows.yaml").write_text("base:\na: --model.lmax 1 --x 'b c'\n")
    assert read_rows(tmp_path / "rows.yaml") == {
        "base": (), "a": ("--model.lmax", "1", "--x", "b c"),
    }  # fmt: skip
    (tmp_path / "rows.yaml").write_text("- 1\n")
    with pytest.raises(ConfigError, match="expected lines of"):
        read_rows(tmp_path / "rows.yaml")
