"""Small files of every format that is written, for tests/reliability/test_compat.py.

    python -m research.freeze NEW_FOLDER

Run once for every released version or new format; what is in tests/data/compat is never written
again. Everything is made from random weights and made-up spectra.
"""

import gzip
import json
import sqlite3
import sys
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms
from torch_geometric.data import Data

from research.written_fields import written_fields
from src.checkpoints.model_info import ModelInfo
from src.checkpoints.trained_model import save_model
from src.dataset.database import Database, write_records
from src.dataset.record import Record
from src.model.ensemble import XANESEnsemble
from src.model.gnn import XANES_E3GNN
from src.prediction.bulk import predict_database
from src.prediction.inference import raw_sites
from src.predictor import XANESPredictor
from src.runtime.distributed import Team
from src.runtime.provenance import package_version
from src.structures.graph import atoms_to_graph
from src.train import run_training
from src.training.config import TrainingConfig
from src.uncertainty.calibration import Calibration
from src.uncertainty.novelty import Novelty

ENERGY = np.linspace(-10.0, 30.0, 21)
REFERENCE = 8979.0
SMALL: dict[str, Any] = {
    "max_z": 30, "num_layers": 1, "lmax": 1, "channels": 4, "r_max": 4.0, "num_radial": 4,
    "num_basis": 8, "basis_scales": (0.5, 1.0), "emax": 30.0, "radial_rank": 2, "num_heads": 2,
    "avg_num_neighbors": 5.0,
}  # fmt: skip
"""Hyperparameters of version 0.1.0 already."""
STOP_AFTER = 5
"""Steps after which the training is left: in the second of its epochs of four."""


class Left(Exception):  # noqa: N818
    """The training is left."""


def structures() -> list[Atoms]:
    """Two crystals and three molecules without symmetry, copper, oxygen and iron."""
    random, found = np.random.default_rng(0), []
    corners = np.array([[0, 0, 0], [0.5, 0.5, 0.1], [0.45, 0.1, 0.55], [0.1, 0.6, 0.5]])
    cell = np.array([[4.1, 0.2, -0.3], [0.9, 3.8, 0.1], [-0.4, 0.7, 4.5]])
    for k in range(5):
        positions = (corners + random.uniform(-0.03, 0.03, (4, 3))) @ cell
        found.append(Atoms("CuOCuFe", positions, cell=cell if k < 2 else None, pbc=k < 2))
    return found


def small_model(seed: int, **more: Any) -> XANES_E3GNN:
    """A network with few weights, none of them zero."""
    torch.manual_seed(seed)
    model = XANES_E3GNN(**{**SMALL, **more})
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    model.coefficient_mean.copy_(torch.randn_like(model.coefficient_mean))
    return model.eval()


def model_info() -> ModelInfo:
    """Fields filled in, all but the calibration and ``pretrained_on``."""
    return ModelInfo(
        element="Cu", edge="K", target="absolute", unit="1e-3 a0^2", code="made up",
        started_from="nothing", reference_energy=REFERENCE,
        energy_grid=(REFERENCE + ENERGY).tolist(), mean_spectrum=np.zeros(len(ENERGY)).tolist(),
        extend_below=6.0, elements=[8, 26, 29], train_ids=["a_000"], val_ids=["b_000"],
        val_mse=0.0036, note="random weights", card={"licence": "MIT"},
    )  # fmt: skip


def freeze_models(folder: Path) -> dict[str, np.ndarray]:
    """Write a network and a calibrated ensemble; return what they predict, in float64."""
    one, info = small_model(0), model_info()
    save_model(folder / "model-2.safetensors", one, info)
    pair = XANESEnsemble([small_model(1), small_model(2, avg_num_neighbors=6.0)])
    graphs = [atoms_to_graph(atoms, [0, 2], SMALL["r_max"]) for atoms in structures()]
    features = raw_sites(pair, graphs[1:], np.zeros(1)).features
    info.calibration = Calibration(
        coverage=0.9, ids=["c_000"], energy=ENERGY, floor=0.1 + 1e-3 * ENERGY**2,
        quantile=1.0 + 0.02 * ENERGY, law=np.array([0.1, 0.5, 0.3]), smallest=np.array([0.01, 0.1]),
        novelty=replace(Novelty.fit(features), threshold=0.1),
    )  # fmt: skip
    save_model(folder / "ensemble-2.safetensors", pair, info)
    expected: dict[str, np.ndarray] = {}
    for name in ("model-2", "ensemble-2"):
        expected |= {f"{name} {k}": v for k, v in predict(folder / f"{name}.safetensors").items()}
    return expected


def predict(path: Path) -> dict[str, np.ndarray]:
    """Spectra of the structures' copper atoms, with bands where there are some, in float64."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        predictor = XANESPredictor(path)
        predictor.model.double()
        found = [predictor(atoms) for atoms in structures()[:3]]
    finally:
        torch.set_default_dtype(before)
    sites = [site for of_one in found for site in of_one]
    bands = [site.half_width for site in sites if site.half_width is not None]
    values = {"energy": sites[0].energy, "mu": np.stack([site.mu for site in sites])}
    if bands:
        values |= {"half_width": np.stack(bands), "novel": np.array([s.novel for s in sites])}
    return values


def training_set() -> list[Data]:
    """Graphs in float64 with Gaussians as spectra."""
    graphs = []
    for k, atoms in enumerate(structures()):
        graph = atoms_to_graph(atoms, [0, 2], SMALL["r_max"], dtype=torch.float64)
        center = np.array([[2.0 * k - 4.0], [3.0 - k]])
        graph.y = torch.tensor(np.exp(-((ENERGY - center) ** 2) / 30.0))
        graphs.append(graph)
    return graphs


def train(
    folder: Path, graphs: list[Data], stop_after: int | None = None, resume: bool = False
) -> dict[str, np.ndarray]:
    """Train for three epochs of four steps, in float64; the state is written at every step.

    Returns:
        All weights of the best epoch by name, and the validation errors of all epochs.

    Raises:
        Left: after ``stop_after`` steps.
    """

    def leave(epoch: int, batch: int) -> None:
        if (epoch, batch) == divmod(stop_after or -1, 4):
            raise Left

    torch.manual_seed(5)
    model = XANES_E3GNN(**SMALL).double()
    config = TrainingConfig(
        epochs=3, lr=3e-3, batch_size=1, ema_decay=0.9, checkpoint_minutes=0.0, device="cpu",
        energy_grid=torch.tensor(ENERGY), save_path=folder / "model.pt",
        checkpoint_path=folder / "last.ckpt", keep=1, resume=resume, on_batch=leave,
    )  # fmt: skip
    rows = run_training(model, graphs[:4], graphs[4:], config)
    found = {f"state-2 {key}": value.numpy() for key, value in model.state_dict().items()}
    return found | {"state-2 val_mse": np.array([row["val_mse"] for row in rows])}


def freeze_state(folder: Path) -> dict[str, np.ndarray]:
    """Leave a training within an epoch; return its graphs, and the weights where it continues."""
    graphs = training_set()
    expected = train(folder, graphs)
    with suppress(Left):
        train(folder, graphs, STOP_AFTER)
    (folder / "last.ckpt").rename(folder / "state-2.ckpt")
    (folder / "model.pt").unlink()
    arrays = {
        f"{k} {name}": value.numpy()
        for k, graph in enumerate(graphs)
        for name, value in graph
        if torch.is_tensor(value)
    }
    np.savez_compressed(folder / "training.npz", **arrays)  # type: ignore[arg-type]
    return expected


def records() -> list[Record]:
    """One of every kind: absolute, relative, and a mean over atoms."""
    atoms = structures()
    energy = REFERENCE + ENERGY
    common: dict[str, Any] = {"element": "Cu", "edge": "K", "version": "1.0", "source": "made up"}
    absolute: dict[str, Any] = {**common, "target": "absolute", "code": "FEFF", "site": 2}
    other: dict[str, Any] = {**common, "target": "as_given", "code": "made up", "site": 0}
    mu = np.exp(-(ENERGY**2) / 50.0)
    return [
        Record("a_002", "a", atoms[0], energy=energy, mu=mu, **absolute, fermi_level=-8.5),
        Record("b_000", "b", atoms[2], energy=ENERGY, mu=mu / 3, **other, axis="relative"),
        Record("c_mean", "c", atoms[1], energy=energy, mu=mu * 2, **other, mean_over=(0, 2)),
    ]


def freeze_databases(folder: Path) -> dict[str, np.ndarray]:
    """Write a database of records, and one of spectra of its structures; return its spectra."""
    write_records(folder / "records-2.db", records())
    database = Database(folder / "records-2.db")
    digest = np.array(database.digest)
    predictor = XANESPredictor(folder / "ensemble-2.safetensors")
    paths = folder / "records-2.db", folder / "spectra-1.db"
    predict_database(predictor.trained, *paths, Team())
    for path in paths:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA page_size = 1024")
            connection.execute("VACUUM")
    found = [predictor(record.atoms) for record in records()]
    return {
        "records-2 digest": digest,
        "spectra-1 mu": np.stack([site.mu for of_one in found for site in of_one]),
    }


def write_all(folder: Path) -> dict[str, dict[str, list[str]]]:
    """Write every file and what is expected of it; return the names of all that is in them."""
    expected = {**freeze_models(folder), **freeze_state(folder), **freeze_databases(folder)}
    expected["version"] = np.array(package_version("e3gnn-xanes"))
    np.savez_compressed(folder / "expected-2.npz", **expected)  # type: ignore[arg-type]
    names = written_fields(folder)
    (folder / "fields.json").write_text(json.dumps(names, indent=1) + "\n")
    state = folder / "state-2.ckpt"
    state.with_suffix(".ckpt.gz").write_bytes(gzip.compress(state.read_bytes(), mtime=0))
    state.unlink()
    return names


if __name__ == "__main__":
    new = Path(sys.argv[1])
    new.mkdir()
    write_all(new)
