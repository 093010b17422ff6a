"""Kinds of settings."""

import numpy as np
import pytest

from src.errors import ConfigError, check_kinds, is_kind


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (3, int, True), (np.int64(3), int, True), (3.0, int, False), (True, int, False),
        ("3", int, False), (3, float, True), (np.float32(0.5), float, True), ("1e-3", float, False),
        (None, float, False), (True, float, False), (False, bool, True), (1, bool, False),
    ],
)  # fmt: skip
def test_numpys_numbers_are_numbers_and_true_is_none(value, kind, expected):
    assert is_kind(value, kind) is expected


def test_none_is_refused_unless_the_annotation_has_it():
    check_kinds({"a": None, "b": "text", "c": 1}, {"a": int | None, "b": str, "c": float | None})
    with pytest.raises(ConfigError, match="`a` is None but must be a whole number"):
        check_kinds({"a": None}, {"a": int})
