"""JSON that we write has no NaN: other readers refuse it."""

import json

import numpy as np
import pytest

from src.runtime.atomic_files import write_json


def test_numbers_that_are_not_finite_become_null(tmp_path):
    nan, inf = float("nan"), float("inf")
    values = {
        "mu": np.array([[0.5, nan], [-inf, 1.0]]),
        "deep": [{"x": (nan, np.float32(0.25), np.int64(3), True, None)}],
        "text": "NaN",
    }
    write_json(tmp_path / "a.json", values)
    assert json.loads((tmp_path / "a.json").read_text(), parse_constant=pytest.fail) == {
        "mu": [[0.5, None], [None, 1.0]],
        "deep": [{"x": [None, 0.25, 3, True, None]}],
        "text": "NaN",
    }
    with pytest.raises(pytest.fail.Exception):  # negative control
        json.loads(json.dumps({"x": nan}), parse_constant=pytest.fail)
