"""Train on synthetic spectra and show that the network learns them, angles included.

Writes best_model.pt and verify_model.png; exits 1 when the network did not learn.
"""

import argparse
import logging
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data

from src import XANES_E3GNN, SpectrumLoss, run_training
from src.plot import plot_predictions
from src.runtime.logs import log_to_stderr
from src.verification.synthetic import angular_floor, make_sites, to_graphs
from src.xas.tabular import axis_labels

logger = logging.getLogger("src.verify_model")
ENERGY = np.arange(-10.0, 40.0, 0.5)
"""Energies of the spectra, eV relative to the edge."""
BOUND_MODEL = 0.25
"""The network must get below this fraction of the angular floor."""
BOUND_BLIND = 0.8
"""A network that is blind to angles can't get below this fraction of it."""


def make_network(blind: bool) -> XANES_E3GNN:
    """Small network; a blind one, without angles anywhere, only sees elements and distances."""
    sizes: dict[str, Any] = (
        {"num_layers": 1, "lmax": 0, "num_amplitudes": 0} if blind else {"num_layers": 2}
    )
    torch.manual_seed(0)
    return XANES_E3GNN(**sizes, num_basis=64, emax=40.0, channels=32, avg_num_neighbors=5.0)


def predict(model: XANES_E3GNN, graphs: list[Data]) -> Tensor:
    """Spectra of all graphs, shape (n_graphs, n_energies)."""
    grid = torch.as_tensor(ENERGY, dtype=torch.float32)
    with torch.inference_mode():
        return torch.cat([model.predict_spectra(graph, grid) for graph in graphs])


def train(
    model: XANES_E3GNN, train_set: list[Data], val_set: list[Data], epochs: int, save_path: Path
) -> tuple[float, float]:
    """Train a network; return its mean squared error on the validation set and edges per second."""
    config = {
        "lr": 4e-3, "batch_size": 32, "epochs": epochs, "save_path": save_path,
        "criterion": SpectrumLoss(lambda_grad=0.5),
        "energy_grid": torch.as_tensor(ENERGY, dtype=torch.float32),
    }  # fmt: skip
    started = time.perf_counter()
    run_training(model, train_set, val_set, config)
    seconds = time.perf_counter() - started
    edges = epochs * sum(graph.num_edges for graph in train_set)
    target = torch.cat([graph.y for graph in val_set])
    mse = float((predict(model, val_set) - target).square().mean())
    return mse, edges / seconds


def verify(epochs: int, folder: Path, n_train: int = 640, n_val: int = 160) -> bool:
    """Train the network and one that is blind to angles, and print how they compare.

    ``folder`` gets best_model.pt and verify_model.png. Returns whether the network learned angles
    and the blind one could not.
    """
    started = time.perf_counter()
    train_sites, val_sites = make_sites(n_train, seed=1), make_sites(n_val, seed=2)
    train_set, val_set = to_graphs(train_sites, ENERGY), to_graphs(val_sites, ENERGY)
    target = torch.cat([graph.y for graph in val_set])
    mean = torch.cat([graph.y for graph in train_set]).mean(dim=0)
    baseline = float((target - mean).square().mean())
    floor = angular_floor(val_sites, ENERGY)
    count = f"{n_train} training and {n_val} validation sites, {epochs} epochs"
    model = make_network(blind=False)
    logger.info("1 of 2: network, %s", count)
    mse, speed = train(model, train_set, val_set, epochs, folder / "best_model.pt")
    with tempfile.TemporaryDirectory() as scratch:
        blind = make_network(blind=True)
        logger.info("2 of 2: network blind to angles, %s", count)
        blind_mse, _ = train(blind, train_set, val_set, epochs, Path(scratch) / "blind.pt")

    verdicts = {True: "passed", False: "FAILED"}
    learned, honest = mse < BOUND_MODEL * floor, blind_mse > BOUND_BLIND * floor
    rows = [
        ("mean training spectrum", baseline, ""),
        ("best without angles (known)", floor, ""),
        ("network blind to angles", blind_mse, f"> {BOUND_BLIND * floor:.2e}: {verdicts[honest]}"),
        ("network", mse, f"< {BOUND_MODEL * floor:.2e}: {verdicts[learned]}"),
    ]
    plot_predictions(
        [f"site {number}" for number in range(n_val)],
        ENERGY,
        predict(model, val_set).numpy(),
        target.numpy(),
        folder / "verify_model.png",
        labels=axis_labels(None, relative=True),
    )
    print(count)
    for name, value, verdict in rows:
        print(f"mse, {name:<28} {value:.6f}  {verdict}")
    print(f"parameters {sum(p.numel() for p in model.parameters())}")
    print(f"graph edges per second in training {speed:.0f}")
    print(f"seconds {time.perf_counter() - started:.1f}")
    print(f"wrote {folder / 'best_model.pt'} and {folder / 'verify_model.png'}")
    return learned and honest


def main(argv: list[str] | None = None) -> int:
    """Parse the options, verify, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--epochs", type=int, default=40, help="passes over the training set")
    parser.add_argument("--output", type=Path, default=Path(), help="folder for the files")
    options = parser.parse_args(argv)
    if options.epochs < 1:
        parser.error(f"--epochs is {options.epochs} but must be at least 1")
    if not options.output.is_dir():
        parser.error(f"--output: {options.output} is not a folder")
    torch.set_num_threads(1)  # batches are small: a second thread costs more than it gives
    with log_to_stderr():  # a line per epoch
        return 0 if verify(options.epochs, options.output) else 1


if __name__ == "__main__":
    sys.exit(main())
