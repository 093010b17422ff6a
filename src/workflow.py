"""From a database to a trained model of one or more networks: splits, energies, training."""

import logging
from dataclasses import replace

import torch
import yaml

from .checkpoints.join import join_models
from .checkpoints.trained_model import ModelInfo
from .dataset.database import Database
from .dataset.dataset import XANESDataset
from .dataset.split import check_split, read_ids, split_by_hash
from .dataset.statistics import SetStatistics, measure
from .errors import ConfigError, DatabaseError, MemberError, XanesError
from .model.gnn import XANES_E3GNN
from .model.hyperparameters import Hyperparameters
from .plot import plot_training
from .runtime.atomic_files import hold, remove_leftovers, versions
from .runtime.distributed import processes, restarts
from .runtime.provenance import command_line
from .train import Row, run_training
from .training.config import TrainingConfig, TrainJob
from .training.energy_window import choose_window, describe_records
from .training.finetune import load_start, start_from, warn_of_differences, window_and_arguments
from .training.output import (
    WRITTEN,
    holds_training,
    keep_config,
    log_file,
    prepare_folder,
    remove_if_not_begun,
)
from .xas.energies import EnergyAxis

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


def train_from_database(job: TrainJob, config: str | None = None) -> list[Row]:
    """Train a model as the job says and fill its output folder.

    Under torchrun all processes train together and the first one writes. Where its agent starts
    them again after a failure, they go on from the last state.

    Args:
        job: database, split, energies, model and training.
        config: the settings as YAML, kept as config.yaml.

    Returns:
        The metrics, one dictionary an epoch.

    Raises:
        XanesError: anything a user can mend; the message says what and where.
    """
    if job.members > 1:
        raise ConfigError(f"`members` is {job.members}; `train_members` trains several networks")
    if restarts() > 0:  # torchrun's agent repeats the command as it was given the first time
        job = replace(job, resume=bool(versions(job.output / "last.ckpt")))
    with processes(job.training.device) as team:
        if not team.leads:
            team.wait()
            return _train(job)
        there = prepare_folder(job.output, job.resume)
        with hold(job.output / "log.txt"):
            try:
                remove_leftovers(job.output, WRITTEN)
                team.wait()
                with log_file(job.output / "log.txt"):
                    rows = _train(job, config)
            except XanesError:
                remove_if_not_begun(job.output, there)
                raise
            plot_training(job.output / "metrics.csv", job.output / "training.png")
            return rows


def make_model(job: TrainJob, measured: SetStatistics) -> XANES_E3GNN:
    """Network of the job, its neighbor constant that of the training set."""
    torch.manual_seed(job.training.seed)
    return XANES_E3GNN(**{"avg_num_neighbors": measured.avg_num_neighbors, **job.model})


def complete_info(
    info: ModelInfo,
    train_set: XANESDataset,
    measured: SetStatistics,
    ids: tuple[list[str], list[str]],
    axis: EnergyAxis,
) -> None:
    """Add to a description what the data sets say."""
    info.extend_below = train_set.extend_below
    info.reference_energy = axis.reference
    info.energy_grid = axis.scored.energy.tolist()
    info.mean_spectrum = measured.mean[: axis.n_scored].tolist()
    info.elements = measured.elements
    info.train_ids, info.val_ids = ids
    info.data_digest = train_set.database.digest_of([*ids[0], *ids[1]])
    info.command = command_line()


def _train(job: TrainJob, config: str | None = None) -> list[Row]:
    """Compose database, model and training; ``config`` is written when nothing is refused."""
    database = Database(job.database)
    ids = choose_split(job, database)
    common = describe_records(database, ids[0] + ids[1])
    info = common.info
    start = None if job.init_from is None else load_start(job.init_from)
    if start is None:
        window = choose_window(job.energy, common, job.model.get("emin"), job.model.get("emax"))
        job.model |= {"emin": window.emin, "emax": window.emax}
    else:
        window, job.model = window_and_arguments(job.energy, common, job.model, start)
        info.started_from = start.label
        warn_of_differences(start, info)
    axis = window.axis
    shape = Hyperparameters(**job.model)
    settings = shape.r_max, axis.energy, job.energy.extend_below, shape.max_z
    train_set, val_set = (XANESDataset(database, part, *settings) for part in ids)
    known = len(axis.energy), shape.max_z, shape.r_max
    measured = measure(train_set, "train_dataset", *known)
    model = make_model(job, measured)
    if start is not None:
        start_from(start, model, measured, torch.as_tensor(axis.relative), job.freeze or [])
    complete_info(info, train_set, measured, ids, axis)
    log_beginning(info, axis, model)
    if config is not None and not job.resume:
        keep_config(job.output / "config.yaml", config)
    both = measured, measure(val_set, "val_dataset", *known)
    return run_training(model, train_set, val_set, training_config(job, info, axis), both)


def log_beginning(info: ModelInfo, axis: EnergyAxis, model: XANES_E3GNN) -> None:
    """Log what is trained on what."""
    sites = len(info.train_ids or []), len(info.val_ids or [])
    logger.info(
        "%s %s edge, %s (%s): %d training and %d validation sites, %d parameters",
        *(info.element, info.edge, info.target, info.unit, *sites),
        sum(weight.numel() for weight in model.parameters()),
    )
    logger.info(
        "%d energies scored, %s, trained up to %.3f eV, step %g eV, reference energy %s",
        *(len(axis.scored.energy), axis.scored, axis.energy[-1], axis.energy[1] - axis.energy[0]),
        "none" if axis.reference is None else f"{axis.reference:.3f} eV",
    )


def training_config(job: TrainJob, info: ModelInfo, axis: EnergyAxis) -> TrainingConfig:
    """Settings of the training loop, all files in the output folder."""
    scored = axis.scored.relative
    return TrainingConfig(
        **vars(job.training),
        energy_grid=torch.as_tensor(axis.relative),
        save_path=job.output / "model.pt",
        score_window=(float(scored[0]), float(scored[-1])),
        checkpoint_path=job.output / "last.ckpt",
        metrics_path=job.output / "metrics.csv",
        resume=job.resume,
        started_from=info.started_from,
        info=info,
    )


def train_members(job: TrainJob, config: str) -> None:
    """Train ``job.members`` networks in OUTPUT/member-0, .. and join them in OUTPUT/model.pt.

    Member k has the seed ``training.seed`` + k. With ``resume``, members continue where they were,
    and those that had not begun begin.

    Args:
        job: what to train.
        config: its settings as YAML.

    Raises:
        ConfigError: the folder already holds members, or none to resume.
        MemberError: a member failed.
    """
    folders = [job.output / f"member-{number}" for number in range(job.members)]
    begun = [folder for folder in folders if versions(folder / "last.ckpt")]
    if job.resume and not begun:
        raise ConfigError(
            f"{job.output}: nothing to resume, no member has a last.ckpt; members that ended before"
            " their first states begin without --resume"
        )
    if not job.resume and (begun or holds_training(job.output)):
        there = begun[0] if begun else job.output
        raise ConfigError(f"{there}: already holds a training; give --resume or another folder")
    settings = yaml.safe_load(config) | {"resume": False}
    for number, folder in enumerate(folders):
        training = replace(job.training, seed=job.training.seed + number)
        member = replace(
            job, output=folder, members=1, resume=folder in begun, training=training,
            model=dict(job.model),
        )  # fmt: skip
        own = {
            **settings,
            "members": 1,
            "training": {**settings["training"], "seed": training.seed},
        }
        logger.info("%s: seed %d", folder, training.seed)
        try:
            train_from_database(member, yaml.safe_dump(own, sort_keys=False))
        except XanesError as error:
            raise MemberError(f"{folder}: {error}") from error
        keep_config(job.output / "config.yaml", yaml.safe_dump(settings, sort_keys=False))
    model = join_models(folders)
    model.info.command = command_line() or model.info.command
    model.save(job.output / "model.pt")
