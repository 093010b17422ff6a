"""The command with a fault in one of torchrun's processes: FAULT is "full_disk 0", "slow 1", ..

Started as `torchrun .. tests/support/faulty.py train ..`, or alone, as rank 0. Faults that have a
moment have it in AT: epoch and batch, from 0.
"""

import os
import resource
import signal
import sys
import time
from pathlib import Path

import pytest
import torch
from hooks import at, hook_commands

from src import train
from src.cli import main

LARGEST_FILE = 20_000
"""Bytes; a state of the smallest network is larger, the log is not."""


def fill_disk():
    """Let no file grow beyond a size, as on a disk that is full."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))


def die():
    """Be killed."""
    os.kill(os.getpid(), signal.SIGKILL)


def run_out_of_memory():
    """Let an allocation fail."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    size = pages * resource.getpagesize() + 2**26
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    torch.zeros(2**31)


def die_writing(moment):
    """Be killed while a state is being written, its content there in part."""
    write = train.write_verified

    def dies(path, state, keep=1):
        if (state["epoch"], state["batch"]) == moment:
            path.with_name(f".{path.name}.{os.getpid()}.part").write_bytes(b"a part")
            die()
        write(path, state, keep)

    train.write_verified = dies


def inject(fault):
    """Prepare a fault."""
    moment = tuple(int(word) for word in os.environ.get("AT", "0 0").split())
    hooks = {
        "slow": lambda *_: time.sleep(1.0),
        "die": at(*moment, die),
        "memory": at(*moment, run_out_of_memory),
    }
    if fault in hooks:
        hook_commands(pytest.MonkeyPatch(), hooks[fault])
    elif fault == "full_disk":
        fill_disk()
    elif fault == "die_writing":
        die_writing(moment)


if __name__ == "__main__":
    fault, rank = os.environ["FAULT"].split()
    if os.environ.get("RANK", "0") == rank:
        inject(fault)
    sys.exit(main())
