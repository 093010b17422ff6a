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
from .site_folder import RUNNING, is_done, site_folder

logger = logging.getLogger(__name__)

FAILURES = "failed.csv"
FIELDS = ("id", "element", "edge", "n_atoms", "module", "message", "attempts", "seconds", "input")
Submit = Callable[[Site, Request], Future]
"""Start the calculation of a site somewhere; see ``calculate_site``."""


@dataclass
class Tally:
    """What became of the sites."""

    outcomes: list[Outcome] = field(default_factory=list)
    """Of the sites that were tried now."""
    done_before: int = 0
    """Sites that had been calculated before."""
    failed_before: int = 0
    """Sites that had failed before, and were not tried again."""

    @property
    def failed(self) -> int:
        """Sites without a spectrum."""
        return self.failed_before + sum(o.failure is not None for o in self.outcomes)

    def describe(self) -> str:
        """A line of numbers, and one for each kind of failure."""
        attempts = [o.attempts for o in self.outcomes if o.failure is None]
        line = f"{len(attempts)} calculated, {self.done_before} already calculated"
        if attempts.count(2):
            line += f", {attempts.count(2)} of them with a second try"
        lines = [line]
        if self.failed_before:
            lines.append(f"{self.failed_before} failed before; --again retries them")
        modules = Counter(o.failure.module for o in self.outcomes if o.failure is not None)
        return "\n".join(lines + [f"{count} failed in {name}" for name, count in modules.items()])


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
    """Calculate sites that are not done.

    Args:
        sites: the sites.
        request: how, and where to.
        submit: starts one.
        again: retry sites that failed before with the same input.

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
            if (site.id, site.edge, request.settings_text) in before:
                tally.failed_before += 1
            elif site_folder(request.root, site).exists() and is_done(
                request.root, site, request.inputs(site)
            ):
                tally.done_before += 1
            else:
                todo.append(site)
        with tqdm(total=len(sites), unit="sites", disable=None, smoothing=0.05) as bar:
            bar.update(len(sites) - len(todo))
            for future in as_completed([submit(site, request) for site in todo]):
                outcome = future.result()
                tally.outcomes.append(outcome)
                bar.update()
                bar.set_postfix(failed=tally.failed)
                if outcome.failure is not None:
                    append_failure(request, outcome, outcome.failure)
                    with bar.external_write_mode():
                        logger.warning("failed: %s: %s", outcome.site.id, outcome.failure)
        return tally


def read_failures(root: Path) -> set[tuple[str, str, str]]:
    """Id, edge and settings of the sites that failed before."""
    path = root / FAILURES
    if not path.is_file():
        return set()
    with path.open(newline="") as file:
        return {(row["id"], row["edge"], row["input"]) for row in csv.DictReader(file)}


def append_failure(request: Request, outcome: Outcome, failure: Failure) -> None:
    """Add a row to the table of failures."""
    path, site = request.root / FAILURES, outcome.site
    new = not path.is_file()
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(FIELDS)
        about = [site.id, site.element, site.edge, len(site.atoms)]
        why = [failure.module, failure.message, outcome.attempts]
        writer.writerow([*about, *why, f"{outcome.seconds:.1f}", request.settings_text])
