"""How a command ends.

Exit codes: 0 done, 1 a failure (one line on standard error), 2 wrong usage, 3 done but for a part
that is named, 130 interrupted from the keyboard, 143 by SIGTERM or a terminal that is closed.
"""

import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from ..dataset.location import hide_passwords
from ..errors import PartialError, PeerError, Terminated, XanesError
from ..runtime.logs import logged_to

PROGRAM = "e3gnn-xanes"
OUT_OF_MEMORY = (
    "out of memory; a smaller `--training.max_edges`, fewer `--parallel` members or smaller"
    " structures need less. What was written is whole, and goes on in the same way"
)


LOST_READER = (
    "a process that reads batches is gone ({}); fewer `--training.workers` need less memory. What"
    " was written is whole, and goes on in the same way"
)


@contextmanager
def orderly_end() -> Iterator[None]:
    """Turn SIGTERM, and SIGHUP unless it is ignored (nohup), into ``Terminated``.

    So files are closed, and processes that were started are ended.
    """
    if threading.current_thread() is not threading.main_thread():  # only that one may
        yield
        return

    def terminate(_number: int, _frame: object) -> NoReturn:
        raise Terminated

    taken = [signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        taken.append(signal.SIGHUP)
    before = {number: signal.signal(number, terminate) for number in taken}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def messages() -> Iterator[None]:
    """Show what the library logs; under torchrun only by the first process."""
    first = os.environ.get("RANK", "0") == "0"
    with logged_to(logging.StreamHandler(sys.stderr) if first else None):
        yield


def guarded(work: Callable[[], None], debug: bool) -> int:
    """Do the work, and turn what goes wrong into one line and an exit code."""
    try:
        with messages(), orderly_end():
            work()
    except KeyboardInterrupt:
        return interrupted()
    except Terminated:
        print(f"{PROGRAM}: terminated", file=sys.stderr)
        return 143
    except PeerError:  # the process that failed first has said it
        return 1
    except PartialError as error:
        return failed(str(error), debug, code=3)
    except (XanesError, OSError) as error:
        return failed(str(error), debug)
    except Exception as error:  # a fault of ours: still one line, and how to see more
        if ran_out_of_memory(error):
            return failed(OUT_OF_MEMORY, debug)
        if "DataLoader worker" in str(error):  # torch has no class for it
            return failed(LOST_READER.format(first_sentence(error)), debug)
        message = f"{type(error).__name__}: {error}".splitlines()[0]
        return failed(f"internal error, {message}; --debug shows where", debug)
    return 0


def first_sentence(error: Exception) -> str:
    """What an error says first, without its full stop."""
    return str(error).partition(". ")[0].strip().rstrip(".")


def ran_out_of_memory(error: Exception) -> bool:
    """Whether Python, NumPy or torch found no memory; torch has no class for the CPU's."""
    told = type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in str(error)
    return told or isinstance(error, MemoryError)


def interrupted() -> int:
    """Report an interruption from the keyboard."""
    print(f"{PROGRAM}: interrupted", file=sys.stderr)
    return 130


def failed(message: str, debug: bool, code: int = 1) -> int:
    """Report a failure, or that a part of the work could not be done."""
    if debug:
        print(hide_passwords(traceback.format_exc()), file=sys.stderr)
    print(f"{PROGRAM}: error: {hide_passwords(' '.join(message.split()))}", file=sys.stderr)
    return code
