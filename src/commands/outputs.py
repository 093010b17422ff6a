"""Files that a command is asked to write."""

from pathlib import Path

from ..errors import ConfigError
from ..plot import check_picture


def check_outputs(table: Path | None, picture: Path | None) -> None:
    """Refuse paths that can't be written before the work is done, not after it.

    Raises:
        ConfigError: a folder does not exist, the table's path is one, or the picture's ending is
            not a known one.
    """
    if table is not None and not table.parent.is_dir():
        raise ConfigError(f"{table}: the folder {table.parent} does not exist")
    if table is not None and table.is_dir():
        raise ConfigError(f"{table}: is a folder; name a file")
    if picture is not None:
        check_picture(picture)
