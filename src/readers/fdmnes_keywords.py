"""Keywords of FDMNES: which are read, which are refused, which leave the spectrum what it is.

FDMNES compares the first nine letters of a word, in lower case, knows several spellings of each
keyword, and stops at a word that it does not know. A word that ``fdmnes_keywords.ini`` lacks is
refused, too: it could change what was calculated.
"""

from configparser import ConfigParser
from importlib.resources import files

LETTERS = 9
"""Letters of a keyword that FDMNES compares."""
TABLE = ConfigParser(delimiters="=", interpolation=None)
TABLE.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their capitals
TABLE.read_string(files(__package__).joinpath("fdmnes_keywords.ini").read_text())
READ, REFUSED, OTHER, WITH_TEXT = (
    {word: name for name, words in TABLE[section].items() for word in words.split()}
    for section in ("read", "refused", "other", "with_text")
)
"""By spelling: names of keywords that are read; what refused ones mean; kinds of others; keywords
whose values can begin with a letter."""


def keyword_of(word: str) -> str | None:
    """Name of a keyword, the same for all its spellings; None: FDMNES has no such keyword."""
    word = word[:LETTERS].lower()
    if word in READ:
        return READ[word]
    return word if word in REFUSED or word in OTHER else None
