"""Files damaged at random: none is taken for what it was."""

import shutil
import sqlite3
from collections import Counter

import numpy as np
import pytest
import torch
from paths import CALCULATIONS

from src.checkpoint import ModelInfo, load_model, save_model
from src.data.cache import GraphCache
from src.data.database import Database, write_records
from src.data.readers.feff import read_feff
from src.errors import XanesError
from src.files.registry import model_path
from src.files.torch_file import read_verified
from src.loss import SpectrumLoss
from src.model.gnn import XANES_E3GNN
from src.synthetic import make_sites, to_graphs
from src.train import run_training

pytestmark = pytest.mark.reliability
GRID = torch.arange(-10.0, 40.0, 2.0)


def small_model(path):
    """A network's file."""
    torch.manual_seed(0)
    network = XANES_E3GNN(num_layers=1, lmax=1, channels=4, num_basis=16)
    save_model(path, network, ModelInfo(element="Cu", edge="K"))


def ensemble(path):
    """The calibrated ensemble that ships."""
    shutil.copy(model_path("cu-k-feff"), path)


def state(path):
    """A training's state."""
    graphs = to_graphs(make_sites(4, seed=0), GRID.numpy())
    network = XANES_E3GNN(num_layers=1, lmax=1, channels=4, num_basis=16)
    config = {
        "lr": 1e-3, "batch_size": 2, "epochs": 1, "criterion": SpectrumLoss(),
        "energy_grid": GRID, "save_path": str(path.with_name("model.pt")),
        "checkpoint_path": str(path),
    }  # fmt: skip
    run_training(network, graphs, graphs, config)


def database(path):
    """Records of twelve materials."""
    write_records(path, read_feff(CALCULATIONS, "Cu", "K"))


def read_all(path):
    """All records of a database."""
    found = Database(path)
    try:
        return [record.digest for record in found.records(found.ids)]
    finally:
        found.close()


def graphs(path):
    """Tensors kept beside a database."""
    cache = GraphCache(path)
    for k in range(20):
        cache.put(str(k), {"x": torch.arange(200.0) + k})


def read_graphs(path):
    """All entries."""
    cache = GraphCache(path)
    return [float(found["x"].sum()) for k in range(20) if (found := cache.get(str(k)))]


KINDS = {
    "model file": (small_model, load_model, 60),
    "calibrated ensemble": (ensemble, load_model, 20),
    "state of a training": (state, read_verified, 60),
    "database": (database, read_all, 50),
    "kept graphs": (graphs, read_graphs, 30),
}
"""What writes a file, what reads it, and how many damages are done to it."""


def flipped(rng, data):
    """One bit of one byte."""
    at = int(rng.integers(len(data)))
    return data[:at] + bytes([data[at] ^ (1 << int(rng.integers(8)))]) + data[at + 1 :]


def cut(rng, data):
    """A part from the start, or nothing."""
    return data[: int(rng.integers(len(data))) if rng.random() < 0.8 else 0]


def refusal(read, path):
    """What a file holds, or the message with which it is refused."""
    try:
        return read(path)
    except XanesError as error:
        return str(error)


@pytest.mark.parametrize("kind", KINDS)
def test_no_damaged_file_is_taken_for_whole(kind, tmp_path, capsys):
    write, read, count = KINDS[kind]
    path = tmp_path / "file"
    write(path)
    whole, outcomes = path.read_bytes(), Counter()
    before = read(path)  # negative control: whole files are read
    is_sqlite = isinstance(before, list)  # its free pages hold nothing
    rng = np.random.default_rng(0)
    for k in range(count):
        path.write_bytes((flipped if k % 2 else cut)(rng, whole))
        after = refusal(read, path)
        if isinstance(after, str):
            assert str(path) in after
            outcomes["refused"] += 1
            continue
        # entries of a cache that are gone are worked out anew
        same = is_sqlite and (
            set(after) <= set(before) if kind == "kept graphs" else after == before
        )
        outcomes["the same" if same else "wrong"] += 1
    with capsys.disabled():
        print(f"\n{kind}: {count} damaged, {dict(outcomes)}")
    assert outcomes["wrong"] == 0
    assert outcomes["refused"] > 0.4 * count


def test_a_value_changed_in_a_database_is_found(tmp_path):
    """Changed by SQL, so that SQLite itself has nothing to complain about."""
    path = tmp_path / "cu.db"
    database(path)
    with sqlite3.connect(path) as connection:
        ((row, positions),) = connection.execute("SELECT id, positions FROM systems LIMIT 1")
        moved = np.frombuffer(positions).copy()
        moved[0] += 1e-9
        connection.execute("UPDATE systems SET positions = ? WHERE id = ?", (moved.tobytes(), row))
    connection.close()
    with pytest.raises(XanesError, match=r"cu\.db: .* is damaged"):
        read_all(path)
