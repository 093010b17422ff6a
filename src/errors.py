"""Errors that a user can cause, and checks of arguments.

Each message is one line: the field or file, the value found and the value expected.
"""

from collections.abc import Mapping
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Any, get_args

ENERGY_TOLERANCE = 1e-6
"""Energies that differ by less are the same, eV."""


class XanesError(ValueError):
    """Base of all errors that a user can cause."""


class StructureError(XanesError):
    """A structure can't be turned into a graph."""


class PredictionError(StructureError):
    """A network gives no number for the spectrum of a structure."""


class RecordError(XanesError):
    """A calculation, or the record made of it, is not usable."""


class DatabaseError(XanesError):
    """A database is missing, is not one, or contradicts what is to be written."""


class CheckpointError(XanesError):
    """A model or state file is missing, damaged or of another kind."""


class ConfigError(XanesError):
    """A setting is unknown, out of its range or contradicts another."""


class LossError(ConfigError):
    """The loss or its gradient is not finite in a training."""


class PeerError(XanesError):
    """Another process of the same run has failed, and has said why."""


class LostPeerError(XanesError):
    """Another process of the same run was killed."""


class Terminated(BaseException):
    """SIGTERM was received; like KeyboardInterrupt not an ``Exception``."""


class PartialError(XanesError):
    """Partial success: the failed inputs were listed."""


class MemberError(XanesError):
    """A member of an ensemble could not be trained."""


def check_positive(name: str, value: float) -> float:
    """Return an argument that must be positive and finite, else raise ConfigError."""
    return _checked(name, value, 0 < value < float("inf"), "positive and finite")


def check_not_negative(name: str, value: float) -> float:
    """Return an argument that must be zero or positive, and finite, else raise ConfigError."""
    return _checked(name, value, 0 <= value < float("inf"), "finite and not negative")


def check_at_least(name: str, value: float, least: float) -> float:
    """Return an argument that has a smallest value, else raise ConfigError; NaN is refused."""
    return _checked(name, value, value >= least, f"at least {least}")


def check_fraction(name: str, value: float) -> float:
    """Return an argument that must be at least 0 and below 1, else raise ConfigError."""
    return _checked(name, value, 0 <= value < 1, "at least 0 and below 1")


def _checked(name: str, value: float, good: bool, expected: str) -> float:
    if not good:
        raise ConfigError(f"`{name}` is {value} but must be {expected}")
    return value


KINDS = {
    int: (Integral, "a whole number"),
    float: (Real, "a number"),
    bool: (bool, "True or False"),
}
"""Type accepted for an annotation, and its name in messages."""


def is_kind(value: Any, kind: type) -> bool:
    """Whether a value is of a key of ``KINDS``, NumPy's numbers too; True is no number."""
    return isinstance(value, KINDS[kind][0]) and (kind is bool or not isinstance(value, bool))


def check_kinds(values: Mapping[str, Any], kinds: Mapping[str, Any]) -> None:
    """Refuse settings of another kind than their annotation.

    YAML reads 1e-3 as text, and 1.5 epochs would end days later in an error of torch.

    Args:
        values: settings by name.
        kinds: annotation of each; only numbers and flags are checked.

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
