"""A network that learns a teacher's view of atoms before it sees a spectrum.

python -m research.distill labels.npz -o pretrained.pt [--epochs 4]
e3gnn-xanes train cu.db .. --init_from pretrained.pt

From its invariants of every atom the network has to give the teacher's features, magnetic moment
and site energy (`research/teacher.py`): knowledge of chemistry from far more materials than have
spectra. The teacher is not needed afterwards. Knowledge distillation through features: Romero et
al., arXiv:1412.6550.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from src import XANES_E3GNN
from src.checkpoints.model_info import ModelInfo
from src.checkpoints.trained_model import save_model
from src.dataset.batch import GraphBatchSampler, collate_graphs
from src.structures.graph import atoms_to_graph
from src.training.schedule import learning_rate_factor

from .teacher import N_TARGETS, TEACHER, Labeled, read_labels

MAX_EDGES = 6000
"""Edges a batch."""
LEARNING_RATE = 2e-3
R_MAX = 5.0
"""Cutoff of the network, Angstrom."""


@dataclass(frozen=True)
class Report:
    """An epoch: training loss, and R2 on structures held back, over the targets of an atom."""

    loss: float
    r2: list[float]


def label_graphs(labeled: Sequence[Labeled], r_max: float) -> list[Data]:
    """Graphs with all atoms marked and their standardised targets as ``y``, (n_atoms, 66)."""
    every = torch.cat([torch.as_tensor(item.targets) for item in labeled])
    mean, scale = every.mean(0), every.std(0).clamp_min(1e-6)
    graphs = []
    for item in labeled:
        graph = atoms_to_graph(item.atoms, range(len(item.atoms)), r_max)
        graph.y = ((torch.as_tensor(item.targets) - mean) / scale).to(graph.pos.dtype)
        graph.y_mask = torch.ones_like(graph.y, dtype=torch.bool)
        graphs.append(graph)
    return graphs


class Student(nn.Module):
    """The network and a head for the teacher's targets."""

    def __init__(self, network: XANES_E3GNN) -> None:
        """Add a head to a network, which is not copied."""
        super().__init__()
        self.network = network
        size = (network.lmax + 2) * network.hyperparameters["channels"]
        self.head = nn.Sequential(
            nn.LayerNorm(size), nn.Linear(size, 256), nn.SiLU(), nn.Linear(256, N_TARGETS)
        )

    def forward(self, data: Data) -> Tensor:
        """Targets of every marked atom, shape (n_atoms, 66)."""
        parts = [self.network.site_invariants(sites) for sites in self.network.sites(data)]
        return self.head(torch.cat(parts))


def pretrain(student: Student, graphs: Sequence[Data], epochs: int, seed: int = 0) -> list[Report]:
    """Train on labels; every twentieth graph is held back.

    Args:
        student: trained in place.
        graphs: see ``label_graphs``.
        epochs: passes over the graphs.
        seed: of the order.

    Returns:
        One report an epoch.
    """
    held, kept = list(graphs[::20]), [g for k, g in enumerate(graphs) if k % 20]
    sampler = GraphBatchSampler([g.num_edges for g in kept], MAX_EDGES, None, seed)
    optimizer = torch.optim.AdamW(student.parameters(), LEARNING_RATE, weight_decay=0.01)
    reports: list[Report] = []
    for epoch in range(epochs):
        sampler.set_epoch(epoch)
        student.train()
        losses, n_batches = [], sampler.count()
        for number, batch in enumerate(sampler):
            factor = learning_rate_factor((epoch + (number + 1) / n_batches) / epochs, 0.05)
            optimizer.param_groups[0]["lr"] = LEARNING_RATE * factor
            data = collate_graphs([kept[k] for k in batch], student.network.num_layers)
            loss = nn.functional.huber_loss(student(data), data.y)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(student.parameters(), 10.0)
            optimizer.step()
            losses.append(loss.item())
        reports.append(Report(sum(losses) / len(losses), r2_of(student, held)))
    return reports


@torch.no_grad()
def r2_of(student: Student, graphs: Sequence[Data]) -> list[float]:
    """Coefficient of determination of every target."""
    student.eval()
    found = torch.cat([student(collate_graphs([graph])) for graph in graphs])
    wanted = torch.cat([graph.y for graph in graphs])
    return (1.0 - (found - wanted).square().mean(0) / wanted.var(0, correction=0)).tolist()


def main() -> None:
    """Read labels, train, write a model file without a spectrum."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("labels", type=Path, nargs="+")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    started = time.perf_counter()
    torch.manual_seed(options.seed)
    labeled = [item for path in options.labels for item in read_labels(path)]
    graphs = label_graphs(labeled, R_MAX)
    n_edges, n_atoms = (sum(getattr(g, n) for g in graphs) for n in ("num_edges", "num_nodes"))
    network = XANES_E3GNN(r_max=R_MAX, avg_num_neighbors=n_edges / n_atoms)
    reports = pretrain(Student(network), graphs, options.epochs, options.seed)
    last = reports[-1].r2
    print(
        f"{len(graphs)} structures, {options.epochs} epochs, loss {reports[-1].loss:.4f}; R2 of"
        f" features {sum(last[:64]) / 64:.3f}, moment {last[64]:.3f}, energy {last[65]:.3f};"
        f" {time.perf_counter() - started:.0f} s"
    )
    kind = f"{len(graphs)} structures labeled by {TEACHER}"
    save_model(options.output, network, ModelInfo(pretrained_on=kind))


if __name__ == "__main__":
    main()
