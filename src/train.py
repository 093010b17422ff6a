"""Training: AdamW, warm-up and cosine, averaged weights, and a state that resumes bit for bit."""

import csv
import functools
import logging
import math
import time
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torch_geometric.data import Data
from tqdm import tqdm

from .checkpoint import ModelInfo, read_verified, save_model, write_verified
from .config import TrainingConfig
from .data.batch import GraphBatchSampler, collate_graphs
from .data.targets import GraphSet, check_dataset, digest, target_statistics
from .errors import CheckpointError, ConfigError
from .loss import SpectrumLoss
from .model.gnn import XANES_E3GNN
from .schedule import averaged_weights, learning_rate_factor

logger = logging.getLogger(__name__)

Row = dict[str, float]
"""One line of the metrics: epoch, lr, train_* and val_* terms of the loss, seconds."""


def check_folders(config: TrainingConfig) -> None:
    """Raise ConfigError before the training where its files could not be written after it."""
    for name in ("save_path", "checkpoint_path", "metrics_path"):
        path = getattr(config, name)
        if path is not None and not Path(path).parent.is_dir():
            raise ConfigError(f"`{name}` is {path} but the folder {Path(path).parent} is not there")


class Trainer:
    """The state of a training and the steps that change it."""

    def __init__(
        self,
        model: XANES_E3GNN,
        train_dataset: GraphSet,
        val_dataset: GraphSet,
        config: TrainingConfig,
    ) -> None:
        """Check the data and set up the state; see ``run_training``."""
        self.model, self.config = model, config
        self.dtype = model.coefficient_mean.dtype
        self.energy_grid = torch.as_tensor(config.energy_grid, dtype=self.dtype)
        self.criterion = config.criterion or SpectrumLoss(config.lambda_grad)
        check_folders(config)
        n_energies = len(self.energy_grid)
        train_edges = check_dataset(train_dataset, "train_dataset", n_energies)
        val_edges = check_dataset(val_dataset, "val_dataset", n_energies)
        limits = config.max_edges, config.batch_size
        self.sampler = GraphBatchSampler(train_edges, *limits, seed=config.seed)
        in_order = GraphBatchSampler(val_edges, *limits, seed=None)
        self.train_loader = _loader(train_dataset, self.sampler, model.num_layers)
        self.val_loader = _loader(val_dataset, in_order, model.num_layers)
        if not bool(model.coefficient_mean.any()):
            mean, scale = target_statistics(train_dataset, n_energies)
            model.set_target_statistics(self.energy_grid, mean.to(self.dtype), scale)
        self.averaged = averaged_weights(model, config.ema_decay)
        self.optimizer = torch.optim.AdamW(
            model.parameters(), lr=config.lr, weight_decay=config.weight_decay
        )
        self.epoch, self.best_epoch, self.best_val = 0, -1, math.inf
        self.best_weights: dict[str, Tensor] = {}
        self.rows: list[Row] = []
        digests = {"train_dataset": digest(train_dataset), "val_dataset": digest(val_dataset)}
        self.fingerprint = {**_fingerprint(model, config), **digests}

    def train_epoch(self) -> Row:
        """Take one pass over the training set; return its learning rate and mean loss terms."""
        self.model.train()
        self.sampler.set_epoch(self.epoch)
        sums, n_spectra, n_batches = torch.zeros(3), 0, len(self.sampler)
        bar = tqdm(self.train_loader, desc=f"epoch {self.epoch + 1}", disable=None, leave=False)
        for number, batch in enumerate(bar):
            progress = (self.epoch + (number + 0.5) / n_batches) / self.config.epochs
            lr = self.config.lr * learning_rate_factor(progress, self.config.warmup)
            self.optimizer.param_groups[0]["lr"] = lr
            terms = self.loss_terms(batch)
            if not bool(torch.isfinite(terms[0])):
                raise ConfigError(
                    f"epoch {self.epoch + 1}, batch {number + 1}: the loss is {terms[0].item()};"
                    f" lower `lr` ({self.config.lr}) or `clip_norm` ({self.config.clip_norm})"
                )
            self.optimizer.zero_grad()
            terms[0].backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip_norm)
            self.optimizer.step()
            self.averaged.update_parameters(self.model)
            sums += len(batch.y) * torch.stack([term.detach().float() for term in terms])
            n_spectra += len(batch.y)
        return {"lr": lr, **_named("train", sums / n_spectra)}

    def loss_terms(self, batch: Data) -> tuple[Tensor, Tensor, Tensor]:
        """Terms of the loss on one batch."""
        prediction = self.model.predict_spectra(batch, self.energy_grid)
        target = batch.y.to(self.dtype)
        return self.criterion(prediction, target, self.energy_grid, mask=batch.y_mask)

    @torch.no_grad()
    def validate(self) -> Row:
        """Loss terms of the averaged weights on the validation set; every spectrum counts once."""
        network = cast(XANES_E3GNN, self.averaged.module).eval()
        low, high = self.config.score_window or (-math.inf, math.inf)
        window = (self.energy_grid >= low - 1e-6) & (self.energy_grid <= high + 1e-6)
        score = SpectrumLoss(self.config.lambda_grad)
        sums, n_spectra = torch.zeros(3, dtype=torch.float64), 0
        for batch in self.val_loader:
            prediction = network.predict_spectra(batch, self.energy_grid)[:, window]
            target, mask = batch.y.to(self.dtype)[:, window], batch.y_mask[:, window]
            terms = score(prediction, target, self.energy_grid[window], mask=mask)
            sums += len(target) * torch.stack(list(terms)).double()
            n_spectra += len(target)
        return _named("val", sums / n_spectra)

    def run(self) -> list[Row]:
        """Train to the end or to early stopping; the best weights end in the model and on disk."""
        while self.epoch < self.config.epochs and not self.out_of_patience():
            started = time.perf_counter()
            row = {"epoch": self.epoch + 1, **self.train_epoch(), **self.validate()}
            row["seconds"] = time.perf_counter() - started
            self.finish_epoch(row)
        self.model.load_state_dict(self.best_weights)
        self.model.eval()
        return self.rows

    def out_of_patience(self) -> bool:
        """Whether validation has not improved for ``patience`` epochs."""
        patience = self.config.patience
        return patience is not None and self.epoch - 1 - self.best_epoch >= patience

    def finish_epoch(self, row: Row) -> None:
        """Keep the best weights, write what is to be written, and go on to the next epoch."""
        self.rows.append(row)
        if row["val_mse"] < self.best_val:
            self.best_val, self.best_epoch = row["val_mse"], self.epoch
            weights = self.averaged.module.state_dict()
            self.best_weights = {name: value.clone() for name, value in weights.items()}
            info = replace(self.config.info or ModelInfo(), val_mse=self.best_val)
            save_model(self.config.save_path, cast(XANES_E3GNN, self.averaged.module), info)
        self.epoch += 1
        if self.config.metrics_path is not None:
            write_metrics(self.config.metrics_path, self.rows)
        if self.config.checkpoint_path is not None:
            write_verified(self.config.checkpoint_path, self.state())
        logger.info(
            "epoch %d/%d  lr %.2e  train %.6f  val mse %.6f  best %.6f (epoch %d)  %.1f s",
            *(row["epoch"], self.config.epochs, row["lr"], row["train_total"], row["val_mse"]),
            *(self.best_val, self.best_epoch + 1, row["seconds"]),
        )

    def state(self) -> dict[str, Any]:
        """Everything the next epoch depends on."""
        return {
            "fingerprint": self.fingerprint,
            "epoch": self.epoch,
            "best_epoch": self.best_epoch,
            "best_val": self.best_val,
            "best_weights": self.best_weights,
            "rows": self.rows,
            "model": self.model.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "random": torch.get_rng_state(),
        }

    def load_state(self, path: Path) -> None:
        """Continue from a state file.

        Args:
            path: file written after an epoch.

        Raises:
            CheckpointError: missing or damaged.
            ConfigError: the configuration differs; the differences are listed.
        """
        state = read_verified(path)
        if "fingerprint" not in state:
            raise CheckpointError(f"{path}: not the state of a training")
        differences = [
            f"{key} was {old!r}, is {new!r}"
            for key, new in self.fingerprint.items()
            if (old := state["fingerprint"].get(key)) != new
        ]
        if differences:
            raise ConfigError(f"{path}: can't resume, {'; '.join(differences)}")
        self.epoch, self.best_epoch = state["epoch"], state["best_epoch"]
        self.best_val, self.best_weights = state["best_val"], state["best_weights"]
        self.rows = state["rows"]
        self.model.load_state_dict(state["model"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"])


def run_training(
    model: XANES_E3GNN,
    train_dataset: GraphSet,
    val_dataset: GraphSet,
    config: TrainingConfig | Mapping[str, Any],
) -> list[Row]:
    """Train a network; afterwards it holds the weights that validated best.

    Args:
        model: network, changed in place. The first training gives it the training set's mean
            spectrum and scale; a network that has them keeps them.
        train_dataset: list or ``Dataset`` of PyG graphs with z, pos, edge_index, absorber_mask and
            y of shape (n_absorbers, n_energies); edge_shift, cell and y_mask where needed.
        val_dataset: the same, for choosing the best weights.
        config: a ``TrainingConfig`` or a dictionary of its fields.

    Returns:
        The metrics, one dictionary an epoch.

    Raises:
        ConfigError: the configuration or a dataset is not usable, or the loss is not finite.
        CheckpointError: a file can't be written, or the state to resume from can't be read.
    """
    if not isinstance(config, TrainingConfig):
        config = TrainingConfig.from_mapping(config)
    random_state = torch.get_rng_state()
    torch.manual_seed(config.seed)
    try:
        trainer = Trainer(model, train_dataset, val_dataset, config)
        if config.resume:
            trainer.load_state(cast(Path, config.checkpoint_path))
        return trainer.run()
    finally:
        torch.set_rng_state(random_state)


def write_metrics(path: Path, rows: list[Row]) -> None:
    """Write the metrics of all epochs as CSV, replacing the file in one step."""
    beside = path.with_name(f".{path.name}.part")
    with beside.open("w", newline="") as out:
        writer = csv.DictWriter(out, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    beside.replace(path)


def _loader(dataset: GraphSet, sampler: GraphBatchSampler, num_layers: int) -> DataLoader:
    """Loader of batches in the sampler's order, their neighbour lists padded."""
    collate = functools.partial(collate_graphs, num_layers=num_layers)
    return DataLoader(cast(Dataset, dataset), batch_sampler=sampler, collate_fn=collate)


def _named(prefix: str, terms: Tensor) -> Row:
    """Name the three terms of a loss."""
    total, mse, gradient = terms.tolist()
    return {f"{prefix}_total": total, f"{prefix}_mse": mse, f"{prefix}_gradient": gradient}


NOT_COMPARED = {
    "energy_grid", "criterion", "info", "save_path", "checkpoint_path", "metrics_path", "resume"
}  # fmt: skip


def _fingerprint(model: XANES_E3GNN, config: TrainingConfig) -> dict[str, Any]:
    """Settings that must be the same when a training goes on, as plain values."""
    settings = {
        entry.name: getattr(config, entry.name)
        for entry in fields(config)
        if entry.name not in NOT_COMPARED
    }
    grid = torch.as_tensor(config.energy_grid)
    return {
        **settings,
        "energy_grid": f"{len(grid)} energies, {float(grid[0]):.4f} .. {float(grid[-1]):.4f} eV",
        "criterion": repr(config.criterion),
        **{f"model.{name}": value for name, value in model.hyperparameters.items()},
    }
