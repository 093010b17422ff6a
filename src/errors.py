"""Errors that a user can cause; each message is one line: what, where, and what is wanted."""


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


class OutputError(XanesError):
    """Standard output can't be written."""


class PeerError(XanesError):
    """Another process of the same run has failed, and has said why."""


class LostPeerError(XanesError):
    """Another process of the same run is gone without a word."""


class Terminated(BaseException):
    """SIGTERM was received; no ``Exception``, as KeyboardInterrupt is none."""


class PartialError(XanesError):
    """The work is done, but for a part that could not be done and was named."""


class MemberError(XanesError):
    """A member of an ensemble could not be trained."""


def check_positive(name: str, value: float) -> float:
    """Return the value of an argument that must be positive and finite.

    Raises:
        ConfigError: it is not.
    """
    if not 0 < value < float("inf"):
        raise ConfigError(f"`{name}` is {value} but must be positive and finite")
    return value


def check_not_negative(name: str, value: float) -> float:
    """Return the value of an argument that must be zero or positive, and finite.

    Raises:
        ConfigError: it is not.
    """
    if not 0 <= value < float("inf"):
        raise ConfigError(f"`{name}` is {value} but must be finite and not negative")
    return value


def check_at_least(name: str, value: float, least: float) -> float:
    """Return the value of an argument that has a smallest value.

    Raises:
        ConfigError: it is smaller, or not a number.
    """
    if not value >= least:
        raise ConfigError(f"`{name}` is {value} but must be at least {least}")
    return value


def check_fraction(name: str, value: float) -> float:
    """Return the value of an argument that must be at least 0 and below 1.

    Raises:
        ConfigError: it is not.
    """
    if not 0 <= value < 1:
        raise ConfigError(f"`{name}` is {value} but must be at least 0 and below 1")
    return value
