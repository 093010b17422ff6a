"""The command with a fault in one of torchrun's processes: FAULT is "full_disk 0" or "slow 1".

Started as `torchrun .. tests/faulty.py train ..`.
"""

import os
import resource
import signal
import sys
import time

from src.cli import main
from src.training.trainer import Trainer

LARGEST_FILE = 20_000
"""Bytes; a state of the smallest network is larger, the log is not."""


def fill_disk():
    """Let no file grow beyond a size, as on a disk that is full."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))


def slow_down():
    """Compute as beside other work."""
    compute = Trainer.loss_terms

    def slowly(self, part):
        time.sleep(1.0)
        return compute(self, part)

    Trainer.loss_terms = slowly


if __name__ == "__main__":
    fault, rank = os.environ["FAULT"].split()
    if os.environ["RANK"] == rank:
        {"full_disk": fill_disk, "slow": slow_down}[fault]()
    sys.exit(main())
