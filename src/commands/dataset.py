"""The command `dataset`: calculations to a database."""

from collections.abc import Iterator

from ase.data import atomic_numbers
from tqdm import tqdm

from ..config import DatasetJob
from ..data.database import Database, write_records
from ..data.readers.feff import find_runs, read_feff
from ..data.record import Record, Rejected
from ..errors import ConfigError, DatabaseError
from ..report import describe_contents


def run(job: DatasetJob) -> None:
    """Collect calculations in a database and say what was found."""
    if job.element is not None and job.element not in atomic_numbers:
        raise ConfigError(f"`element` is {job.element!r}, expected a symbol such as Cu")
    total = sum(1 for root in job.calculations for _ in find_runs(root))

    def found() -> Iterator[Record | Rejected]:
        with tqdm(total=total, desc="reading", unit="run", disable=None) as bar:
            for root in job.calculations:
                for record in read_feff(root, job.element, job.edge, job.target):
                    bar.update()
                    yield record

    summary = write_records(job.output, found(), replace=job.replace, strict=job.strict)
    for rejected in summary.rejected:
        print(f"left out: {rejected.source}: {rejected.reason}")
    if summary.sites == 0:
        wanted = " ".join(word for word in (job.element, job.edge) if word)
        raise DatabaseError(
            f"{', '.join(map(str, job.calculations))}: {total} runs, none gave a"
            f" {wanted + ' ' if wanted else ''}record; nothing was written to {job.output}"
        )
    print(
        f"{job.output}: {summary.added} added, {summary.unchanged} unchanged,"
        f" {summary.replaced} replaced, {len(summary.rejected)} left out"
    )
    print(describe_contents(Database(job.output).contents()))
