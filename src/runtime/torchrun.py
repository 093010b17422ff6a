"""The variables by which torchrun tells each process that it starts about the others."""

import os

from ..errors import ConfigError, PeerError

VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")


def launched_size() -> int:
    """Number of processes that torchrun has started, 1 without it.

    Raises:
        ConfigError: WORLD_SIZE is set, but not the other variables of torchrun.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    missing = [name for name in VARIABLES if name not in os.environ]
    if size > 1 and missing:
        raise ConfigError(
            f"the variable WORLD_SIZE is {size}, but {', '.join(missing)} is not set; start"
            f" several processes with torchrun --nproc_per_node={size} -m src"
        )
    return size


def leads() -> bool:
    """Whether this process is the first of torchrun's, or the only one."""
    return os.environ.get("RANK", "0") == "0"


def restarts() -> int:
    """How often torchrun has restarted the processes after a failure, see its --max-restarts."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))


def check_alone(what: str) -> None:
    """Refuse work that torchrun's processes can't share.

    Raises:
        ConfigError: torchrun has started several processes; on the first of them.
        PeerError: on the others.
    """
    if launched_size() > 1 and not leads():
        raise PeerError(f"{what} can't be shared")
    if launched_size() > 1:
        raise ConfigError(f"{what} is for one process; start it without torchrun")
