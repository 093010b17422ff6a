"""From a database to a trained model of one or more networks: splits, energies, training."""

import logging
import time
from dataclasses import dataclass, replace
from typing import Any

import torch

from .checkpoints.join import join_models
from .checkpoints.model_info import ModelInfo
from .dataset.database import Database
from .dataset.dataset import XANESDataset
from .dataset.edge_scales import Scales, mean_spectra
from .dataset.split import check_split, read_ids, split_by_hash
from .dataset.statistics import SetStatistics, measure
from .errors import ConfigError, DatabaseError, MemberError, XanesError
from .model.gnn import XANES_E3GNN
from .model.hyperparameters import Hyperparameters
from .model.multi_edge import MultiEdgeNetwork
from .plot import plot_training
from .runtime.atomic_files import MODEL_FILE, versions
from .runtime.distributed import processes
from .runtime.provenance import command_line
from .runtime.torchrun import restarts
from .train import run_training
from .training.config import TrainingConfig, TrainJob
from .training.energy_window import choose_window, describe_records
from .training.finetune import (
    Start,
    load_start,
    start_from,
    warn_of_differences,
    window_and_arguments,
)
from .training.output import as_yaml, check_folder, keep_config, output_folder
from .training.several_edges import describe_several, has_several_edges, several_window
from .training.step import Row
from .xas.energies import EnergyAxis

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingData:
    """What a job says of its data and network, read once for all members."""

    train_set: XANESDataset
    val_set: XANESDataset
    measured: tuple[SetStatistics, SetStatistics]
    """Statistics of both sets."""
    axis: EnergyAxis
    """Energies of the loss."""
    arguments: dict[str, Any]
    """Constructor arguments of the network."""
    info: ModelInfo
    start: Start | None
    scales: Scales | None
    """Of a training on several elements and edges, else None."""


def choose_split(job: TrainJob, database: Database) -> tuple[list[str], list[str]]:
    """Training and validation ids, from the job's files or by hash of the material.

    Raises:
        DatabaseError: a material is in both, or one of them is empty.
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
            raise DatabaseError(
                f"{job.database}: no material is left for {name}; a split needs two or more"
            )
    return train, val


def plan_training(
    job: TrainJob, database: Database, ids: tuple[list[str], list[str]]
) -> tuple[EnergyAxis, dict[str, Any], ModelInfo, Start | None, Scales | None]:
    """Energies of the loss, constructor arguments and the other fields of ``TrainingData``."""
    scales, start = None, None
    if has_several_edges(database, [*ids[0], *ids[1]]):
        scales = Scales.measure(database, ids[0])
        start = load_start(job.init_from) if job.init_from is not None else None
        info = describe_several(database, ids[0], scales)
        axis, arguments = several_window(job, start)
    else:
        common = describe_records(database, ids[0] + ids[1])
        info = common.info
        if job.init_from is None:
            window = choose_window(job.energy, common, job.model.get("emin"), job.model.get("emax"))
            arguments = {**job.model, "emin": window.emin, "emax": window.emax}
        else:
            start = load_start(job.init_from, info)
            window, arguments = window_and_arguments(job.energy, common, job.model, start)
            warn_of_differences(start, info)
        axis = window.axis
    info.started_from = start.label if start is not None else None
    return axis, arguments, info, start, scales


def read_data(job: TrainJob) -> TrainingData:
    """Open the database, choose split, energies and network, and measure both data sets.

    Raises:
        XanesError: anything a user can correct; the message says what and where.
    """
    database = Database(job.database)
    ids = choose_split(job, database)
    axis, arguments, info, start, scales = plan_training(job, database, ids)
    shape = Hyperparameters(**arguments)
    settings = shape.r_max, axis.energy, job.energy.extend_below, shape.max_z
    train_set, val_set = (XANESDataset(database, part, *settings, scales=scales) for part in ids)
    known = len(axis.energy), shape.max_z, shape.r_max
    train = measure(train_set, "train_dataset", *known)
    val = measure(val_set, "val_dataset", *known)
    info.extend_below = train_set.extend_below
    info.reference_energy = axis.reference
    info.energy_grid = axis.scored.energy.tolist()
    info.mean_spectrum = train.mean[: axis.n_scored].tolist()
    info.elements, info.chemistry = train.elements, train.chemistry
    info.train_ids, info.val_ids = ids
    info.data_digest = database.digest_of([*ids[0], *ids[1]])
    info.command = command_line()
    arguments = {"avg_num_neighbors": train.avg_num_neighbors, **arguments}
    return TrainingData(train_set, val_set, (train, val), axis, arguments, info, start, scales)


def train_from_database(job: TrainJob) -> list[Row]:
    """Train a model as the job says and fill its output folder.

    Under torchrun all processes train together and the first one writes. If torchrun restarts
    them after a failure, they continue from the last state.

    Args:
        job: database, split, energies, model and training.

    Returns:
        The metrics, one dictionary per epoch.

    Raises:
        XanesError: anything a user can correct; the message says what and where.
    """
    if job.members > 1:
        raise ConfigError(f"`members` is {job.members}; `train_members` trains several networks")
    if restarts() > 0:  # torchrun repeats the command of the first start
        job = replace(job, resume=bool(versions(job.output / "last.ckpt")))
    with processes(job.training.device) as team:
        if not team.leads:
            team.wait()
            return train_network(job, read_data(job))
        with output_folder(job.output, job.resume):
            team.wait()
            return train_and_plot(job, read_data(job))


def train_and_plot(job: TrainJob, data: TrainingData) -> list[Row]:
    """Train, with the settings and a figure next to the model: what one process does."""
    if not job.resume:
        keep_config(job.output, as_yaml(job))
    rows = train_network(job, data)
    plot_training(job.output / "metrics.csv", job.output / "training.png")
    return rows


def untrained_network(data: TrainingData) -> XANES_E3GNN:
    """Network with random weights; of several edges with their mean spectra."""
    if data.scales is None:
        return XANES_E3GNN(**data.arguments)
    model = MultiEdgeNetwork(data.scales.edges, data.scales.codes, **data.arguments)
    grid, statistics = torch.as_tensor(data.axis.relative), data.measured[0]
    mean = mean_spectra(statistics, len(model.edges), model.max_z, len(grid))
    model.set_table(grid, mean.to(grid), torch.full(mean.shape[:2], statistics.scale))
    return model


def train_network(job: TrainJob, data: TrainingData) -> list[Row]:
    """Make the network of a job and train it."""
    torch.manual_seed(job.training.seed)
    model, axis, info = untrained_network(data), data.axis, data.info
    grid = torch.as_tensor(axis.relative)
    if data.start is not None:
        start_from(data.start, model, data.measured[0], grid, job.freeze or [])
    logger.info(
        "%s, %s (%s): %d training and %d validation sites, %d parameters",
        *(info.spectra, info.target, info.unit),
        *(len(info.train_ids or []), len(info.val_ids or [])),
        sum(weight.numel() for weight in model.parameters()),
    )
    logger.info(
        "%d energies scored, %s, trained up to %.3f eV, step %g eV, reference energy %s",
        *(len(axis.scored.energy), axis.scored, axis.energy[-1], axis.energy[1] - axis.energy[0]),
        "none" if axis.reference is None else f"{axis.reference:.3f} eV",
    )
    scored = axis.scored.relative
    config = TrainingConfig(
        **vars(job.training),
        energy_grid=torch.as_tensor(axis.relative),
        save_path=job.output / MODEL_FILE,
        score_window=(float(scored[0]), float(scored[-1])),
        checkpoint_path=job.output / "last.ckpt",
        metrics_path=job.output / "metrics.csv",
        resume=job.resume,
        started_from=info.started_from,
        info=info,
    )
    return run_training(model, data.train_set, data.val_set, config, data.measured)


def train_members(job: TrainJob) -> None:
    """Train ``job.members`` networks in OUTPUT/member-0, member-1 and so on; join them in model.pt.

    Member k has the seed ``training.seed`` + k. With ``resume``, members continue where they were,
    and those that had not started start.

    Raises:
        ConfigError: see ``check_folder``.
        MemberError: a member failed.
    """
    check_folder(job.output, job.resume)
    folders = [job.output / f"member-{number}" for number in range(job.members)]
    data = read_data(job)
    for number, folder in enumerate(folders):
        training = replace(job.training, seed=job.training.seed + number)
        resume = bool(versions(folder / "last.ckpt"))
        member = replace(job, output=folder, members=1, resume=resume, training=training)
        where, started = f"member {number + 1} of {job.members}", time.monotonic()
        logger.info("%s: seed %d, %s", where, training.seed, folder)
        try:
            with output_folder(folder, resume):
                train_and_plot(member, data)
        except XanesError as error:
            raise MemberError(f"{folder}: {error}") from error
        keep_config(job.output, as_yaml(replace(job, resume=False)))
        minutes, left = (time.monotonic() - started) / 60, job.members - number - 1
        rest = f", about {minutes * left:.1f} min left" if left and not resume else ""
        logger.info("%s: done in %.1f min%s", where, minutes, rest)
    model = join_models(folders)
    model.info.command = command_line() or model.info.command
    model.save(job.output / MODEL_FILE)
