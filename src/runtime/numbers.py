"""Numbers of text files; what Python takes for one and no program writes is none here."""

import re

DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eEdD][+-]?\d+)?", flags=re.ASCII)
"""A number as C and Fortran write it; not `1_000`, `nan` or digits of other scripts."""
COUNT = re.compile(r"\d{1,8}", flags=re.ASCII)
"""A number of things."""


def parse_number(word: str) -> float:
    """Read one number.

    Raises:
        ValueError: it is none, or too large to be finite.
    """
    if DECIMAL.fullmatch(word) is None:
        raise ValueError(f"{word[:30]!r} is no number")
    value = float(word.replace("D", "e").replace("d", "e"))
    if abs(value) == float("inf"):
        raise ValueError(f"{word[:30]!r} is not finite")
    return value
