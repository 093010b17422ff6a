"""Files written completely or not at all, their older versions, and a lock."""

import hashlib
import json
import logging
import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from ..errors import CheckpointError, ConfigError

try:
    import fcntl
except ImportError:  # not a POSIX system
    fcntl = None  # type: ignore[assignment]

logger = logging.getLogger(__name__)
T = TypeVar("T")
MODEL_FILE = "model.pt"
"""Name of the model in the folder of a training."""
OF_MODELS = (".pt", ".pth", ".safetensors")
"""Endings of model files."""
OF_DATABASES = (".db", ".sqlite", ".sqlite3")
"""Endings of databases in a file."""


def write_durably(
    path: Path,
    write: Callable[[Path], object],
    check: Callable[[Path], object],
    keep: int = 1,
) -> None:
    """Write a file beside its place, read it back, sync it, then rename it into place.

    Args:
        path: file to write; its folder must exist. A link is followed.
        write: writes the file at the path that it gets.
        check: reads it back and raises where something is wrong.
        keep: versions to keep, this one included: what is at ``path`` becomes ``path.1``.

    Raises:
        CheckpointError: the folder is missing, the path is no file, or it can't be written;
            earlier versions are intact.
    """
    if not path.parent.is_dir():
        raise CheckpointError(f"{path}: the folder {path.parent} does not exist")
    if path.exists() and not path.is_file():
        raise CheckpointError(f"{path}: can't be written, it is a folder or a device")
    path = path.resolve()
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write(beside)
        check(beside)
        with beside.open("r+b") as written:
            os.fsync(written.fileno())
        for age in range(keep - 1, 0, -1):
            if older(path, age - 1).exists():
                older(path, age - 1).replace(older(path, age))
        beside.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise CheckpointError(f"{path}: can't be written, {error.strerror or error}") from error
    finally:
        with suppress(OSError):  # the folder may be gone; the first error says more
            beside.unlink()


def sync_folder(folder: Path) -> None:
    """Make new names in a folder survive a loss of power, on systems that can."""
    with suppress(OSError):  # Windows opens no folders; SMB and some of FUSE sync none
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def check_writable(path: Path | None, *endings: str) -> None:
    """Refuse an output that can't be written before the work is done; None: no output.

    Args:
        path: file to write.
        endings: what its name may end with; none: anything.

    Raises:
        ConfigError: its folder does not exist, it is a folder, or see ``check_ending``.
    """
    if path is not None and not path.parent.is_dir():
        raise ConfigError(f"{path}: the folder {path.parent} does not exist")
    if path is not None and path.is_dir():
        raise ConfigError(f"{path}: is a folder; name a file")
    if path is not None and endings:
        check_ending(path, endings)


def is_device(path: Path) -> bool:
    """Whether a path is neither a file nor a folder, such as /dev/stdout."""
    return path.exists() and not path.is_file() and not path.is_dir()


def check_ending(path: Path, endings: Sequence[str]) -> str:
    """The longest of the endings that a file's name has; of a device none, an empty text.

    Raises:
        ConfigError: the name has none of them.
    """
    fitting = [ending for ending in endings if path.name.lower().endswith(ending)]
    if not fitting and not is_device(path):
        ending = f"ends with {path.suffix}" if path.suffix else "has no ending"
        raise ConfigError(f"{path}: {ending}, expected {', '.join(endings)}")
    return max(fitting, key=len, default="")


def write_text_durably(path: Path, text: str | bytes, keep: int = 1) -> None:
    """Write text like ``write_durably``; a device, such as /dev/stdout, is written to directly."""
    content = text.encode() if isinstance(text, str) else text

    def check(beside: Path) -> None:
        if beside.read_bytes() != content:
            raise CheckpointError(f"{path}: can't be written, it does not read back")

    if is_device(path):
        path.write_bytes(content)
        return
    write_durably(path, lambda beside: beside.write_bytes(content), check, keep)


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write values, NumPy's too, as JSON; what is not finite becomes null, as JSON has no NaN."""
    write_text_durably(path, json.dumps(plain_values(values), indent=1, allow_nan=False) + "\n")


def plain_values(value: Any) -> Any:
    """Values as JSON knows them: lists for arrays, null for what is not finite."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        return {key: plain_values(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain_values(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def file_digest(path: Path) -> str:
    """Checksum of a file."""
    with path.open("rb") as file:
        return f"sha256 {hashlib.file_digest(file, 'sha256').hexdigest()}"


def first_line(error: Exception) -> str:
    """First line of an error's message."""
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__


def abridged(value: object) -> str:
    """A value in a message; of a long list only its size and ends."""
    if isinstance(value, list) and len(value) > 3:
        return f"{len(value)} values, {value[0]} to {value[-1]}"
    return repr(value)


def older(path: Path, age: int) -> Path:
    """Name of the version before the last ``age`` writes: last.ckpt.1, last.ckpt.2."""
    return path.with_name(f"{path.name}.{age}") if age else path


def versions(path: Path) -> list[Path]:
    """The existing versions of a file, the newest first; see ``older``."""
    path = path.resolve()
    ages = [p.name.removeprefix(f"{path.name}.") for p in path.parent.glob(f"{path.name}.*")]
    numbers = sorted(int(age) for age in ages if age.isdecimal())
    return [p for p in (path, *(older(path, age) for age in numbers)) if p.is_file()]


def read_newest(path: Path, read: Callable[[Path], T]) -> tuple[Path, T]:
    """Read a file, or with a warning its newest older version that is intact.

    Returns the file that was read and what ``read`` made of it. If no version can be read, its
    CheckpointError is that of the file itself.
    """
    try:
        return path, read(path)
    except CheckpointError as error:
        for version in versions(path):
            if version == path.resolve():
                continue
            try:
                content = read(version)
            except CheckpointError as worse:
                logger.warning("%s", worse)
            else:
                logger.warning("%s; continuing from %s instead", error, version)
                return version, content
        raise


def remove_leftovers(folder: Path, names: Sequence[str]) -> None:
    """Remove unfinished files that killed processes left; no other process may write these now."""
    for name in names:
        for unfinished in folder.glob(f".{name}.*.part"):
            unfinished.unlink(missing_ok=True)


@contextmanager
def hold(path: Path) -> Iterator[None]:
    """Lock a file, made if missing, for the context; the lock ends with the process.

    It is a POSIX lock, which loader processes do not inherit.

    Raises:
        ConfigError: another process has locked it.
    """
    with path.open("ab") as file:
        try:
            if fcntl is not None:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError) as error:
            raise ConfigError(
                f"{path.parent}: another process is working here; end it, or choose another folder"
            ) from error
        except OSError as error:
            logger.warning("%s: can't be locked (%s)", path.parent, error.strerror)
        yield
