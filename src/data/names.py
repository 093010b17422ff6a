"""Names that come from outside: fit for lists of ids, tables, terminals and paths."""

from ..errors import RecordError

NOT_WITHIN = "/\\"
NOT_FIRST = "=+-@"
"""A spreadsheet takes what begins so for a formula, and a command for an option."""


def check_name(name: str, what: str, where: str) -> str:
    """The name of a material or record, which is one that could be a file's.

    Raises:
        RecordError: it holds a slash or what can't be printed, is made of dots, or begins as a
            formula does.
    """
    check_printable(name, what, where)
    if set(name) & set(NOT_WITHIN) or not name.strip(".") or name[0] in NOT_FIRST:
        raise RecordError(
            f"{where}: {what} is {name[:40]!r}, but must hold no slash and not begin with one of"
            f" {' '.join(NOT_FIRST)}"
        )
    return name


def check_printable(text: str, what: str, where: str) -> str:
    """Text of one line, without what a terminal takes for an order.

    Raises:
        RecordError: a character that can't be printed.
    """
    if not text.isprintable():
        raise RecordError(
            f"{where}: {what} is {text[:40]!r}, with characters that can't be printed"
        )
    return text
