"""Many sites calculated, several at once; finished sites are kept whatever happens."""

import csv
import logging
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from ..runtime.atomic_files import hold
from .calculate import Outcome, Request, calculate_site, is_calculated
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
    """What became of the sites."""

    done: int = 0
    """Calculated now."""
    there: int = 0
    """Calculated before."""
    second_tries: int = 0
    """Sites that were calculated with a second try."""
    failed: list[Outcome] = field(default_factory=list)
    """Sites that failed now."""
    failed_before: int = 0
    """Sites that failed before, and were not tried again."""

    def take(self, outcome: Outcome) -> None:
        """Count an outcome."""
        if outcome.failure is not None:
            self.failed.append(outcome)
        elif outcome.attempts == 0:
            self.there += 1
        else:
            self.done += 1
            self.second_tries += outcome.attempts == 2


@contextmanager
def local_processes(jobs: int) -> Iterator[Submit]:
    """Run sites on this machine, ``jobs`` at once."""
    stop = threading.Event()
    with ThreadPoolExecutor(jobs) as pool:
        try:
            yield lambda site, request: pool.submit(calculate_site, site, request, stop)
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


def calculate_all(
    sites: Sequence[Site], request: Request, submit: Submit, at_once: int, again: bool = False
) -> Tally:
    """Calculate sites that are not done.

    Args:
        sites: the sites.
        request: how, and where to.
        submit: starts one.
        at_once: sites that are started before the first has ended.
        again: try sites again that failed before with the same input.

    Returns:
        What became of them.

    Raises:
        ConfigError: another process works in this folder, or it holds another calculation of a
            site.
        OSError: see ``calculate_site``. What is finished stays.
    """
    request.root.mkdir(parents=True, exist_ok=True)
    with hold(request.root / ".lock"):
        shutil.rmtree(request.root / RUNNING, ignore_errors=True)
        tally = Tally()
        todo = list(_left(sites, request, tally, again))
        with tqdm(total=len(sites), unit="sites", disable=None, smoothing=0.05) as bar:
            bar.update(len(sites) - len(todo))
            for outcome in _outcomes(todo, request, submit, at_once):
                tally.take(outcome)
                bar.update()
                bar.set_postfix(failed=len(tally.failed))
                if outcome.failure is not None:
                    append_failure(request, outcome, outcome.failure)
                    with bar.external_write_mode():
                        logger.warning("failed: %s: %s", outcome.site.id, outcome.failure)
        return tally


def _left(sites: Sequence[Site], request: Request, tally: Tally, again: bool) -> Iterator[Site]:
    """Sites that are neither done nor have failed before."""
    before = set() if again else read_failures(request.root)
    for site in sites:
        if (site.id, site.edge, request.settings_text) in before:
            tally.failed_before += 1
        elif is_calculated(site, request):
            tally.there += 1
        else:
            yield site


def _outcomes(
    sites: Sequence[Site], request: Request, submit: Submit, at_once: int
) -> Iterator[Outcome]:
    coming, running = iter(sites), set[Future]()
    while True:
        while len(running) < at_once and (site := next(coming, None)) is not None:
            running.add(submit(site, request))
        if not running:
            return
        ended, running = wait(running, timeout=1.0, return_when=FIRST_COMPLETED)
        for future in ended:
            yield future.result()


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
        why = [failure.module, failure.message]
        spent = [outcome.attempts, f"{outcome.seconds:.1f}", request.settings_text]
        writer.writerow([*about, *why, *spent])


def describe(tally: Tally, root: Path) -> str:
    """What became of the sites, in a few lines."""
    lines = [f"{root}: {tally.done} calculated, {tally.there} there already"]
    if tally.second_tries:
        lines[0] += f", {tally.second_tries} of them with a second try"
    if tally.failed_before:
        lines.append(f"{tally.failed_before} failed before; --again tries them once more")
    for module, count in Counter(o.failure.module for o in tally.failed if o.failure).items():
        lines.append(f"{count} failed in {module}")
    return "\n".join(lines)
