"""The command `predict`: structures to spectra, or a database of them to another."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigError, PartialError, StructureError, Terminated
from ..runtime.options import POSITIONAL

if TYPE_CHECKING:
    from ase import Atoms

    from ..checkpoints.trained_model import TrainedModel
    from ..prediction.site_prediction import SitePrediction

logger = logging.getLogger(__name__)


TOGETHER = True
DATABASE = ".db"
"""Ending of an output that is a database of spectra, whatever the structures come from."""


@dataclass
class Options:
    """Which model and structures, and where the spectra go."""

    model: Path = field(metadata=POSITIONAL)
    """Model file, training folder, or name of a model that ships with the package."""
    structures: list[Path] = field(metadata=POSITIONAL)
    """Files that ASE reads: CIF, POSCAR, xyz, extended xyz, ..; or one ASE database (SQLite). Those
    that can't be predicted are named and left out, and the exit code is 3."""
    site: list[int] | None = None
    """0-based indices of the absorbers. None: every atom of the model's element."""
    energy: tuple[float, float, float] | None = None
    """First and last energy and step, eV. None: the energies on which the model was scored."""
    other_element: bool = False
    """Take the atoms of `site` as absorbers of the model's element whatever they are, with a
    warning."""
    output: Path | None = None
    """Table of the spectra. None: printed. With the ending .db, and of a database: the database of
    spectra to make."""
    plot: Path | None = None
    """Picture of each site's spectrum and their mean."""
    strict: bool = False
    """Take a structure that can't be predicted as a failure (exit code 1)."""
    device: str = "auto"
    """Where to compute: cpu, cuda, cuda:1, ..; auto is cuda where there is one, else cpu."""

    def __post_init__(self) -> None:
        """Raise ConfigError where nobody says which atoms of another element absorb."""
        if self.other_element and self.site is None:
            raise ConfigError("`other_element` needs `site`, the absorbers of another element")


def run(job: Options) -> None:
    """Predict structures: a table and a picture; or many of them: a database of spectra."""
    from ..plot import check_picture, plot_structures
    from ..predictor import XANESPredictor
    from ..reports.text import site_label
    from ..runtime.atomic_files import check_writable
    from ..runtime.distributed import check_alone
    from ..runtime.file_types import SQLITE_MAGIC, starts_with
    from ..structures.files import each_structure
    from ..xas.energies import even_energies

    databases = [p for p in job.structures if p.is_file() and starts_with(p, SQLITE_MAGIC)]
    if databases or (job.output is not None and job.output.suffix == DATABASE):
        predict_bulk(job, databases)
        return
    check_alone("a prediction of structure files")
    check_writable(job.output)
    check_picture(job.plot)
    predictor = XANESPredictor(job.model, job.device)
    described = predictor.info
    energy = None if job.energy is None else even_energies(*job.energy)
    done = Done(predictor.trained, job.output)
    coming = done.note_files(each_structure(job.structures))
    try:
        for found in predictor.each(coming, job.site, energy, job.other_element):
            if isinstance(found, StructureError) and job.strict:
                raise found
            done.add(found)
    except (KeyboardInterrupt, Terminated):
        done.write_interrupted()
        raise
    done.check_any()
    note_symmetry(done.found)
    done.write()
    if job.plot is not None:
        plot_structures(
            [sites[0].structure for sites in done.found],
            done.found[0][0].energy,
            [[(site_label(s), s.mu, len(s.equivalent)) for s in sites] for sites in done.found],
            job.plot,
            unit=described.unit,
            relative=described.reference_energy is None,
            half_widths=[[s.half_width for s in sites] for sites in done.found],
        )
    if done.left_out:
        raise PartialError(f"{done.describe()}; the others are named above")


@dataclass
class Done:
    """What became of each structure so far."""

    model: "TrainedModel"
    """The model that predicts."""
    output: Path | None
    """Table to write; None: printed."""
    files: list[Path] = field(default_factory=list)
    """File of every structure that was read, whatever became of it."""
    found: list[list["SitePrediction"]] = field(default_factory=list)
    """Predictions."""
    sources: list[Path] = field(default_factory=list)
    """File of each."""
    left_out: list[str] = field(default_factory=list)
    """Why the others could not be predicted."""

    def note_files(
        self, structures: Iterable[tuple[Path, str, "Atoms | StructureError"]]
    ) -> Iterator[tuple[str, "Atoms | StructureError"]]:
        """Keep the file of each structure that is asked for, and pass on the rest."""
        for path, name, structure in structures:
            self.files.append(path)
            yield name, structure

    def add(self, found: "list[SitePrediction] | StructureError") -> None:
        """Take in what became of the next structure; a failure is told at once."""
        file = self.files[len(self.found) + len(self.left_out)]
        if isinstance(found, StructureError):
            named = str(found).startswith(str(file))
            self.left_out.append(str(found) if named else f"{file}: {found}")
            logger.warning("left out: %s", self.left_out[-1])
            return
        from ..prediction.site_prediction import warn_of_doubts

        warn_of_doubts(found, self.model.info.element)
        self.sources.append(file)
        self.found.append(found)

    def describe(self) -> str:
        """How many were predicted."""
        total = len(self.found) + len(self.left_out)
        return f"{len(self.found)} of {total} structures are predicted"

    def check_any(self) -> None:
        """Raise StructureError where none could be predicted."""
        if not self.found and len(self.left_out) == 1:
            raise StructureError(self.left_out[0])
        if not self.found:
            raise StructureError(f"none of {len(self.left_out)} structures can be predicted")

    def write(self, *notes: str) -> None:
        """Write or print the table; what is missing is told in it."""
        from ..reports.text import spectra_table
        from ..runtime.atomic_files import write_text_durably

        notes = (*notes, *(f"left out: {' '.join(reason.split())}" for reason in self.left_out))
        text = spectra_table(self.found, self.model, self.sources, notes)
        if self.output is None:
            print(text, end="")
            return
        write_text_durably(self.output, text)
        print(f"{self.output}: {sum(len(sites) for sites in self.found)} spectra")

    def write_interrupted(self) -> None:
        """Write what there is, and say how to go on."""
        if self.output is None or not self.found:
            logger.info("interrupted; nothing is written")
            return
        last = f"{self.found[-1][0].structure} of {self.sources[-1]}"
        note = f"interrupted: {self.describe()}, the last one is {last}"
        self.write(note)
        logger.info(
            "%s; %s holds them. Give the files after it to go on, or all with an output that ends"
            " with %s, which is gone on with by itself",
            *(note, self.output, DATABASE),
        )


def predict_bulk(job: Options, databases: list[Path]) -> None:
    """Predict many structures, by all processes that torchrun has started.

    Args:
        job: what to predict.
        databases: those of its structures that are databases; none: all are files.

    Raises:
        ConfigError: options that a database does not go with.
        PartialError: some structures could not be predicted.
        StructureError: none could be, or `--strict` and some could not.
    """
    source = databases[0] if databases else None
    output = check_bulk(job, source)
    from ..checkpoints.trained_model import TrainedModel
    from ..prediction.bulk import (  # ASE's databases are slow
        check_output,
        part_paths,
        predict_database,
    )
    from ..prediction.structures_db import gather_structures
    from ..reports.text import describe_bulk
    from ..runtime.distributed import launched_rank, processes
    from ..xas.energies import even_energies

    energy = None if job.energy is None else even_energies(*job.energy)
    with processes(job.device) as team:
        model = TrainedModel.load(job.model, str(team.device))
        gathered = output.with_name(f".{output.name}.structures")
        check_output(output, part_paths(output, team.size))
        try:
            if source is None and team.leads:
                gather_structures(job.structures, gathered)
            team.wait()
            summary = predict_database(model, source or gathered, output, team, energy)
        except (KeyboardInterrupt, Terminated):
            logger.info("interrupted; what is done is kept, the same command goes on with it")
            raise
        finally:
            if team.leads:
                gathered.unlink(missing_ok=True)
    if launched_rank() > 0:
        return
    print(f"{output}: {describe_bulk(summary)}")
    told = f"{summary.failed} of {summary.structures} structures could not be predicted"
    if summary.failed and (job.strict or summary.failed == summary.structures):
        raise StructureError(told)
    if summary.failed:
        raise PartialError(f"{told}; {output} holds the others, and the reasons")


def check_bulk(job: Options, source: Path | None) -> Path:
    """Give the database to write.

    Raises:
        ConfigError: options that a database does not go with.
    """
    if source is not None and len(job.structures) > 1:
        raise ConfigError(f"{source} is a database; predict it on its own")
    if job.output is None:
        raise ConfigError(f"{source} is a database; name the one for the spectra with --output")
    for name in ("site", "plot", "other_element"):
        if getattr(job, name) not in (None, False):
            raise ConfigError(f"`{name}` does not go with a database, {source or job.output}")
    return job.output


def note_symmetry(found: list[list["SitePrediction"]]) -> None:
    """Say once that equivalent sites are not marked where spglib is missing."""
    try:
        import spglib  # noqa: F401
    except ImportError:
        if any(len(sites) > 1 for sites in found):
            logger.info("spglib is not installed, so equivalent sites are not marked")
