"""``run_training``: train a network on one data set, validated on another.

Every epoch takes one pass over the training set, validates an exponential average of the weights,
and writes state, model and metrics. What changes is in one ``TrainingState``, which is saved whole,
and what is drawn at random follows from (seed, epoch, batch): a resumed training equals an
uninterrupted one bit for bit.
"""

import copy
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.data import Data
from tqdm import tqdm

from .checkpoints.model_info import ModelInfo, check_info
from .checkpoints.torch_file import read_verified, write_verified
from .checkpoints.trained_model import TrainedModel, save_model
from .dataset.seeding import seed_of, seeded
from .dataset.statistics import GraphSet, SetStatistics
from .errors import ENERGY_TOLERANCE, CheckpointError, ConfigError
from .loss import SpectrumLoss
from .model.gnn import XANES_E3GNN
from .runtime.atomic_files import read_newest
from .runtime.distributed import Team, processes
from .runtime.signals import Pause
from .training.batches import Batches, make_batches
from .training.config import TrainingConfig
from .training.fingerprint import check_fingerprint, make_fingerprint
from .training.output import write_metrics
from .training.schedule import averaged_weights, learning_rate_factor
from .training.state import TrainingState
from .training.step import Row, named_terms, training_spectra, validation_terms

logger = logging.getLogger(__name__)


def run_training(
    model: XANES_E3GNN,
    train_dataset: GraphSet,
    val_dataset: GraphSet,
    config: TrainingConfig | Mapping[str, Any],
    measured: tuple[SetStatistics, SetStatistics] | None = None,
) -> list[Row]:
    """Train a network; afterwards it has the weights that validated best.

    Processes started by torchrun call this together with the same arguments; they share every batch
    and the validation set, and train as one process would.

    Args:
        model: network, changed in place and left on its device. The first training gives it the
            training set's mean spectrum and scale; a network that has them keeps them.
        train_dataset: list or ``Dataset`` of PyG graphs with z, pos, edge_index, absorber_mask and
            y of shape (n_absorbers, n_energies); edge_shift, cell and y_mask where needed.
        val_dataset: the same, for choosing the best weights.
        config: a ``TrainingConfig`` or a dictionary of its fields.
        measured: statistics of both data sets; None: each is read once for them.

    Returns:
        The metrics, one dictionary per epoch.

    Raises:
        ConfigError: a setting or a data set is not usable.
        LossError: a loss or gradient is not finite; the state on disk is from before.
        CheckpointError: a file can't be written, or the state to resume from can't be read.
        KeyboardInterrupt, Terminated: Ctrl-C or SIGTERM; the state is written first.
    """
    if not isinstance(config, TrainingConfig):
        config = TrainingConfig.from_mapping(config)
    device = model.coefficient_mean.device
    try:
        with processes(config.device) as team, seeded(config.seed, team.device):
            run, state = prepare(model, (train_dataset, val_dataset), config, team, measured)
            if config.resume:
                resume(run, state)
            with run.pause:
                run_epochs(run, state)
            model.load_state_dict(state.best_weights)
            model.eval()
            return state.rows
    finally:
        model.to(device)


@dataclass
class Run:
    """What a training works with; what it changes is in ``TrainingState``."""

    config: TrainingConfig
    team: Team
    train: Batches
    val: Batches
    criterion: nn.Module
    energy_grid: Tensor
    """Energies of the targets, eV, shape (n_energies,), on the device of the process."""
    scored: Tensor
    """Which of them count in the validation, bool, shape (n_energies,), on the same device."""
    fingerprint: dict[str, Any]
    pause: Pause = field(default_factory=Pause)
    started: float = 0.0
    """``time.perf_counter()`` at which this epoch began, or would have without interruptions."""
    written: tuple[int, int] | None = None
    """Epoch and batch of the state that was written last."""
    written_at: float = field(default_factory=time.monotonic)


def prepare(
    model: XANES_E3GNN,
    datasets: tuple[GraphSet, GraphSet],
    config: TrainingConfig,
    team: Team,
    measured: tuple[SetStatistics, SetStatistics] | None = None,
) -> tuple[Run, TrainingState]:
    """Check settings and data and set up a training; see ``run_training``."""
    for name in ("save_path", "checkpoint_path", "metrics_path"):
        path = getattr(config, name)
        if path is not None and not path.parent.is_dir():
            raise ConfigError(f"`{name}` is {path} but the folder {path.parent} does not exist")
    check_info(Path(config.save_path), config.info or ModelInfo())
    grid, dtype = torch.as_tensor(config.energy_grid), model.coefficient_mean.dtype
    if config.precision == "bfloat16" and dtype != torch.float32:
        raise ConfigError(f"`precision` is bfloat16, which needs a float32 network, not {dtype}")
    model.check_energies(grid)
    names = "train_dataset", "val_dataset"
    train, val = (
        make_batches(name, graphs, known, model, config, team)
        for name, graphs, known in zip(names, datasets, measured or (None, None), strict=True)
    )
    if not bool(model.coefficient_mean.any()):
        mean = train.statistics.mean.to(dtype)
        model.cpu().set_target_statistics(grid.to(dtype), mean, train.statistics.scale)
    model.to(team.device)
    team.share_weights(model)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=config.lr, weight_decay=config.weight_decay, fused=True
    )
    energy_grid = grid.to(team.device, dtype)
    low, high = config.score_window or (-torch.inf, torch.inf)
    run = Run(
        config=config,
        team=team,
        train=train,
        val=val,
        criterion=(config.criterion or SpectrumLoss(config.lambda_grad)).to(team.device),
        energy_grid=energy_grid,
        scored=(energy_grid >= low - ENERGY_TOLERANCE) & (energy_grid <= high + ENERGY_TOLERANCE),
        fingerprint=make_fingerprint(model, config, train.statistics.digest, val.statistics.digest),
    )
    return run, TrainingState(model, averaged_weights(model, config.ema_decay), optimizer)


def run_epochs(run: Run, state: TrainingState) -> None:
    """Train to the end, or to early stopping."""
    while state.epoch < run.config.epochs and not ends_early(run, state):
        run.started = time.perf_counter() - state.seconds
        row = {"epoch": state.epoch + 1, **train_epoch(run, state), **validate(run, state)}
        end_epoch(run, state, {**row, "seconds": time.perf_counter() - run.started})


def train_epoch(run: Run, state: TrainingState) -> Row:
    """Take one pass over the training set, or the rest of one; mean loss terms over its spectra."""
    state.model.train()
    sampler = run.train.sampler
    sampler.set_epoch(state.epoch, first=state.batch)
    n_batches, title = sampler.count(), f"epoch {state.epoch + 1}/{run.config.epochs}"
    batches = zip(run.train.loader, sampler, strict=True)
    hidden = None if run.team.leads else True  # None: hidden where there is no terminal
    bar = tqdm(batches, title, n_batches, initial=state.batch, disable=hidden, leave=False)
    for part, graphs in bar:
        take_step(run, state, part, graphs, n_batches)
        write_or_stop(run, state)
    means = named_terms("train", state.sums / state.n_seen)
    return {"lr": state.optimizer.param_groups[0]["lr"], **means}


def take_step(
    run: Run, state: TrainingState, part: Data | None, graphs: list[int], n_batches: int
) -> None:
    """Train on one batch of ``graphs``, of which this process has ``part``, or None.

    Raises:
        LossError: the loss or its gradient is not finite; raised on all processes.
    """
    config, where = run.config, (state.epoch, state.batch)
    config.on_batch(*where)
    progress = (state.epoch + (state.batch + 0.5) / n_batches) / config.epochs
    rate = config.lr * learning_rate_factor(progress, config.warmup)
    state.optimizer.param_groups[0]["lr"] = rate
    torch.manual_seed(seed_of(config.seed, *where, run.team.rank))
    n_spectra = sum(run.train.statistics.n_spectra[graph] for graph in graphs)
    terms = set_gradient(run, state.model, part, n_spectra)
    norm = nn.utils.clip_grad_norm_(state.model.parameters(), config.clip_norm)
    if not bool(torch.isfinite(terms[0]) and torch.isfinite(norm)):
        what = f"the loss is {terms[0].item()} and the norm of its gradient {norm.item()}"
        raise run.train.loss_error(f"batch {state.batch + 1}: {what}", state.epoch, graphs)
    state.optimizer.step()
    state.averaged.update_parameters(state.model)
    state.add_batch(terms, n_spectra)


def set_gradient(run: Run, model: XANES_E3GNN, part: Data | None, n_spectra: int) -> Tensor:
    """Set the gradient of the loss of a whole batch; return its terms, float64, shape (3,).

    The loss is a mean over spectra, so the gradient is the sum of the processes' gradients, each
    times the fraction of the batch's ``n_spectra`` that the process's ``part`` has.
    """
    model.zero_grad()
    terms = torch.zeros(3, dtype=torch.float64)
    if part is not None:
        part = part.to(run.team.device, non_blocking=True)
        spectra = training_spectra(model, part, run.energy_grid, run.config.precision)
        target = part.y.to(run.energy_grid.dtype)
        loss = run.criterion(spectra, target, run.energy_grid, mask=part.y_mask)
        fraction = len(target) / n_spectra
        (fraction * loss[0]).backward()
        terms = fraction * torch.stack([term.detach().double() for term in loss])
    run.team.sum_gradients(model)
    return run.team.total(terms)


def validate(run: Run, state: TrainingState) -> Row:
    """Mean loss terms of the averaged weights over the validation spectra.

    Raises:
        LossError: the loss is not finite; raised on all processes.
        ConfigError: no spectrum has an energy in the score's window.
    """
    config, network = run.config, state.averaged_network.eval()
    criterion = SpectrumLoss(config.lambda_grad)
    sums = torch.zeros(4, dtype=torch.float64)
    batches = zip(run.val.loader, run.val.sampler, strict=True)
    for number, (part, graphs) in enumerate(batches):
        config.on_batch(state.epoch, state.batch + number)
        terms = validation_terms(network, part, run.energy_grid, run.scored, criterion)
        terms = run.team.total(terms)
        if not bool(terms.isfinite().all()):
            what = f"the validation loss is {terms[0].item()}"
            raise run.val.loss_error(what, state.epoch, graphs)
        sums += terms
        write_or_stop(run, state)
    if not sums[3] > 0:
        raise ConfigError(
            f"`score_window` is {config.score_window} eV but no validation spectrum has an energy"
            " within it"
        )
    return named_terms("val", sums[:3] / sums[3])


def ends_early(run: Run, state: TrainingState) -> bool:
    """Whether validation has not improved for ``patience`` epochs, or ``max_hours`` are spent."""
    config = run.config
    if config.patience is not None and state.epoch - 1 - state.best_epoch >= config.patience:
        return True
    if config.max_hours is None:
        return False
    hours = sum(row["seconds"] for row in state.rows) / 3600.0
    spent = run.team.any(run.team.leads and hours >= config.max_hours)  # by one process's clock
    if spent and run.team.leads:
        text = "`max_hours`, %g, are spent after epoch %d of %d; the best weights so far are kept"
        logger.info(text, config.max_hours, state.epoch, config.epochs)
    return spent


def end_epoch(run: Run, state: TrainingState, row: Row) -> None:
    """Count an epoch; the first process writes the state, then what follows from it."""
    state.add_epoch(row)
    write_state(run, state)
    if not run.team.leads:
        return
    if state.best_epoch == state.epoch - 1:
        write_model(run, state)
    if run.config.metrics_path is not None:
        write_metrics(run.config.metrics_path, state.rows)
    logger.info(
        "epoch %d/%d  lr %.2e  train %.6f  val mse %.6f  best %.6f (epoch %d)  %.1f s",
        *(row["epoch"], run.config.epochs, row["lr"], row["train_total"], row["val_mse"]),
        *(state.best_val, state.best_epoch + 1, row["seconds"]),
    )


def write_or_stop(run: Run, state: TrainingState) -> None:
    """Write the state when it is due; after a signal, write it and stop."""
    stop = run.team.any(run.pause.asked)
    due = time.monotonic() - run.written_at >= 60.0 * run.config.checkpoint_minutes
    if (stop or due) and run.written != (state.epoch, state.batch):
        state.seconds = time.perf_counter() - run.started
        write_state(run, state)
    if stop:
        run.team.wait()  # torchrun ends the others as soon as one has ended
        path, n_batches = run.config.checkpoint_path, run.train.sampler.count()
        kept = "no state is kept" if path is None else f"{path} is written, `resume` continues"
        if run.team.leads:
            where = state.epoch + 1, state.batch, n_batches
            logger.info("stopped in epoch %d after batch %d of %d; %s", *where, kept)
        run.pause.stop()


def write_state(run: Run, state: TrainingState) -> None:
    """Write the state file; only the first process does."""
    run.written_at, run.written = time.monotonic(), (state.epoch, state.batch)
    if run.config.checkpoint_path is not None and run.team.leads:
        content = {"fingerprint": run.fingerprint, **state.state_dict()}
        write_verified(run.config.checkpoint_path, content, run.config.keep)


def write_model(run: Run, state: TrainingState) -> None:
    """Write the weights that validated best."""
    best = copy.deepcopy(state.averaged_network)
    best.load_state_dict(state.best_weights)
    info = replace(run.config.info or ModelInfo(), val_mse=state.best_val)
    save_model(run.config.save_path, best, info)


def resume(run: Run, state: TrainingState) -> None:
    """Continue from the state file, or from an older one if it is damaged or missing.

    Metrics are written again, and the model if it is behind the state.
    """
    path = Path(run.config.checkpoint_path or "")
    read_from, content = read_newest(path, read_verified)
    check_fingerprint(read_from, content, run.fingerprint)
    state.load_state_dict(content)
    if not run.team.leads:
        return
    if read_from != path:  # else the damaged state would become the older one
        write_verified(path, content)
    if not state.rows:
        return
    if run.config.metrics_path is not None:
        write_metrics(run.config.metrics_path, state.rows)
    try:
        val_mse = TrainedModel.load(run.config.save_path).info.val_mse
    except CheckpointError as error:
        logger.warning("%s; written again from the state", error)
        val_mse = None
    if val_mse is None or val_mse > state.best_val:
        write_model(run, state)
