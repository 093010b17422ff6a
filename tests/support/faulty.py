"""The command with a fault in one of torchrun's processes: FAULT is "full_disk 0", "slow 1", ..

Started as `torchrun .. tests/support/faulty.py train ..`, or alone, as rank 0.
"""

import os
import resource
import signal
import sys
import time
from pathlib import Path

import torch

from src.checkpoints import torch_file
from src.cli import main
from src.training.trainer import Trainer

LARGEST_FILE = 20_000
"""Bytes; a state of the smallest network is larger, the log is not."""


def fill_disk():
    """Let no file grow beyond a size, as on a disk that is full."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))


def slow_down():
    """Take a second more for a part of a batch, so that it is met at work."""
    compute = Trainer.loss_terms

    def slowly(self, part):
        time.sleep(1.0)
        return compute(self, part)

    Trainer.loss_terms = slowly


def fall_behind():
    """Compute as beside other work: by this process's clock a part of a batch takes a minute more.

    A wait that is slept would have to be long against what a busy machine adds to the others.
    """
    compute, clock = Trainer.loss_terms, time.perf_counter
    n_parts = 0

    def slowly(self, part):
        nonlocal n_parts
        n_parts += 1
        return compute(self, part)

    Trainer.loss_terms = slowly
    time.perf_counter = lambda: clock() + 60.0 * n_parts


def run_out_of_memory():
    """Let an allocation fail in the second batch of the third epoch."""
    compute = Trainer.loss_terms

    def fails(self, part):
        if (self.progress.epoch, self.progress.batch) == (2, 1):
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            size = pages * resource.getpagesize() + 2**26
            resource.setrlimit(resource.RLIMIT_AS, (size, size))
            torch.zeros(2**31)
        return compute(self, part)

    Trainer.loss_terms = fails


def die_validating():
    """Be killed within the validation of the third epoch."""
    parts = Trainer.parts_of_validation

    def dies(self, pause):
        for part in parts(self, pause):
            if self.progress.epoch == 2:
                os.kill(os.getpid(), signal.SIGKILL)
            yield part

    Trainer.parts_of_validation = dies


def die_writing():
    """Be killed while the state of the third epoch is being written, its content there in part."""
    write = torch_file.write_durably

    def dies(path, content, check, keep=1):
        if int(os.environ["DIES_AT"]) == dies.calls:
            content(path.with_name(f".{path.name}.{os.getpid()}.part"))
            os.kill(os.getpid(), signal.SIGKILL)
        dies.calls += 1
        write(path, content, check, keep)

    dies.calls = 0
    torch_file.write_durably = dies


FAULTS = {
    "die_validating": die_validating,
    "die_writing": die_writing,
    "full_disk": fill_disk,
    "slow": slow_down,
    "behind": fall_behind,
    "memory": run_out_of_memory,
    "none": lambda: None,
}

if __name__ == "__main__":
    fault, rank = os.environ["FAULT"].split()
    if os.environ.get("RANK", "0") == rank:
        FAULTS[fault]()
    sys.exit(main())
