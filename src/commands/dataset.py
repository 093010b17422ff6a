"""The command `dataset`: calculations to a database."""

from collections.abc import Iterator

from tqdm import tqdm

from ..dataset.database import Database, Summary, write_records
from ..dataset.location import DatabaseURL
from ..dataset.record import PassedOver, Record, Rejected
from ..errors import DatabaseError
from ..readers.formats import NAMES, count_runs, find_sources, read_source
from ..readers.options import Given
from ..reports.text import describe_contents
from ..runtime.atomic_files import write_text_durably
from ..structures.names import check_edge, check_wanted
from ..training.config import DatasetJob
from .outputs import check_outputs


def run(job: DatasetJob) -> None:
    """Collect calculations in a database and say what was found."""
    check_wanted(job.element, None)
    if job.edge is not None:
        check_edge(job.edge, "`--edge`")
    check_outputs(None if isinstance(job.output, DatabaseURL) else job.output, None)
    check_outputs(job.id_list, None)
    ids: list[str] = []
    found = read_all(job, ids)
    summary = write_records(job.output, found, replace=job.replace, strict=job.strict)
    for rejected in summary.rejected:
        print(f"left out: {rejected.source}: {rejected.reason}")
    if summary.sites == 0:
        wanted = " ".join(word for word in (job.element, job.edge) if word)
        raise DatabaseError(
            f"{', '.join(map(str, job.calculations))}: none gave a"
            f" {wanted + ' ' if wanted else ''}record ({describe_found(summary)}); nothing was"
            f" written to {job.output}"
        )
    if job.id_list is not None:
        text = "".join(f"{name}\n" for name in dict.fromkeys(ids))
        write_text_durably(job.id_list, text)
    print(
        f"{job.output}: {summary.added} added, {summary.unchanged} unchanged,"
        f" {summary.replaced} replaced, {len(summary.rejected)} left out"
    )
    print(describe_found(summary))
    print(describe_contents(Database(job.output).contents()))


def describe_found(summary: Summary) -> str:
    """What became of every calculation, in a line."""
    return (
        f"{summary.found} found: {summary.sites} read, {summary.passed_over} of another element"
        f" or edge, {len(summary.rejected)} left out"
    )


def read_all(job: DatasetJob, ids: list[str]) -> Iterator[Record | Rejected | PassedOver]:
    """Yield what the job's paths hold, after saying what they were taken for.

    Args:
        job: paths and options.
        ids: the records' ids are added to it.
    """
    sources = [source for path in job.calculations for source in find_sources(path, job.format)]
    for source in sources:
        print(f"{source.path}: {NAMES[source.format]}")
    counts = [count_runs(source) for source in sources]
    total = None if None in counts else sum(count or 0 for count in counts)
    given = Given(job.element, job.edge, job.energy, job.axis, job.target or "as_given")
    with tqdm(total=total, desc="reading", unit="spectra", disable=None) as bar:
        for source in sources:
            for found in read_source(source, given, job.target):
                bar.update()
                if isinstance(found, Record):
                    ids.append(found.id)
                yield found
