"""Settings of a training, with their defaults and checks; importing this is cheap."""

import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..dataset.location import Location, as_location
from ..errors import (
    ConfigError,
    check_at_least,
    check_fraction,
    check_kinds,
    check_not_negative,
    check_positive,
)

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ..checkpoints.model_info import ModelInfo


@dataclass
class EnergyConfig:
    """Energies on which spectra are scored and trained, absolute where the records' are."""

    start: float | None = None
    """First energy, eV. None: the benchmark's for a known edge, else the lowest calculated one, but
    at most 10 eV below the tabulated edge where the code counts from it, as FDMNES does."""
    stop: float | None = None
    """Last energy of the score, eV. None: the benchmark's for a known edge; else the records'
    last one if all share one even grid, otherwise start + 35, or 40 eV above the tabulated edge."""
    step: float | None = None
    """Energy step, eV. None: that of the records if all share one even grid and `start` is not
    given, else 0.25."""
    train_stop: float | None = None
    """Last energy of the loss, eV. None: the end of the model's range, start - emin + emax."""
    extend_below: float = 6.0
    """A spectrum that starts at most this far above an energy counts as flat down to it, eV."""

    def __post_init__(self) -> None:
        """Raise ConfigError for a value out of its range."""
        for name in ("start", "stop", "train_stop"):
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                raise ConfigError(f"`{name}` is {value} but must be finite")
        if self.step is not None:
            check_positive("step", self.step)
        check_not_negative("extend_below", self.extend_below)
        if self.start is not None and self.stop is not None and not self.start < self.stop:
            raise ConfigError(f"`start` is {self.start} and must be below `stop`, {self.stop}")
        if (self.start is None) != (self.stop is None):
            raise ConfigError("give both `start` and `stop`, or neither")


@dataclass
class TrainingOptions:
    """How to train."""

    lambda_grad: float = 0.5
    """Weight of the loss's derivative term, eV^2; unused if a ``criterion`` is given."""
    epochs: int = 30
    """Passes over the training set."""
    lr: float = 2e-3
    """Highest learning rate."""
    batch_size: int | None = None
    """Maximum graphs per batch."""
    max_edges: int | None = None
    """Maximum graph edges per batch."""
    weight_decay: float = 0.01
    """AdamW's decoupled weight decay."""
    warmup: float = 0.02
    """Fraction of the training in which the learning rate rises linearly to ``lr``."""
    ema_decay: float = 0.998
    """Decay per step of the averaged weights, which are validated and saved."""
    clip_norm: float = 10.0
    """Largest norm of the gradient; a larger gradient is scaled down to it."""
    balance: float = 0.0
    """How far absorbers and edges with few spectra are drawn more often: one with n, where the most
    frequent has N, (N / n)^balance times an epoch. 0: every spectrum once."""
    displacement: float = 0.0
    """Standard deviation of random displacements of every coordinate in training, Angstrom, new in
    every epoch. 0: none."""
    patience: int | None = None
    """Stop after this many epochs without a better validation loss; None: never."""
    max_hours: float | None = None
    """Stop after the epoch in which this time is used up, hours, time before interruptions
    included; the learning rate follows the schedule of all ``epochs``. None: no limit."""
    seed: int = 0
    """Seed of weights, of the order of batches, of dropout and of displacements."""
    device: str = "auto"
    """Where to compute: cpu, cuda, cuda:1; auto is cuda where there is one, else cpu."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """bfloat16: mixed precision in training; spectra, loss and validation stay in float32."""
    workers: int = 0
    """Processes that read and collate batches ahead of the training; 0: none."""
    checkpoint_minutes: float = 10.0
    """Minutes between states written within an epoch; one is written after every epoch, too."""
    keep: int = 2
    """Versions of the state to keep: last.ckpt and those before it, last.ckpt.1 and so on."""

    def __post_init__(self) -> None:
        """Raise ConfigError for a value of the wrong type or out of range."""
        check_kinds(vars(self), {entry.name: entry.type for entry in fields(self)})
        for name in ("epochs", "batch_size", "max_edges", "patience", "keep"):
            if getattr(self, name) is not None:
                check_at_least(name, getattr(self, name), 1)
        for name in ("workers", "checkpoint_minutes"):
            check_at_least(name, getattr(self, name), 0)
        for name in ("lr", "max_hours"):
            if getattr(self, name) is not None:
                check_positive(name, getattr(self, name))
        if not self.clip_norm > 0:  # infinite: no clipping
            raise ConfigError(f"`clip_norm` is {self.clip_norm} but must be positive")
        for name in ("warmup", "ema_decay", "displacement", "balance"):
            check_fraction(name, getattr(self, name))
        for name in ("weight_decay", "lambda_grad"):
            check_not_negative(name, getattr(self, name))
        if self.precision not in ("float32", "bfloat16"):
            raise ConfigError(f"`precision` is {self.precision!r}, expected float32 or bfloat16")
        if not -(2**63) <= self.seed < 2**63:
            raise ConfigError(f"`seed` is {self.seed} but must be a number of 64 bits")


@dataclass
class TrainingConfig(TrainingOptions):
    """What ``run_training`` needs: options, the energies, and where results go.

    At least one of ``batch_size`` and ``max_edges`` must be given.
    """

    energy_grid: "Tensor | None" = None
    """Energies of ``y`` relative to the model's reference energy, eV, shape (n_energies,)."""
    save_path: str | Path = "xanes_model.pt"
    """Model file with the best weights."""
    criterion: "nn.Module | None" = None
    """Called as criterion(prediction, target, energy_grid, mask=...). None: ``SpectrumLoss``."""
    score_window: tuple[float, float] | None = None
    """First and last energy of the validation score, eV relative; None: the whole grid."""
    checkpoint_path: Path | None = None
    """State to resume from; None: not written."""
    metrics_path: Path | None = None
    """CSV file of the metrics, one row per epoch; None: not written."""
    resume: bool = False
    """Continue from ``checkpoint_path``."""
    started_from: str | None = None
    """Model whose weights the training starts from; it must be the same on resume."""
    info: "ModelInfo | None" = None
    """What the model is trained for; kept in the model file. None: unknown."""
    on_batch: Callable[[int, int], object] = lambda epoch, batch: None  # noqa: E731
    """Called as on_batch(epoch, batch) before every batch, both from 0, by every process; batches
    of the validation are counted after those of the training. What it raises ends the training."""

    def __post_init__(self) -> None:
        """Raise ConfigError for a value that is missing or out of its range."""
        super().__post_init__()
        if self.energy_grid is None:
            raise ConfigError("`energy_grid` is missing: energies of `y`, eV, shape (n_energies,)")
        if self.batch_size is None and self.max_edges is None:
            raise ConfigError("give `batch_size` (graphs per batch), `max_edges`, or both")
        if self.resume and self.checkpoint_path is None:
            raise ConfigError("`resume` needs `checkpoint_path`, the state to continue from")
        for name in ("save_path", "checkpoint_path", "metrics_path"):
            path = getattr(self, name)
            if path is None and name != "save_path":
                continue
            if not isinstance(path, str | Path) or not str(path):
                raise ConfigError(f"`{name}` is {path!r} but must be the path of a file")
            setattr(self, name, Path(path))
        import torch  # imported already by anyone who has energies

        grid = torch.as_tensor(self.energy_grid)
        rises = grid.ndim == 1 and len(grid) > 1 and bool((grid.diff() > 0).all())
        if not rises or not bool(torch.isfinite(grid).all()):
            raise ConfigError(
                f"`energy_grid` has shape {tuple(grid.shape)} but must be two or more finite,"
                " strictly increasing energies, eV"
            )
        if self.score_window is None:
            return
        if len(self.score_window) != 2:
            raise ConfigError(f"`score_window` is {self.score_window}, expected (first, last), eV")
        low, high = self.score_window
        if not bool(((grid >= low) & (grid <= high)).any()):
            raise ConfigError(
                f"`score_window` is {low} to {high} eV but `energy_grid` is from {float(grid[0])}"
                f" to {float(grid[-1])} eV"
            )

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> "TrainingConfig":
        """Make a configuration from a dictionary of fields by name.

        Raises:
            ConfigError: a key is unknown (the nearest is named) or a value is out of range.
        """
        known = [entry.name for entry in fields(cls)]
        for key in values:
            if key not in known:
                near = difflib.get_close_matches(str(key), known, n=1, cutoff=0.0)
                raise ConfigError(f"unknown key {key!r} in the configuration; nearest: {near[0]!r}")
        return cls(**values)


MAX_EDGES = 6000
"""Default of the command line: maximum graph edges per batch."""


@dataclass
class TrainJob:
    """Train a model on a database."""

    database: Location = field(metadata={"positional": True})
    """ASE database made by `e3gnn-xanes dataset`: a file, or postgresql://user@host:port/name."""
    output: Path
    """Folder for model.pt, last.ckpt, metrics.csv, config.yaml, training.png and log.txt."""
    train: Path | None = None
    """File of training ids, one `<material>_<site>` per line. None: split by hash of material."""
    val: Path | None = None
    """File of validation ids. None: split by hash of the material."""
    val_fraction: float = 0.1
    """Fraction of the materials used for validation if the split is by hash."""
    split_seed: int = 0
    """Seed of the split by hash."""
    resume: bool = False
    """Continue from last.ckpt in the output folder."""
    members: int = 1
    """Networks to train one after the other, with seeds `training.seed`, + 1, and so on, and to
    join in one model."""
    init_from: Path | None = None
    """Model file or training folder to start from, for another edge, element or code. None: from
    random weights."""
    freeze: list[str] | None = None
    """Parts of the network that keep the weights of ``init_from``: embedding, layers.0, .."""
    energy: EnergyConfig = field(default_factory=EnergyConfig)
    """Energies."""
    training: TrainingOptions = field(default_factory=lambda: TrainingOptions(max_edges=MAX_EDGES))
    """Optimization."""
    model: dict[str, Any] = field(default_factory=dict)
    """Constructor arguments of XANES_E3GNN; avg_num_neighbors is measured on the training set."""

    def __post_init__(self) -> None:
        """Raise ConfigError for settings that contradict each other or are out of range."""
        self.database = as_location(self.database)
        if (self.train is None) != (self.val is None):
            raise ConfigError("give both `train` and `val`, or neither for a split by hash")
        if self.freeze is not None and self.init_from is None:
            raise ConfigError("`freeze` needs `init_from`, the model whose weights are kept")
        if not 0.0 < self.val_fraction < 1.0:
            raise ConfigError(f"`val_fraction` is {self.val_fraction} but must be in (0, 1)")
        check_at_least("members", self.members, 1)
