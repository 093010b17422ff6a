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
