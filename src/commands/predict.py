"""The command `predict`: structures to spectra, or a database of them to another."""

import logging
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, PartialError, StructureError, Terminated
from ..runtime.options import MODEL_FIRST, POSITIONAL, with_prefix

if TYPE_CHECKING:
    import numpy as np
    from ase import Atoms

    from ..checkpoints.trained_model import TrainedModel
    from ..prediction.predicted import Predicted
    from ..predictor import XANESPredictor

logger = logging.getLogger(__name__)

TOGETHER = True
DATABASE = ".db"
"""Ending of an output that is a database of spectra, whatever the structures come from."""

EXAMPLE = "predict cu-k-feff CuO.cif -o CuO.csv --plot CuO.png"
COMMON = ("output", "plot", "site", "energy", "align")


@dataclass
class Options:
    """Which model and structures, and where the spectra go."""

    model: Path = field(metadata=MODEL_FIRST)
    """Model file, training folder, or name of a model that ships with the package."""
    structures: list[Path] = field(metadata=POSITIONAL)
    """Files that ASE reads, such as CIF, POSCAR or xyz; or one ASE database (SQLite). Those that
    can't be predicted are named and skipped, and the exit code is 3."""
    element: str | None = None
    """Absorbing element. None: the model's; of a model of many elements each with 30 training
    spectra, with a file for each."""
    edge: str | None = None
    """Absorption edge. None: the model's, or that of most of its training spectra."""
    site: list[int] | None = None
    """0-based indices of the absorbers. None: every atom of the model's element."""
    energy: tuple[float, float, float] | None = None
    """First and last energy and step, eV. None: the energies on which the model was scored."""
    other_element: bool = False
    """Treat the atoms of `site` as absorbers of the model's element whatever they are, with a
    warning."""
    align: str | None = None
    """experiment: shift all energies by the model's expected shift, to those of a measurement.
    None: energies of the calculations."""
    output: Path | None = None
    """File of the spectra; its ending is the format: .dat, .csv, .json, .npz, .xdi, .xas.json
    (pymatgen), .chemiscope.json, .prj (Athena), or .db, a database, which the same command
    continues. None: a table is printed."""
    plot: Path | None = None
    """Figure of each site's spectrum and their mean."""
    strict: bool = False
    """Fail where a structure can't be predicted (exit code 1)."""
    device: str = "auto"
    """Where to compute: cpu, cuda, cuda:1 and so on; auto is cuda if available, else cpu."""

    def __post_init__(self) -> None:
        """Raise ConfigError for an unknown alignment, or absorbers of another element not given."""
        if self.align not in (None, "experiment"):
            raise ConfigError(f"`align` is {self.align!r}, expected experiment")
        if self.other_element and self.site is None:
            raise ConfigError("`other_element` needs `site`, the absorbers of another element")


def run(job: Options) -> None:
    """Predict structures: a table and a figure; or many of them: a database of spectra."""
    from ..runtime.text_files import is_sqlite

    databases = [p for p in job.structures if is_sqlite(p)]
    if databases or (job.output is not None and job.output.suffix == DATABASE):
        predict_bulk(job, databases)
    else:
        predict_tables(job)


def load(job: Options, device: str) -> "TrainedModel":
    """The model, of one element and edge where they are given."""
    from ..checkpoints.trained_model import TrainedModel

    model = TrainedModel.load(job.model, device)
    return model if job.element is None else model.of(job.element, job.edge)


def with_energies(job: Options, model: "TrainedModel") -> "TrainedModel":
    """The model with the energies that are asked for."""
    from ..checkpoints.energy_scale import aligned

    return aligned(model) if job.align else model


def energies(job: Options) -> "np.ndarray | None":
    """Energies to predict, eV, shape (n_energies,); None: those on which the model was scored."""
    from ..xas.energies import even_energies

    return None if job.energy is None else even_energies(*job.energy)


def predict_tables(job: Options) -> None:
    """Predict structure files; a model of several elements predicts each it was trained on.

    Raises:
        PartialError: some structures could not be predicted.
        StructureError: see ``predict_table``; or no structure contains an element of the model.
    """
    from ..plot import check_picture
    from ..runtime.atomic_files import check_writable
    from ..runtime.torchrun import check_alone
    from ..structures.files import each_structure
    from ..uncertainty import FEW

    check_alone("a prediction of structure files")
    check_writable(job.output)
    check_picture(job.plot)
    model, structures = load(job, job.device), list(each_structure(job.structures))
    if model.info.edges is None:
        predict_table(job, with_energies(job, model), structures)
        return
    known = {scale.element: scale.z for scale in model.info.known_edges}
    present = [symbols_of(atoms, job.site) for *_, atoms in structures]
    chosen = sorted(set().union(*present) & set(known), key=known.__getitem__)
    failed = [atoms for *_, atoms in structures if isinstance(atoms, StructureError)]
    if not chosen and len(failed) == len(structures):
        raise failed[0]
    if not chosen:
        raise StructureError(
            f"no structure contains an absorber of {FEW} training spectra, {', '.join(known)};"
            " --element predicts another, with less certainty"
        )
    skipped: list[PartialError] = []
    for element in chosen:
        one = with_energies(job, model.of(element, job.edge))
        own = [  # files that can't be read are reported with the first element
            structure
            for structure, symbols in zip(structures, present, strict=True)
            if element in symbols
            or (element == chosen[0] and isinstance(structure[2], StructureError))
        ]
        prefix = f"{element}-{one.info.edge}_" if len(chosen) > 1 else ""
        try:
            predict_table(with_prefix(job, prefix, "output", "plot"), one, own)
        except PartialError as error:
            skipped.append(error)
    if skipped:
        raise skipped[0]


def symbols_of(atoms: "Atoms | StructureError", sites: list[int] | None) -> set[str]:
    """Elements of the absorbers that are asked for; of a structure that can't be read none."""
    if isinstance(atoms, StructureError):
        return set()
    symbols = atoms.get_chemical_symbols()
    return {symbol for k, symbol in enumerate(symbols) if sites is None or k in sites}


def predict_table(
    job: Options,
    model: "TrainedModel",
    structures: "list[tuple[Path, str, Atoms | StructureError]]",
) -> None:
    """Predict structures: a table and a figure.

    Raises:
        PartialError: some structures could not be predicted.
        StructureError: none could be, or `--strict` and one could not.
    """
    from ..plot import plot_structures
    from ..prediction.predicted import Predicted
    from ..predictor import XANESPredictor

    predictor = XANESPredictor(model)
    if job.output is not None:
        from ..prediction.spectra_files import check_count, check_format

        check_format(job.output, predictor.info)
        check_count(job.output, len(structures))
    found = Predicted(predictor.trained)
    try:
        predict_files(job, predictor, structures, found)
    except (KeyboardInterrupt, Terminated):
        if found.spectra and job.output is not None:
            write(job.output, found, f"interrupted: {found}")
        raise
    if not found.spectra and len(found.skipped) == 1:
        raise StructureError(found.skipped[0])
    if not found.spectra:
        raise StructureError(f"none of {len(found.skipped)} structures can be predicted")
    if find_spec("spglib") is None and any(len(sites) > 1 for sites in found.spectra):
        logger.info("spglib is not installed, so equivalent sites are not marked")
    write(job.output, found)
    if job.plot is not None:
        plot_structures(found.spectra, job.plot)
    if found.skipped:
        raise PartialError(f"{found}; the others are named above")


def predict_files(
    job: Options,
    predictor: "XANESPredictor",
    structures: list[tuple[Path, str, Any]],
    found: "Predicted",
) -> None:
    """Predict structures, each with its file and name; raises StructureError if `--strict`."""
    from ..prediction.site_prediction import warn_of_doubts

    named = ((name, structure) for _, name, structure in structures)
    each = predictor.each(named, job.site, energies(job), job.other_element)
    for (path, _, structure), predicted in zip(structures, each, strict=True):
        if not isinstance(predicted, StructureError):
            warn_of_doubts(predicted, predictor.info.element)
            found.spectra.append(predicted)
            found.structures.append(structure)
            found.sources.append(path)
        elif job.strict:
            raise predicted
        else:
            reason, file = str(predicted), str(path)
            found.skipped.append(reason if reason.startswith(file) else f"{file}: {reason}")
            logger.warning("skipped: %s", found.skipped[-1])


def write(output: Path | None, found: "Predicted", *notes: str) -> None:
    """Write spectra and what was skipped; without an output, print a table."""
    from ..checkpoints.energy_scale import describe_energies
    from ..runtime.atomic_files import write_text_durably

    lines = [*notes, *(f"skipped: {' '.join(reason.split())}" for reason in found.skipped)]
    if output is None:
        from ..prediction.spectra_table import text_table

        print(text_table(found, lines), end="")
        return
    from ..prediction.spectra_files import content_of

    write_text_durably(output, content_of(output, found, lines))
    print(f"{output}: {len(found.sites)} spectra")
    print(f"energies: {describe_energies(found.model)}")


def predict_bulk(job: Options, databases: list[Path]) -> None:
    """Predict many structures, of which some are databases, by all processes of torchrun.

    Raises:
        ConfigError: options that a database does not go with.
        PartialError: some structures could not be predicted.
        StructureError: none could be, or `--strict` and some could not.
    """
    if databases and len(job.structures) > 1:
        raise ConfigError(f"{databases[0]} is a database; predict it on its own")
    if job.output is None:
        raise ConfigError(f"{databases[0]} is a database; name one for the spectra with --output")
    for name in ("site", "plot", "other_element"):
        if getattr(job, name) not in (None, False):
            raise ConfigError(f"`{name}` can't be used for a database, {job.output}")
    from ..checkpoints.energy_scale import describe_energies
    from ..prediction.bulk import predict_database
    from ..reports.text import describe_bulk
    from ..runtime.atomic_files import check_ending
    from ..runtime.distributed import processes

    check_ending(job.output, (DATABASE,))
    with processes(job.device) as team:
        model = with_energies(job, load(job, str(team.device)))
        try:
            summary = predict_database(model, job.structures, job.output, team, energies(job))
        except (KeyboardInterrupt, Terminated):
            logger.info("interrupted; finished structures are kept, the same command continues")
            raise
    if not team.leads:
        return
    print(f"{job.output}: {describe_bulk(summary)}")
    print(f"energies: {describe_energies(model)}")
    failures = f"{summary.failed} of {summary.structures} structures could not be predicted"
    if summary.failed and (job.strict or summary.failed == summary.structures):
        raise StructureError(failures)
    if summary.failed:
        raise PartialError(f"{failures}; {job.output} lists the reasons")
