"""The command `dataset`: calculations to a database."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..dataset.location import LOCATION, DatabaseURL, Location
from ..errors import DatabaseError
from ..runtime.options import POSITIONAL

if TYPE_CHECKING:
    from ..dataset.database import Summary
    from ..dataset.record import PassedOver, Record, Rejected

EXAMPLE = "dataset calculations --element Cu --edge K -o cu.db"
COMMON = ("output", "element", "edge", "energy", "id_list")


@dataclass
class Options:
    """Which calculations, and how they are read."""

    calculations: list[Path] = field(metadata=POSITIONAL)
    """Folders to search for calculations, or files."""
    output: Location = field(metadata=LOCATION)
    """Database to create or extend: a file, or postgresql://user@host:port/name."""
    element: str | None = None
    """Absorbing element, such as Cu. None: all."""
    edge: str | None = None
    """Edge, such as K. None: all."""
    format: Literal["feff", "fdmnes", "extxyz", "materials_project", "npz", "table"] | None = None
    """Format of the calculations. None: inferred from their content, and printed."""
    target: Literal["absolute", "normalized", "as_given"] | None = None
    """absolute: cross-section in 1e-3 a0^2; normalized: divided by the edge step, as FEFF does;
    as_given: unspecified unit. None: absolute for FEFF, as_given for files without a unit."""
    energy: tuple[float, float, float] | None = None
    """First and last energy and step, eV, of files without energies."""
    axis: Literal["absolute", "relative"] | None = None
    """Energies of files that do not say: absolute, or relative to an unspecified edge."""
    id_list: Path | None = None
    """File to write with the ids of these calculations, one a line, for `train --train`."""
    strict: bool = False
    """Fail at the first calculation that can't be used."""
    replace: bool = False
    """Overwrite records that exist with different content."""


def run(job: Options) -> None:
    """Collect calculations in a database and print a summary."""
    from ..dataset.database import Database, write_records
    from ..reports.text import describe_contents
    from ..runtime.atomic_files import OF_DATABASES, check_writable, write_text_durably
    from ..structures.names import check_wanted

    check_wanted(job.element, job.edge)
    if not isinstance(job.output, DatabaseURL):
        check_writable(job.output, *OF_DATABASES)
    check_writable(job.id_list)
    ids: list[str] = []
    results = read_all(job, ids)
    summary = write_records(job.output, results, replace=job.replace, strict=job.strict)
    for rejected in summary.rejected:
        print(f"skipped: {rejected.source}: {rejected.reason}")
    if summary.sites == 0:
        selection = " ".join(word for word in (job.element, job.edge) if word)
        raise DatabaseError(
            f"{', '.join(map(str, job.calculations))}: none gave a"
            f" {selection + ' ' if selection else ''}record ({describe_read(summary)}); nothing was"
            f" written to {job.output}"
        )
    if job.id_list is not None:
        write_text_durably(job.id_list, "".join(f"{name}\n" for name in dict.fromkeys(ids)))
    print(
        f"{job.output}: {summary.added} added, {summary.unchanged} unchanged,"
        f" {summary.replaced} replaced, {len(summary.rejected)} skipped"
    )
    print(describe_read(summary))
    print(describe_contents(Database(job.output).contents()))


def describe_read(summary: "Summary") -> str:
    """What became of every calculation, in a line."""
    return (
        f"{summary.calculations} found: {summary.sites} read, {summary.passed_over} of another"
        f" element or edge, {len(summary.rejected)} skipped"
    )


def read_all(job: Options, ids: list[str]) -> Iterator["Record | Rejected | PassedOver"]:
    """Yield what the paths contain after printing their formats; add record ids to ``ids``."""
    from tqdm import tqdm

    from ..dataset.record import Record
    from ..readers.formats import NAMES, count_runs, find_sources, read_source
    from ..readers.options import ReadOptions

    sources = [s for path in job.calculations for s in find_sources(path, job.format)]
    for source in sources:
        print(f"{source.path}: {NAMES[source.format]}")
    counts = [count_runs(source) for source in sources]
    total = None if None in counts else sum(count or 0 for count in counts)
    options = ReadOptions(job.element, job.edge, job.energy, job.axis, job.target)
    with tqdm(total=total, desc="reading", unit="spectra", disable=None) as bar:
        for source in sources:
            for result in read_source(source, options):
                bar.update()
                if isinstance(result, Record):
                    ids.append(result.id)
                yield result
