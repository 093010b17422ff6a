"""Training: AdamW, warm-up and cosine, averaged weights, and a state that resumes bit for bit."""

import hashlib
import logging
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch_geometric.data import Data
from tqdm import tqdm

from .checkpoint import ModelInfo, save_model
from .config import TrainingConfig
from .data.batch import GraphBatchSampler
from .data.loader import make_loader
from .data.targets import GraphSet, check_dataset, target_statistics
from .errors import ConfigError
from .files.torch_file import read_verified, write_verified
from .loss import SpectrumLoss
from .model.gnn import XANES_E3GNN
from .parallel import Team, processes
from .spectra import SpectraNetwork
from .training.fingerprint import check_fingerprint, make_fingerprint
from .training.logbook import Row, check_folders, write_metrics
from .training.schedule import averaged_weights, learning_rate_factor
from .training.validation import mean_loss

logger = logging.getLogger(__name__)


class Trainer:
    """The state of a training and the steps that change it, the same on all processes."""

    def __init__(
        self,
        model: XANES_E3GNN,
        train_dataset: GraphSet,
        val_dataset: GraphSet,
        config: TrainingConfig,
        team: Team | None = None,
    ) -> None:
        """Check the data and set up the state; see ``run_training``."""
        self.model, self.config, self.team = model, config, team or Team()
        self.dtype = model.coefficient_mean.dtype
        self.energy_grid = torch.as_tensor(config.energy_grid, dtype=self.dtype)
        criterion = config.criterion or SpectrumLoss(config.lambda_grad)
        self.criterion = criterion.to(self.team.device)
        check_folders(config)
        n_energies = len(self.energy_grid)
        train_edges, self.n_spectra = check_dataset(train_dataset, "train_dataset", n_energies)
        val_edges, _ = check_dataset(val_dataset, "val_dataset", n_energies)
        limits = config.max_edges, config.batch_size
        self.sampler = GraphBatchSampler(train_edges, *limits, seed=config.seed)
        in_order = GraphBatchSampler(val_edges, *limits, seed=None)
        loading = self.team, model.num_layers, config.workers
        self.train_loader = make_loader(train_dataset, self.sampler, *loading)
        self.val_loader = make_loader(val_dataset, in_order, *loading)
        if not bool(model.coefficient_mean.any()):
            mean, scale = target_statistics(train_dataset, n_energies)
            model.cpu().set_target_statistics(self.energy_grid, mean.to(self.dtype), scale)
        model.to(self.team.device)
        self.energy_grid = self.energy_grid.to(self.team.device)
        self.network = self.team.join(SpectraNetwork(model, config.precision))
        self.averaged = averaged_weights(model, config.ema_decay)
        self.optimizer = torch.optim.AdamW(
            model.parameters(), lr=config.lr, weight_decay=config.weight_decay, fused=True
        )
        self.epoch, self.best_epoch, self.best_val = 0, -1, math.inf
        self.best_weights: dict[str, Tensor] = {}
        self.rows: list[Row] = []
        self.fingerprint = make_fingerprint(model, config, train_dataset, val_dataset)

    def train_epoch(self) -> Row:
        """Take one pass over the training set; return its learning rate and mean loss terms."""
        self.model.train()
        self.sampler.set_epoch(self.epoch)
        if self.team.size > 1:  # alone, the generator's state goes on from epoch to epoch
            torch.manual_seed(process_seed(self.config.seed, self.epoch, self.team.rank))
        sums, n_seen, n_batches = torch.zeros(3, dtype=torch.float64), 0, len(self.sampler)
        hidden = None if self.team.leads else True
        batches = zip(self.train_loader, self.sampler, strict=True)
        title = f"epoch {self.epoch + 1}"
        bar = tqdm(batches, desc=title, total=n_batches, disable=hidden, leave=False)
        for number, (part, graphs) in enumerate(bar):
            progress = (self.epoch + (number + 0.5) / n_batches) / self.config.epochs
            lr = self.config.lr * learning_rate_factor(progress, self.config.warmup)
            self.optimizer.param_groups[0]["lr"] = lr
            n_spectra = sum(self.n_spectra[graph] for graph in graphs)
            terms = self.set_gradient(part, n_spectra, f"{title}, batch {number + 1}")
            nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip_norm)
            self.optimizer.step()
            self.averaged.update_parameters(self.model)
            sums += n_spectra * terms
            n_seen += n_spectra
        return {"lr": lr, **_named("train", sums / n_seen)}

    def set_gradient(self, part: Data | None, n_spectra: int, where: str = "a batch") -> Tensor:
        """Set the gradient of the loss of a whole batch, the same on all processes.

        The loss is a mean over spectra. Its gradient is the sum of the parts' gradients, each times
        the part's share of the spectra; as processes are averaged, their number undoes the mean.

        Args:
            part: this process's graphs of the batch; None: it has none.
            n_spectra: spectra in the whole batch.
            where: what to call the batch in a message.

        Returns:
            Terms of the loss of the whole batch, float64, shape (3,).

        Raises:
            ConfigError: the loss is not finite; raised on all processes.
        """
        terms = self.loss_terms(part)
        share = 0.0 if part is None else len(part.y) / n_spectra
        whole = self.team.total(share * torch.stack([term.detach().double() for term in terms]))
        if not bool(torch.isfinite(whole[0])):
            raise ConfigError(
                f"{where}: the loss is {whole[0].item()}; lower `lr` ({self.config.lr}) or"
                f" `clip_norm` ({self.config.clip_norm})"
            )
        self.optimizer.zero_grad()
        (terms[0] * (share * self.team.size if part is not None else 1.0)).backward()
        return whole

    def loss_terms(self, part: Data | None) -> tuple[Tensor, Tensor, Tensor]:
        """Terms of the loss on this process's part of a batch; zeros where it has none."""
        if part is not None:
            part = part.to(self.team.device, non_blocking=True)
        prediction = self.network(part, self.energy_grid)
        if part is None:
            return prediction, prediction, prediction
        target = part.y.to(self.dtype)
        return self.criterion(prediction, target, self.energy_grid, mask=part.y_mask)

    def validate(self) -> Row:
        """Loss terms of the averaged weights on the validation set."""
        network = cast(XANES_E3GNN, self.averaged.module).eval()
        options = self.config.score_window, self.config.lambda_grad
        return _named(
            "val", mean_loss(network, self.val_loader, self.energy_grid, *options, self.team)
        )

    def run(self) -> list[Row]:
        """Train to the end or to early stopping; the best weights end in the model and on disk."""
        while self.epoch < self.config.epochs and not self.out_of_patience():
            started = time.perf_counter()
            row = {"epoch": self.epoch + 1, **self.train_epoch(), **self.validate()}
            row["seconds"] = time.perf_counter() - started
            self.finish_epoch(row)
        if not self.best_weights:
            raise ConfigError(
                f"the validation error was never finite; lower `lr` ({self.config.lr}) or"
                f" `clip_norm` ({self.config.clip_norm})"
            )
        self.model.load_state_dict(self.best_weights)
        self.model.eval()
        return self.rows

    def out_of_patience(self) -> bool:
        """Whether validation has not improved for ``patience`` epochs."""
        patience = self.config.patience
        return patience is not None and self.epoch - 1 - self.best_epoch >= patience

    def finish_epoch(self, row: Row) -> None:
        """Keep the best weights and go on to the next epoch; the first process writes files."""
        self.rows.append(row)
        if row["val_mse"] < self.best_val:
            self.best_val, self.best_epoch = row["val_mse"], self.epoch
            weights = self.averaged.module.state_dict()
            self.best_weights = {name: value.clone() for name, value in weights.items()}
        self.epoch += 1
        if self.team.leads:
            self.write_epoch(row)

    def write_epoch(self, row: Row) -> None:
        """Write the model if the last epoch was the best, the metrics and the state."""
        if self.best_epoch == self.epoch - 1:
            info = replace(self.config.info or ModelInfo(), val_mse=self.best_val)
            save_model(self.config.save_path, cast(XANES_E3GNN, self.averaged.module), info)
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
            "random_device": self.device_random(),
        }

    def device_random(self) -> Tensor | None:
        """State of the GPU's random generator; None on the CPU."""
        device = self.team.device
        return torch.cuda.get_rng_state(device) if device.type == "cuda" else None

    def load_state(self, path: Path) -> None:
        """Continue from a state file.

        Args:
            path: file written after an epoch.

        Raises:
            CheckpointError: missing or damaged.
            ConfigError: the configuration differs; the differences are listed.
        """
        state = read_verified(path)
        check_fingerprint(path, state, self.fingerprint)
        self.epoch, self.best_epoch = state["epoch"], state["best_epoch"]
        self.best_val, self.best_weights = state["best_val"], state["best_weights"]
        self.rows = state["rows"]
        self.model.load_state_dict(state["model"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"])
        if self.team.device.type == "cuda" and state.get("random_device") is not None:
            torch.cuda.set_rng_state(state["random_device"], self.team.device)


def run_training(
    model: XANES_E3GNN,
    train_dataset: GraphSet,
    val_dataset: GraphSet,
    config: TrainingConfig | Mapping[str, Any],
) -> list[Row]:
    """Train a network; afterwards it holds the weights that validated best.

    In a program that torchrun has started, all its processes call this together with the same
    arguments. They share out every batch and the validation set, and train as one process would.

    Args:
        model: network, changed in place and left on its device. The first training gives it the
            training set's mean spectrum and scale; a network that has them keeps them.
        train_dataset: list or ``Dataset`` of PyG graphs with z, pos, edge_index, absorber_mask and
            y of shape (n_absorbers, n_energies); edge_shift, cell and y_mask where needed.
        val_dataset: the same, for choosing the best weights.
        config: a ``TrainingConfig`` or a dictionary of its fields.

    Returns:
        The metrics, one dictionary an epoch.

    Raises:
        ConfigError: the configuration or a dataset is not usable, or the loss is not finite.
        CheckpointError: a file can't be written, or the state to resume from can't be read.
        PeerError: another process has failed.
    """
    if not isinstance(config, TrainingConfig):
        config = TrainingConfig.from_mapping(config)
    device = model.coefficient_mean.device
    try:
        with processes(config.device) as team, own_random_numbers(team, config.seed):
            trainer = Trainer(model, train_dataset, val_dataset, config, team)
            if config.resume:
                trainer.load_state(cast(Path, config.checkpoint_path))
            return trainer.run()
    finally:
        model.to(device)


@contextmanager
def own_random_numbers(team: Team, seed: int) -> Iterator[None]:
    """Seed torch's random generators for a while; afterwards they are as they were before."""
    with torch.random.fork_rng([team.device] if team.device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def process_seed(seed: int, epoch: int, rank: int) -> int:
    """Seed of a process's dropout in an epoch, where several processes train."""
    return int.from_bytes(hashlib.sha256(f"{seed} {epoch} {rank}".encode()).digest()[:7], "big")


def _named(prefix: str, terms: Tensor) -> Row:
    """Name the three terms of a loss."""
    total, mse, gradient = terms.tolist()
    return {f"{prefix}_total": total, f"{prefix}_mse": mse, f"{prefix}_gradient": gradient}
