"""A data set in batches, of which every process reads its part."""

from dataclasses import dataclass

import torch
from torch.utils.data import DataLoader

from ..dataset.batch import GraphBatchSampler, balanced_draws
from ..dataset.loader import make_loader
from ..dataset.seeding import SeededGraphs, seeded
from ..dataset.statistics import GraphSet, SetStatistics, measure
from ..errors import LossError
from ..model.gnn import XANES_E3GNN
from ..runtime.distributed import Team
from .config import TrainingConfig


@dataclass(frozen=True)
class Batches:
    """A data set in batches."""

    name: str
    """Name of the set in messages."""
    graphs: SeededGraphs
    statistics: SetStatistics
    sampler: GraphBatchSampler
    """Numbers of the graphs of the whole batches."""
    loader: DataLoader
    """This process's part of each batch; None where it has none."""

    def loss_error(self, what: str, epoch: int, numbers: list[int]) -> LossError:
        """Error that names the records of a batch, or its graphs by number if they name none."""
        graphs = [(number, self.graphs[epoch, number]) for number in numbers]
        ids = [graph.get("record_id") or [f"{self.name}[{number}]"] for number, graph in graphs]
        names = ", ".join(record_id for of_one in ids for record_id in of_one)
        return LossError(
            f"epoch {epoch + 1}, {what}, with {names}; correct or remove these, or lower `lr` or"
            " `clip_norm`"
        )


def make_batches(
    name: str,
    dataset: GraphSet,
    statistics: SetStatistics | None,
    model: XANES_E3GNN,
    config: TrainingConfig,
    team: Team,
) -> Batches:
    """Divide a data set into batches; without statistics it is read once for them.

    Only "train_dataset" is shuffled, balanced and displaced.

    Raises:
        ConfigError: see ``measure``.
    """
    trains = name == "train_dataset"
    if statistics is None:
        n_energies = len(torch.as_tensor(config.energy_grid))
        with seeded(config.seed):  # a data set may draw at random
            statistics = measure(dataset, name, n_energies, model.max_z, model.r_max)
    graphs = SeededGraphs(dataset, config.seed, config.displacement if trains else 0.0)
    seed = config.seed if trains else None
    draws = balanced_draws(statistics.kinds, config.balance) if trains else None
    limits = config.max_edges, config.batch_size
    sampler = GraphBatchSampler(statistics.num_edges, *limits, seed, draws)
    loader = make_loader(graphs, sampler, team, model.num_layers, config.workers)
    return Batches(name, graphs, statistics, sampler, loader)
