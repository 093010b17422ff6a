"""From a database to a trained model: splits, energies, model, training, and the output folder."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from .checkpoint import ModelInfo
from .config import EnergyConfig, TrainingConfig, TrainJob
from .data.cache import cache_beside
from .data.database import Database
from .data.dataset import XANESDataset
from .data.record import UNITS
from .data.spectrum import KNOWN_WINDOWS, energy_grid
from .data.split import check_split, read_ids, split_by_hash
from .data.targets import target_statistics
from .errors import ConfigError, DatabaseError
from .model.gnn import XANES_E3GNN
from .parallel import processes
from .plot import plot_training
from .train import Row, run_training

logger = logging.getLogger(__name__)


def choose_split(job: TrainJob, database: Database) -> tuple[list[str], list[str]]:
    """Training and validation ids, from the job's files or by hash of the material.

    Raises:
        DatabaseError: a material is in both.
    """
    if job.train is not None and job.val is not None:
        train, val = read_ids(job.train), read_ids(job.val)
    else:
        fractions = {"train": 1.0 - job.val_fraction, "val": job.val_fraction}
        parts = split_by_hash(database.ids, fractions, job.split_seed)
        train, val = parts["train"], parts["val"]
    check_split(train, val)
    for name, ids in (("training", train), ("validation", val)):
        if not ids:
            raise DatabaseError(f"{job.database}: the {name} part of the split is empty")
    return train, val


def describe_records(database: Database, ids: list[str]) -> tuple[ModelInfo, float]:
    """What the records have in common, and the lowest energy that any of them has, eV.

    Raises:
        DatabaseError: they differ in element, edge, target or code.
    """
    found: dict[str, set[str]] = {"element": set(), "edge": set(), "target": set(), "code": set()}
    lowest = np.inf
    for record_id in ids:
        entry = database.entry(record_id)
        for name, values in found.items():
            values.add(getattr(entry, name))
        lowest = min(lowest, entry.lowest)
    for name in ("element", "edge", "target"):
        if len(found[name]) > 1:
            raise DatabaseError(
                f"{database.path}: records differ in {name}, {sorted(found[name])};"
                " a model is trained for one"
            )
    target = found["target"].pop()
    info = ModelInfo(
        element=found["element"].pop(),
        edge=found["edge"].pop(),
        target=target,
        unit=UNITS[target],
        code=", ".join(sorted(found["code"])),
    )
    return info, lowest


def choose_energies(
    config: EnergyConfig, info: ModelInfo, lowest: float, emin: float, emax: float
) -> tuple[np.ndarray, int, float]:
    """Energies of the loss, how many of them are scored, and the reference energy.

    Args:
        config: what the user asked for.
        info: element and edge, which may have a published window.
        lowest: lowest calculated energy, eV.
        emin: lowest energy of the model's basis, eV relative.
        emax: highest energy of the model's basis, eV relative.

    Returns:
        Absolute energies, eV; number of scored ones, counted from the first; reference energy, eV.

    Raises:
        ConfigError: the model's basis does not reach as far as the energies.
    """
    start, stop = config.start, config.stop
    if start is None or stop is None:
        known = KNOWN_WINDOWS.get((str(info.element), str(info.edge)))
        start, stop = (known[0], known[1]) if known else (lowest, lowest + 35.0)
    reference = start - emin
    train_stop = reference + emax if config.train_stop is None else config.train_stop
    if max(stop, train_stop) > reference + emax + 1e-6:
        raise ConfigError(
            f"energies up to {max(stop, train_stop):.3f} eV are asked for but the model's basis"
            f" ends at {reference + emax:.3f} eV; raise `model.emax` (now {emax})"
        )
    grid = energy_grid(start, max(stop, train_stop), config.step)
    return grid, len(energy_grid(start, stop, config.step)), reference


def train_from_database(job: TrainJob, config: str | None = None) -> list[Row]:
    """Train a model as the job says and fill its output folder.

    Under torchrun all processes train together and the first one writes.

    Args:
        job: database, split, energies, model and training.
        config: the settings as YAML, kept as config.yaml.

    Returns:
        The metrics, one dictionary an epoch.

    Raises:
        XanesError: anything a user can mend; the message says what and where.
    """
    with processes(job.training.device) as team:
        if team.leads:
            prepare_folder(job.output, job.resume)
            if config is not None and not job.resume:
                (job.output / "config.yaml").write_text(config)
        team.wait()
        if not team.leads:
            return _train(job)
        with log_file(job.output / "log.txt", append=job.resume):
            rows = _train(job)
        plot_training(job.output / "metrics.csv", job.output / "training.png")
        return rows


@contextmanager
def log_file(path: Path, append: bool) -> Iterator[None]:
    """Write what the library logs to a file as well."""
    handler = logging.FileHandler(path, mode="a" if append else "w")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    package_logger = logging.getLogger(__package__)
    level = package_logger.level
    package_logger.setLevel(logging.INFO)
    package_logger.addHandler(handler)
    try:
        yield
    finally:
        package_logger.removeHandler(handler)
        package_logger.setLevel(level)
        handler.close()


def prepare_folder(folder: Path, resume: bool) -> None:
    """Make the output folder, or check that it holds what a training can go on from.

    Raises:
        ConfigError: it already holds a training, or none to resume.
    """
    if resume and not (folder / "last.ckpt").is_file():
        raise ConfigError(f"{folder}: nothing to resume, there is no last.ckpt")
    if not resume and (folder / "last.ckpt").exists():
        raise ConfigError(f"{folder}: already holds a training; give --resume or another folder")
    folder.mkdir(parents=True, exist_ok=True)


def make_model(job: TrainJob, train_set: XANESDataset) -> XANES_E3GNN:
    """Network of the job, its neighbour constant measured on the training set."""
    n_atoms = sum(graph.num_nodes for graph in train_set)
    n_edges = sum(graph.num_edges for graph in train_set)
    torch.manual_seed(job.training.seed)
    return XANES_E3GNN(**{"avg_num_neighbors": max(n_edges / n_atoms, 1.0), **job.model})


def complete_info(
    info: ModelInfo, train_set: XANESDataset, ids: tuple[list[str], list[str]], n_score: int
) -> None:
    """Add to a description what the data sets say; ``n_score`` energies are scored."""
    mean, _ = target_statistics(train_set, len(train_set.grid))
    info.extend_below = train_set.extend_below
    info.energy_grid = train_set.grid[:n_score].tolist()
    info.mean_spectrum = mean[:n_score].tolist()
    info.elements = train_set.elements
    info.train_ids, info.val_ids = ids


def _train(job: TrainJob) -> list[Row]:
    """Compose database, model and training."""
    database = Database(job.database)
    ids = choose_split(job, database)
    info, lowest = describe_records(database, ids[0] + ids[1])
    shape = XANES_E3GNN(**job.model).hyperparameters  # the constructor's defaults filled in
    grid, n_score, reference = choose_energies(
        job.energy, info, lowest, shape["emin"], shape["emax"]
    )
    cache = None if job.no_cache else cache_beside(job.database)
    settings = shape["r_max"], grid, job.energy.extend_below, shape["max_z"], cache
    train_set, val_set = (XANESDataset(database, part, *settings) for part in ids)
    model = make_model(job, train_set)
    info.reference_energy = reference
    complete_info(info, train_set, ids, n_score)
    logger.info(
        "%s %s edge, %s (%s): %d training and %d validation sites, %d parameters",
        *(info.element, info.edge, info.target, info.unit, len(ids[0]), len(ids[1])),
        sum(weight.numel() for weight in model.parameters()),
    )
    logger.info(
        "energies %.3f .. %.3f eV scored, up to %.3f eV trained, step %g eV, reference %.3f eV",
        *(grid[0], grid[n_score - 1], grid[-1], job.energy.step, reference),
    )
    config = TrainingConfig(
        **vars(job.training),
        energy_grid=torch.as_tensor(grid - reference),
        save_path=job.output / "model.pt",
        score_window=(float(grid[0] - reference), float(grid[n_score - 1] - reference)),
        checkpoint_path=job.output / "last.ckpt",
        metrics_path=job.output / "metrics.csv",
        resume=job.resume,
        info=info,
    )
    return run_training(model, train_set, val_set, config)
