"""CIF's syntax: the values of a file's data blocks, through gemmi's parser."""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gemmi

from ..errors import StructureError
from ..runtime import text_files

Values = dict[str, list[str]]
"""Values by tag, in small letters and with underscores where a newer dictionary has dots. Without
their quotes; ``.`` (not applicable, or the default) and ``?`` (unknown) are kept."""
UNKNOWN = (".", "?")
AGAIN = " again"
"""Behind a tag for its second, other value."""
BLOCK = re.compile(r"^[ \t]*data_", flags=re.MULTILINE | re.IGNORECASE)


def read_blocks(path: Path) -> Iterator[tuple[str, Values]]:
    """Yield name and values of every block; one without atoms may have another's syntax.

    Raises:
        StructureError: not a CIF.
    """
    content = text_files.read_expanded(path).removeprefix(b"\xef\xbb\xbf")
    # only ASCII matters; blanks that don't break a line come from word processors
    text = content.replace(b"\xc2\xa0", b" ").decode("ascii", "replace").replace("\ufffd", "_")
    starts = [match.start() for match in BLOCK.finditer(text)]
    before = text[: starts[0] if starts else None].splitlines()
    if any(line.strip() and line[0] != "#" for line in before):
        raise StructureError(f"{path}: not a CIF, which begins with data_")
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        piece = text[start:end]
        try:
            (block,) = gemmi.cif.read_string(piece, 0)
            values = _values(block)
        except (RuntimeError, ValueError) as error:
            if "_atom_site" not in piece.lower():
                continue
            match = re.match(r"string:(\d+)\S*\s*(.*)", str(error))
            line = text.count("\n", 0, start) + int(match[1]) if match else "?"
            reason = match[2] if match else error
            raise StructureError(f"{path}: line {line}: not a CIF ({reason})") from error
        yield block.name.strip(), values


def _values(block: gemmi.cif.Block) -> Values:
    """Values of a block; an empty one counts as none."""
    values: Values = {}
    item: Any  # of a pair, a loop or a frame
    for item in block:
        if item.pair is not None:
            columns = {item.pair[0]: [item.pair[1]]}
        elif item.loop is not None:
            tags, cells = item.loop.tags, item.loop.values
            columns = {tag: cells[k :: len(tags)] for k, tag in enumerate(tags)}
        else:
            continue
        for tag, cells in columns.items():
            name = tag.lower().replace(".", "_")
            column = [v if gemmi.cif.is_null(v) else gemmi.cif.as_string(v) for v in cells]
            if any(column) and values.setdefault(name, column) != column:
                values[name + AGAIN] = column
    return values


def column_of(values: Values, *tags: str) -> list[str]:
    """Values of the first of some tags that a block has; empty: it has none.

    Raises:
        StructureError: the block has two values of it.
    """
    for tag in tags:
        if tag.lower() + AGAIN in values:
            raise StructureError(f"two values of {tag}")
        if tag.lower() in values:
            return values[tag.lower()]
    return []


def text_of(values: Values, *tags: str) -> str:
    """First known value of some tags, blanks at its ends removed; empty: there is none."""
    texts = (column[0].strip() for tag in tags if (column := column_of(values, tag)))
    return next((text for text in texts if text and text not in UNKNOWN), "")


def number_of(text: str) -> float:
    """Number with or without its uncertainty, as in ``0.123(4)``; NaN: it is none."""
    return float(gemmi.cif.as_number(text.strip(), math.nan))
