"""What a file is, by its first bytes."""

from pathlib import Path

SQLITE_MAGIC = b"SQLite format 3\0"
"""First bytes of every SQLite file."""
ZIP_MAGIC = b"PK\x03\x04"
"""First bytes of a file that torch writes."""
SAFETENSORS_HEADER = b'{"'
"""What follows the 8 bytes of the header's length in a safetensors file."""


def starts_with(path: Path, magic: bytes) -> bool:
    """Whether a file starts with certain bytes."""
    with path.open("rb") as file:
        return file.read(len(magic)) == magic


def is_model_file(path: Path) -> bool:
    """Whether a file looks like one with weights, safetensors or torch's."""
    with path.open("rb") as file:
        start = file.read(8 + len(SAFETENSORS_HEADER))
    return start.startswith(ZIP_MAGIC) or start[8:] == SAFETENSORS_HEADER
