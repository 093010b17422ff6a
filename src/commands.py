"""What the commands of `e3gnn-xanes` do; everything they say goes to standard output."""

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from ase.data import atomic_numbers
from tqdm import tqdm

from .bulk import file_digest, predict_database
from .checkpoint import ModelInfo, load_model
from .config import DatasetJob, EvaluateJob, InfoJob, PredictJob, TrainJob
from .data.database import SQLITE_MAGIC, Database, starts_with, write_records
from .data.dataset import XANESDataset
from .data.readers.feff import find_runs, read_feff
from .data.record import Record, Rejected
from .data.spectrum import energy_grid
from .data.split import read_ids
from .data.structure import named_structures
from .errors import CheckpointError, ConfigError, DatabaseError, StructureError
from .metrics import evaluate_spectra
from .parallel import check_alone, choose_device, launched_rank, processes
from .plot import check_picture, plot_predictions, plot_structures
from .predict import SitePrediction, predict_graphs, predict_structures, relative_energies
from .report import (
    describe_bulk,
    describe_contents,
    describe_evaluation,
    describe_model,
    describe_structure,
    site_label,
    spectra_table,
)
from .workflow import train_from_database

logger = logging.getLogger(__name__)

ZIP_MAGIC = b"PK\x03\x04"
"""First bytes of a model file, which torch writes as a ZIP archive."""


def dataset(job: DatasetJob) -> None:
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


def info(job: InfoJob) -> None:
    """Say what is in a file, by its content."""
    path = job.file
    if not path.exists():
        raise ConfigError(f"{path}: no such file")
    if path.is_dir() or starts_with(path, ZIP_MAGIC):
        print(describe_model(*load_model(path)))
    elif starts_with(path, SQLITE_MAGIC):
        print(describe_contents(Database(path).contents()))
    else:
        for name, atoms in named_structures(path):
            print(describe_structure(name, atoms))


def train(job: TrainJob, config: str) -> None:
    """Train a model; its settings are kept beside it as YAML."""
    train_from_database(job, config)
    if launched_rank() == 0:
        print(f"{job.output / 'model.pt'}: written; training.png shows how it went")


def evaluate(job: EvaluateJob) -> None:
    """Compare a model with calculations: figures, worst records, predictions and a picture."""
    check_outputs(job.predictions, job.plot)
    model, described = load_model(job.model)
    model.to(choose_device(job.device))
    if described.energy_grid is None or described.mean_spectrum is None:
        raise CheckpointError(f"{job.model}: made without a database; it names no energies")
    database = Database(job.database)
    ids, chosen = choose_ids(job, database, described)
    check_kind(database, ids, described)
    energy, relative = relative_energies(model, described, None)
    data = XANESDataset(
        database,
        ids,
        r_max=model.hyperparameters["r_max"],
        grid=energy,
        extend_below=described.extend_below or 0.0,
        max_z=model.max_z,
    )
    graphs = [data[k] for k in tqdm(range(len(data)), desc="graphs", disable=None)]
    rows = dict(predict_graphs(model, graphs, relative))
    prediction = np.concatenate([rows[number] for number in range(len(graphs))])
    target = np.concatenate([graph.y.double().numpy() for graph in graphs])
    mask = np.concatenate([graph.y_mask.numpy() for graph in graphs])
    result = evaluate_spectra(
        data.ids, prediction, target, mask, np.asarray(described.mean_spectrum)
    )
    print(f"{chosen}, {energy[0]:.3f} .. {energy[-1]:.3f} eV, unit {described.unit}")
    seen = set(data.ids) & set(described.train_ids or [])
    if seen:
        logger.warning("%d of these sites were trained on; this is no test of the model", len(seen))
    print(describe_evaluation(result))
    if job.predictions is not None:
        with job.predictions.open("wb") as file:
            np.savez(file, ids=np.array(data.ids), energy=energy, mu=prediction, r2=result.r2)
    if job.plot is not None:
        plot_predictions(
            data.ids, energy, prediction, target, job.plot, mask=mask, unit=described.unit
        )


def choose_ids(job: EvaluateJob, database: Database, described: ModelInfo) -> tuple[list[str], str]:
    """Records to evaluate on, and what to call them."""
    if job.ids is not None:
        ids = read_ids(job.ids)
        return ids, f"{len(ids)} sites of {job.ids}"
    there = database.ids
    if described.val_ids and set(described.val_ids) <= set(there):
        return described.val_ids, f"the model's {len(described.val_ids)} validation sites"
    return there, f"all {len(there)} sites of {job.database}"


def check_kind(database: Database, ids: list[str], described: ModelInfo) -> None:
    """Refuse records of another element, edge or target than the model's.

    Raises:
        DatabaseError: the first such record is named.
    """
    for record_id in ids:
        entry = database.entry(record_id)
        for name in ("element", "edge", "target"):
            found, wanted = getattr(entry, name), getattr(described, name)
            if found != wanted:
                raise DatabaseError(
                    f"{database.path}: {record_id} has {name} {found}, the model's is {wanted}"
                )


def check_outputs(table: Path | None, picture: Path | None) -> None:
    """Refuse paths that can't be written before the work is done, not after it.

    Raises:
        ConfigError: a folder does not exist, or the picture's ending is not a known one.
    """
    if table is not None and not table.parent.is_dir():
        raise ConfigError(f"{table}: the folder {table.parent} does not exist")
    if picture is not None:
        check_picture(picture)


def predict(job: PredictJob) -> None:
    """Predict structures: a table and a picture; or a database of them: a database of spectra."""
    databases = [p for p in job.structures if p.is_file() and starts_with(p, SQLITE_MAGIC)]
    if databases:
        predict_bulk(job, databases[0])
        return
    check_alone("a prediction of structure files")
    check_outputs(job.output, job.plot)
    model, described = load_model(job.model)
    model.to(choose_device(job.device))
    energy = None if job.energy is None else energy_grid(*job.energy)
    structures, sources = [], []
    for path in job.structures:
        named = named_structures(path)
        structures += named
        sources += [path] * len(named)
    names = [name for name, _ in structures]
    repeated = {name for name in names if names.count(name) > 1}
    labelled = [
        (f"{name}-{number}" if name in repeated else name, atoms)
        for number, (name, atoms) in enumerate(structures)
    ]
    found = predict_structures(model, described, labelled, job.site, energy)
    note_symmetry(found)
    text = spectra_table(found, described, job.model, sources)
    if job.output is None:
        print(text, end="")
    else:
        job.output.write_text(text)
        print(f"{job.output}: {sum(len(sites) for sites in found)} spectra")
    if job.plot is not None:
        plot_structures(
            [sites[0].structure for sites in found],
            found[0][0].energy,
            [[(site_label(s), s.mu, len(s.equivalent)) for s in sites] for sites in found],
            job.plot,
            unit=described.unit,
            relative=described.reference_energy is None,
        )


def predict_bulk(job: PredictJob, source: Path) -> None:
    """Predict all structures of a database, by all processes that torchrun has started.

    Raises:
        ConfigError: options that a database does not go with.
        StructureError: with `--strict`, where a structure could not be predicted.
    """
    if len(job.structures) > 1:
        raise ConfigError(f"{source} is a database; predict it on its own")
    for name in ("site", "plot"):
        if getattr(job, name) is not None:
            raise ConfigError(f"`{name}` does not go with a database of structures, {source}")
    if job.output is None:
        raise ConfigError(f"{source} is a database; name the one for the spectra with --output")
    with processes(job.device) as team:
        model_file = job.model / "model.pt" if job.model.is_dir() else job.model
        model, described = load_model(model_file)
        energy = None if job.energy is None else energy_grid(*job.energy)
        summary = predict_database(
            *(model.to(team.device), described, source, job.output),
            *(file_digest(model_file), team, energy),
        )
    if launched_rank() > 0:
        return
    print(f"{job.output}: {describe_bulk(summary)}")
    if summary.failed and job.strict:
        raise StructureError(
            f"{summary.failed} of {summary.structures} structures could not be predicted"
        )


def note_symmetry(found: list[list[SitePrediction]]) -> None:
    """Say once that equivalent sites are not marked where spglib is missing."""
    try:
        import spglib  # noqa: F401
    except ImportError:
        if any(len(sites) > 1 for sites in found):
            logger.info("spglib is not installed, so equivalent sites are not marked")
