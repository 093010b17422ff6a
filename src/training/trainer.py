"""The state of a training: epochs, validation, the best weights, and the files they go to."""

import copy
import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch_geometric.data import Data
from tqdm import tqdm

from ..checkpoints.torch_file import read_verified, write_verified
from ..checkpoints.trained_model import ModelInfo, check_info, load_model, save_model
from ..dataset.batch import GraphBatchSampler
from ..dataset.loader import make_loader
from ..dataset.seeding import SeededGraphs, seed_of, seeded
from ..dataset.statistics import GraphSet, SetStatistics, measure
from ..errors import CheckpointError
from ..model.gnn import XANES_E3GNN
from ..runtime.distributed import Team
from ..runtime.generations import read_newest
from ..runtime.signals import Pause
from .config import TrainingConfig
from .divergence import SLOWER, LossExplosion, check_row
from .divergence_records import find_culprits, list_names
from .fingerprint import check_fingerprint, make_fingerprint
from .metrics_file import Row, check_folders, write_metrics
from .schedule import learning_rate_factor
from .state import Progress
from .step import Stepper
from .validation import mean_loss, sum_loss

logger = logging.getLogger(__name__)


class Trainer(Stepper):
    """The state of a training and what changes it, the same on all processes."""

    def __init__(
        self,
        model: XANES_E3GNN,
        train_dataset: GraphSet,
        val_dataset: GraphSet,
        config: TrainingConfig,
        team: Team | None = None,
        measured: tuple[SetStatistics, SetStatistics] | None = None,
    ) -> None:
        """Check the data and set up the state; see ``run_training``."""
        team = team or Team()
        check_folders(config)
        check_info(Path(config.save_path), config.info or ModelInfo())
        energy_grid = torch.as_tensor(config.energy_grid)
        model.check_energies(energy_grid)
        known = len(energy_grid), model.max_z, model.r_max
        if measured is None:
            with seeded(config.seed):  # a data set may draw at random
                train = measure(train_dataset, "train_dataset", *known)
            with seeded(config.seed):
                measured = train, measure(val_dataset, "val_dataset", *known)
        train, val = measured
        self.n_spectra = train.n_spectra
        limits = config.max_edges, config.batch_size
        self.sampler = GraphBatchSampler(train.num_edges, *limits, seed=config.seed)
        in_order = GraphBatchSampler(val.num_edges, *limits, seed=None)
        loading = team, model.num_layers, config.workers
        self.train_graphs = SeededGraphs(train_dataset, config.seed, config.displacement)
        self.val_graphs = SeededGraphs(val_dataset, config.seed)
        self.train_loader = make_loader(self.train_graphs, self.sampler, *loading)
        self.val_loader = make_loader(self.val_graphs, in_order, *loading)
        if not bool(model.coefficient_mean.any()):
            dtype = model.coefficient_mean.dtype
            model.cpu().set_target_statistics(
                energy_grid.to(dtype), train.mean.to(dtype), train.scale
            )
        super().__init__(model, config, team)
        self.progress, self.started = Progress(), time.perf_counter()
        self.written: tuple[float, tuple[int, int] | None] = time.monotonic(), None
        self.epoch_start: dict[str, Any] | None = None
        self.fingerprint = make_fingerprint(model, config, train.digest, val.digest)

    def train_epoch(self, pause: Pause) -> Row:
        """Take one pass over the training set, or the rest of one.

        Args:
            pause: whether to stop; looked at after every batch.

        Returns:
            Learning rate of the last batch and mean loss terms of all that were not left out.

        Raises:
            LossExplosion: see ``take_step``, or every batch was left out.
            KeyboardInterrupt, Terminated: ``pause`` asked for it; the state is written before.
        """
        self.model.train()
        self.sampler.set_epoch(self.progress.epoch, first=self.progress.batch)
        batches = zip(self.train_loader, self.sampler, strict=True)
        title, hidden = f"epoch {self.progress.epoch + 1}", None if self.team.leads else True
        n_batches = self.sampler.count()
        bar = tqdm(
            batches, title, n_batches, initial=self.progress.batch, disable=hidden, leave=False
        )
        self.own_time.start()
        for part, graphs in bar:
            self.take_step(part, graphs, n_batches)
            self.write_or_stop(pause)
            self.own_time.start()
        self.own_time.compare()
        lr = self.optimizer.param_groups[0]["lr"]
        if self.progress.n_seen == 0:
            raise LossExplosion(f"epoch {self.progress.epoch + 1}: every batch was left out")
        row = {"lr": lr, **_named("train", self.progress.sums / self.progress.n_seen)}
        return {**row, "skipped": self.progress.skipped} if self.config.skip_nonfinite else row

    def take_step(self, part: Data | None, graphs: list[int], n_batches: int) -> None:
        """Train on one batch.

        Args:
            part: this process's graphs of the batch; None: it has none.
            graphs: numbers of the graphs of the whole batch.
            n_batches: batches of the epoch.

        Raises:
            LossExplosion: the loss or its gradient is not finite, and such batches are not to be
                left out; raised on all processes.
        """
        epoch, batch = self.progress.epoch, self.progress.batch
        done = (epoch + (batch + 0.5) / n_batches) / self.config.epochs
        lr = self.config.lr * learning_rate_factor(done, self.config.warmup)
        self.optimizer.param_groups[0]["lr"] = self.progress.slowed * lr
        n_spectra = sum(self.n_spectra[graph] for graph in graphs)
        torch.manual_seed(seed_of(self.config.seed, epoch, batch, self.team.rank))
        where = f"epoch {epoch + 1}, batch {batch + 1}"
        try:
            terms = self.set_gradient(part, n_spectra, where)
            norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip_norm)
            if self.team.any(not bool(torch.isfinite(norm))):
                raise LossExplosion(f"{where}: the norm of the gradient is {norm.item()}")
        except LossExplosion as explosion:
            self.leave_out(graphs, explosion)
            return
        self.optimizer.step()
        self.averaged.update_parameters(self.model)
        self.progress.add_batch(terms, n_spectra)

    def leave_out(self, graphs: list[int], explosion: LossExplosion) -> None:
        """Count a batch that changes nothing.

        Raises:
            LossExplosion: such batches are not to be left out; the records are named.
        """
        keys = [(self.progress.epoch, number) for number in graphs]
        names = find_culprits(
            self.train_graphs, "train_dataset", keys, self.trains_finitely, self.team
        )
        if not self.config.skip_nonfinite:
            raise LossExplosion(f"{explosion}, seen with {list_names(names)}") from explosion
        self.progress.skip_batch(names)

    def write_or_stop(self, pause: Pause) -> None:
        """Write the state where it is time to, or where the end is asked for, and stop then.

        Raises:
            KeyboardInterrupt, Terminated: ``pause`` asked for it; the state is written before.
        """
        stop = self.team.any(pause.asked)
        since, done = self.written
        due = stop or time.monotonic() - since >= 60.0 * self.config.checkpoint_minutes
        if due and done != (self.progress.epoch, self.progress.batch):
            self.write_state()
        if stop:
            self.team.wait()  # torchrun ends the others as soon as one has ended
            self.say_how_to_go_on()
            pause.stop()

    def parts_of_validation(self, pause: Pause) -> Iterator[Data | None]:
        """This process's parts of the validation set; what was trained is kept between them."""
        for part in cast(Iterable[Data | None], self.val_loader):
            yield part
            self.write_or_stop(pause)

    def validate(self, pause: Pause) -> Row:
        """Loss terms of the averaged weights on the validation set.

        Raises:
            LossExplosion: one is not finite; the records are named. Raised on all processes.
            KeyboardInterrupt, Terminated: ``pause`` asked for it; the state is written before.
        """
        network = cast(XANES_E3GNN, self.averaged.module).eval()
        options = self.energy_grid, self.config.score_window, self.config.lambda_grad

        def is_finite(part: Data) -> bool:
            return bool(torch.isfinite(sum_loss(network, [part], *options)).all())

        row = _named(
            "val", mean_loss(network, self.parts_of_validation(pause), *options, self.team)
        )
        try:
            check_row({"epoch": self.progress.epoch + 1, **row}, [])
        except LossExplosion as explosion:
            keys = [(0, number) for number in range(len(self.val_graphs))]
            names = find_culprits(self.val_graphs, "val_dataset", keys, is_finite, self.team)
            raise LossExplosion(f"{explosion}, seen with {list_names(names)}") from explosion
        return row

    def run(self) -> list[Row]:
        """Train to the end or to early stopping; the best weights end in the model and on disk.

        Raises:
            LossExplosion: for the second time.
            KeyboardInterrupt, Terminated: asked for; the state is on disk.
        """
        with Pause() as pause:
            while self.progress.epoch < self.config.epochs and not self.ends_early():
                self.epoch_start = self.epoch_start or self.state()
                try:
                    self.run_epoch(pause)
                except LossExplosion as explosion:
                    self.go_back(self.epoch_start, explosion)
                self.epoch_start = None
        self.model.load_state_dict(self.progress.best_weights)
        self.model.eval()
        return self.progress.rows

    def run_epoch(self, pause: Pause) -> None:
        """Train, validate and keep what came of it."""
        self.started = time.perf_counter() - self.progress.seconds
        row = {"epoch": self.progress.epoch + 1, **self.train_epoch(pause), **self.validate(pause)}
        row["seconds"] = time.perf_counter() - self.started
        check_row(row, self.progress.rows)
        if self.progress.skipped and self.team.leads:
            logger.warning(
                "epoch %d: %d batches left out, loss or gradient not finite, seen with %s",
                *(row["epoch"], self.progress.skipped, list_names(self.progress.left_out)),
            )
        self.finish_epoch(row)

    def go_back(self, good: dict[str, Any], explosion: LossExplosion) -> None:
        """Return once to the state before the epoch, with a lower learning rate.

        Raises:
            LossExplosion: the rate was lowered before.
        """
        advice = f"lower `lr` ({self.config.lr}) or `clip_norm` ({self.config.clip_norm})"
        if self.progress.slowed < 1.0:
            raise LossExplosion(f"{explosion}; {advice}") from explosion
        self.take_state(good)
        self.progress.slowed = SLOWER
        if self.team.leads:
            text = "%s; back to the start of epoch %d, with learning rates times %g from now on"
            logger.warning(text, explosion, self.progress.epoch + 1, SLOWER)

    def ends_early(self) -> bool:
        """Whether validation has not improved for ``patience`` epochs, or ``max_hours`` are spent.

        The first process reads the clock, and the others end with it.
        """
        patience, waited = self.config.patience, self.progress.epoch - 1 - self.progress.best_epoch
        if patience is not None and waited >= patience:
            return True
        if self.config.max_hours is None:
            return False
        spent = self.team.any(self.team.leads and self.progress.hours() >= self.config.max_hours)
        if spent and self.team.leads:
            text = "`max_hours`, %g, are spent after epoch %d of %d; the best weights so far count"
            logger.info(text, self.config.max_hours, self.progress.epoch, self.config.epochs)
        return spent

    def finish_epoch(self, row: Row) -> None:
        """Keep the best weights and go on to the next epoch; the first process writes files."""
        self.progress.end_epoch(row, self.averaged.module.state_dict())
        if self.team.leads:
            self.write_epoch(row)

    def write_epoch(self, row: Row) -> None:
        """Write the state, then what follows from it: the model if it is the best, the metrics."""
        self.write_state()
        if self.progress.best_epoch == self.progress.epoch - 1:
            self.write_model()
        if self.config.metrics_path is not None:
            write_metrics(self.config.metrics_path, self.progress.rows)
        logger.info(
            "epoch %d/%d  lr %.2e  train %.6f  val mse %.6f  best %.6f (epoch %d)  %.1f s",
            *(row["epoch"], self.config.epochs, row["lr"], row["train_total"], row["val_mse"]),
            *(self.progress.best_val, self.progress.best_epoch + 1, row["seconds"]),
        )

    def write_model(self) -> None:
        """Write the weights that validated best."""
        best = copy.deepcopy(cast(XANES_E3GNN, self.averaged.module))
        best.load_state_dict(self.progress.best_weights)
        info = replace(self.config.info or ModelInfo(), val_mse=self.progress.best_val)
        save_model(self.config.save_path, best, info)

    def mend_results(self) -> None:
        """Write the metrics again, and the model where it is gone, damaged or behind the state."""
        if self.config.metrics_path is not None:
            write_metrics(self.config.metrics_path, self.progress.rows)
        try:
            found = load_model(self.config.save_path)[1].val_mse
        except CheckpointError as error:
            logger.warning("%s; written again from the state", error)
            found = None
        if found is None or found > self.progress.best_val:
            self.write_model()

    def write_state(self) -> None:
        """Write the state, the versions before it kept as configured; the first process does.

        Within an epoch the state before it is a part, to which an explosion goes back.
        """
        self.written = time.monotonic(), (self.progress.epoch, self.progress.batch)
        if self.config.checkpoint_path is not None and self.team.leads:
            state = self.state()
            if self.progress.batch:
                state["seconds"] = time.perf_counter() - self.started
                state["epoch_start"] = self.epoch_start
            write_verified(self.config.checkpoint_path, state, self.config.keep)

    def say_how_to_go_on(self) -> None:
        """Log where a training that is asked to stop has come to."""
        epoch, batch, n_batches = self.progress.epoch + 1, self.progress.batch, self.sampler.count()
        where = f"stopped in epoch {epoch} after batch {batch} of {n_batches}"
        path = self.config.checkpoint_path
        kept = "nothing is kept" if path is None else f"{path} is written, `resume` goes on"
        if self.team.leads:
            logger.info("%s; %s", where, kept)

    def state(self) -> dict[str, Any]:
        """Everything that the rest of the training depends on, as a copy.

        No random generator is among it: batches and dropout follow from seed, epoch and batch.
        """
        return copy.deepcopy(
            {
                "fingerprint": self.fingerprint,
                **self.progress.values(),
                "model": self.model.state_dict(),
                "averaged": self.averaged.state_dict(),
                "optimizer": self.optimizer.state_dict(),
            }
        )

    def load_state(self, path: Path) -> None:
        """Continue from a state file, or from the newest older one where it is damaged or gone.

        Args:
            path: file written after an epoch or within one.

        Raises:
            CheckpointError: missing or damaged, and so are the older ones.
            ConfigError: the configuration differs; the differences are listed.
        """
        found, state = read_newest(path, read_verified)
        check_fingerprint(found, state, self.fingerprint)
        self.take_state(state)
        self.epoch_start = state.get("epoch_start")  # None after an epoch, and in older states
        if self.team.leads and found != path:  # the damaged one is not to become the older one
            write_verified(path, state)
        if self.team.leads and self.progress.rows:
            self.mend_results()

    def take_state(self, state: dict[str, Any]) -> None:
        """Set everything that ``state`` gives."""
        self.written = time.monotonic(), None
        self.progress = Progress.of(copy.deepcopy(state))
        self.model.load_state_dict(state["model"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimizer.load_state_dict(state["optimizer"])


def _named(prefix: str, terms: Tensor) -> Row:
    """Name the three terms of a loss."""
    total, mse, gradient = terms.tolist()
    return {f"{prefix}_total": total, f"{prefix}_mse": mse, f"{prefix}_gradient": gradient}
