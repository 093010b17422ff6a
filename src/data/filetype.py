"""What a file is, by its first bytes."""

from pathlib import Path

SQLITE_MAGIC = b"SQLite format 3\0"
"""First bytes of every SQLite file."""
ZIP_MAGIC = b"PK\x03\x04"
"""First bytes of a model file, which torch writes as a ZIP archive."""


def starts_with(path: Path, magic: bytes) -> bool:
    """Whether a file starts with certain bytes."""
    with path.open("rb") as file:
        return file.read(len(magic)) == magic
