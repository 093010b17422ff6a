"""Trainings that end at any moment go on bit for bit, with everything on that has a state."""

# ruff: noqa: NPY002 - data sets may use the global generator

import copy
import random
import subprocess

import numpy as np
import pytest
import torch
from command import NETWORK, SPLIT, start
from conftest import random_molecule
from hooks import Killed
from states import differing, without_seconds

from src import TrainingConfig, run_training
from src.checkpoints.torch_file import read_verified
from src.model.gnn import XANES_E3GNN

pytestmark = pytest.mark.reliability
ENERGY = torch.linspace(-10.0, 30.0, 41)
EPOCHS = 12


class Drawing(list):
    """Graphs whose targets are scaled at random, drawn with every global generator."""

    def __getitem__(self, number):
        graph = copy.copy(super().__getitem__(number))
        draws = random.random(), np.random.random(), torch.rand(()).item()
        graph.y = graph.y * (0.9 + 0.1 * sum(draws))
        return graph


def graphs(n_graphs, first_seed=0):
    """Molecules with spectra that are hard to learn."""
    made = []
    for seed in range(first_seed, first_seed + n_graphs):
        graph = random_molecule(seed, n_atoms=5)
        generator = torch.Generator().manual_seed(seed)
        graph.y = torch.rand(2, len(ENERGY), generator=generator)
        graph.pos, graph.edge_shift = graph.pos.float(), None
        made.append(graph)
    return made


def network():
    """A small network with dropout."""
    torch.manual_seed(0)
    return XANES_E3GNN(num_layers=1, lmax=1, channels=8, num_basis=16, dropout=0.3)


def train(folder, name, **changes):
    """Train with everything on that draws at random or counts; give the state.

    Loader processes, displacements, a data set that draws, averaged weights, early stopping and a
    budget of time.
    """
    config = TrainingConfig(
        energy_grid=ENERGY, save_path=folder / f"{name}.pt", epochs=EPOCHS, lr=0.1,
        checkpoint_path=folder / f"{name}.ckpt", metrics_path=folder / f"{name}.csv",
        max_edges=100, ema_decay=0.9, patience=2, checkpoint_minutes=0.0, workers=2,
        displacement=0.02, max_hours=1.0, **changes,
    )  # fmt: skip
    random.seed(), np.random.seed(), torch.seed()  # as in a new process
    run_training(network(), Drawing(graphs(20)), Drawing(graphs(6, 1000)), config)
    return read_verified(folder / f"{name}.ckpt")


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_killed_again_and_again_with_everything_on(tmp_path):
    """Weights, averages, moments, metrics, patience, best: everything that a state holds."""
    whole = train(tmp_path, "whole")
    assert whole["epoch"] < EPOCHS  # it stopped early, as the other one must
    rng, kills = np.random.default_rng(3), 0
    countdown = [0]

    def die_or_continue(*_):
        if countdown[0] == 0:
            raise Killed
        countdown[0] -= 1

    while True:
        countdown[0] = int(rng.integers(1, 7))
        resume = (tmp_path / "cut.ckpt").exists()
        try:
            cut = train(tmp_path, "cut", resume=resume, on_batch=die_or_continue)
            break
        except Killed:
            kills += 1
    print(f"{kills} kills")
    assert kills >= 4
    assert differing(without_seconds(whole), without_seconds(cut)) == []
    other = train(tmp_path, "other", seed=1)  # negative control
    assert differing(whole["model"], other["model"])


@pytest.mark.slow
def test_out_of_memory_is_one_line_and_the_training_goes_on(database, tmp_path):
    """A real allocation that fails, in the middle of an epoch."""
    small = [
        *SPLIT, *NETWORK, "--model.dropout=0.2", "--training.epochs=4", "--training.max_edges=1500",
        "--training.device=cpu", "--training.checkpoint_minutes=0",
    ]  # fmt: skip

    def train(out, *more, fault=None):
        """Exit code and messages of a training in a process of its own."""
        words = ["train", database, *small, "-o", tmp_path / out, *more]
        how = {"environment": {"AT": "2 1"}, "stderr": subprocess.PIPE}
        process = start(*words, fault=fault, **how)
        message = process.communicate()[1]
        return process.returncode, message

    assert train("whole")[0] == 0
    code, message = train("cut", fault="memory 0")
    assert code == 1
    errors = [line for line in message.splitlines() if "error" in line]
    assert len(errors) == 1, message
    assert "out of memory" in errors[0]
    assert "max_edges" in errors[0]
    left = read_verified(tmp_path / "cut" / "last.ckpt")
    assert (left["epoch"], left["batch"]) == (2, 1)
    assert train("cut", "--resume")[0] == 0
    states = [read_verified(tmp_path / name / "last.ckpt") for name in ("whole", "cut")]
    assert differing(*map(without_seconds, states)) == []
