"""Many sites calculated, several at once; finished sites are kept whatever happens."""

import csv
import logging
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from ..runtime.atomic_files import hold
from .calculate import Outcome, Request, calculate_site
from .feff_run import Failure
from .plan import Site
from .site_folder import RUNNING

logger = logging.getLogger(__name__)

FAILURES = "failed.csv"
FIELDS = ("id", "element", "edge", "n_atoms", "module", "message", "attempts", "seconds", "input")
Submit = Callable[[Site, Request], Future]
"""Start the calculation of a site somewhere; see ``calculate_site``."""


@dataclass
class Tally:
    """How many sites were calculated or not."""

    calculated: int = 0
    second_tries: int = 0
    """Sites among them that needed a second try."""
    done_before: int = 0
    failed_before: int = 0
    """Sites that had failed before, and were not tried again."""
    failed_in: Counter[str] = field(default_factory=Counter)
    """Sites that failed now, by FEFF's module."""

    @property
    def failed(self) -> int:
        """Sites without a spectrum."""
        return self.failed_before + self.failed_in.total()

    def describe(self) -> str:
        """A line of numbers, and one for each kind of failure."""
        line = f"{self.calculated} calculated, {self.done_before} already calculated"
        if self.second_tries:
            line += f", {self.second_tries} of them with a second try"
        lines = [line]
        if self.failed_before:
            lines.append(f"{self.failed_before} failed before; --again retries them")
        lines += [f"{count} failed in {name}" for name, count in self.failed_in.items()]
        return "\n".join(lines)


@contextmanager
def local_threads(jobs: int) -> Iterator[Submit]:
    """Run sites on this machine, ``jobs`` at once, each in a process that a thread watches."""
    stop = threading.Event()
    with ThreadPoolExecutor(jobs) as pool:
        try:
            yield lambda site, request: pool.submit(calculate_site, site, request, stop)
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


def calculate_all(
    sites: Sequence[Site], request: Request, submit: Submit, again: bool = False
) -> Tally:
    """Calculate sites that are not done; ``again``: also those that failed before.

    Raises:
        ConfigError: another process works in this folder, or it contains another calculation of a
            site.
        OSError: see ``calculate_site``. What is finished stays.
    """
    request.root.mkdir(parents=True, exist_ok=True)
    with hold(request.root / ".lock"):
        shutil.rmtree(request.root / RUNNING, ignore_errors=True)
        tally, todo = Tally(), []
        before = set() if again else read_failures(request.root)
        for site in sites:
            if (site.id, site.edge, request.describe(site)) in before:
                tally.failed_before += 1
            elif request.is_done(site):
                tally.done_before += 1
            else:
                todo.append(site)
        with tqdm(total=len(sites), unit="sites", disable=None, smoothing=0.05) as bar:
            bar.update(len(sites) - len(todo))
            for future in as_completed([submit(site, request) for site in todo]):
                outcome = future.result()
                if outcome.failure is None:
                    tally.calculated += 1
                    tally.second_tries += outcome.attempts == 2
                else:
                    tally.failed_in[outcome.failure.module] += 1
                    append_failure(request, outcome, outcome.failure)
                    with bar.external_write_mode():
                        logger.warning("failed: %s: %s", outcome.site.id, outcome.failure)
                bar.update()
                bar.set_postfix(failed=tally.failed)
        return tally


def read_failures(root: Path) -> set[tuple[str, str, str]]:
    """Id, edge and input, see ``Request.describe``, of the sites that failed before."""
    path = root / FAILURES
    if not path.is_file():
        return set()
    with path.open(newline="") as file:
        return {(row["id"], row["edge"], row["input"]) for row in csv.DictReader(file)}


def append_failure(request: Request, outcome: Outcome, failure: Failure) -> None:
    """Add a row to the table of failures."""
    path, site = request.root / FAILURES, outcome.site
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        if not file.tell():
            writer.writerow(FIELDS)
        about = [site.id, site.element, site.edge, len(site.atoms)]
        why = [failure.module, failure.message, outcome.attempts, f"{outcome.seconds:.1f}"]
        writer.writerow([*about, *why, request.describe(site)])
