"""Kinds of settings: whole numbers, numbers, true or false."""

from collections.abc import Mapping
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Any, get_args

from ..errors import ConfigError

KINDS = {
    int: (Integral, "a whole number"),
    float: (Real, "a number"),
    bool: (bool, "True or False"),
}
"""What is accepted for an annotation, and what to call it."""


def is_kind(value: Any, kind: type) -> bool:
    """Whether a value is of a key of ``KINDS``, NumPy's numbers too; True is no number."""
    return isinstance(value, KINDS[kind][0]) and (kind is bool or not isinstance(value, bool))


def check_kinds(values: Mapping[str, Any], kinds: Mapping[str, Any]) -> None:
    """Refuse settings of another kind than they are annotated with.

    YAML takes 1e-3 for text, and a loop over 1.5 epochs ends days later in an error of torch.

    Args:
        values: settings by name.
        kinds: annotation of each; what is no number and not true or false is not looked at.

    Raises:
        ConfigError: the first such setting is named.
    """
    for name, value in values.items():
        kind = kinds[name]
        accepted = get_args(kind) if isinstance(kind, UnionType) else (kind,)
        if accepted[0] not in KINDS or (value is None and NoneType in accepted):
            continue
        if not is_kind(value, accepted[0]):
            raise ConfigError(f"`{name}` is {value!r} but must be {KINDS[accepted[0]][1]}")
