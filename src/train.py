"""``run_training``: a network, two data sets and a configuration to trained weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from .dataset.seeding import seeded
from .dataset.statistics import GraphSet, SetStatistics
from .model.gnn import XANES_E3GNN
from .runtime.distributed import processes
from .training.config import TrainingConfig
from .training.metrics_file import Row
from .training.trainer import Trainer


def run_training(
    model: XANES_E3GNN,
    train_dataset: GraphSet,
    val_dataset: GraphSet,
    config: TrainingConfig | Mapping[str, Any],
    measured: tuple[SetStatistics, SetStatistics] | None = None,
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
        measured: statistics of both data sets, where they are known; None: both are read once.

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
        with processes(config.device) as team, seeded(config.seed, team.device):
            trainer = Trainer(model, train_dataset, val_dataset, config, team, measured)
            if config.resume:
                trainer.load_state(cast(Path, config.checkpoint_path))
            return trainer.run()
    finally:
        model.to(device)
