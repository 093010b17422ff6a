"""Of 190 damaged files none loads: flipped bytes, truncation, emptying, appended bytes."""

import sqlite3
from collections import Counter

import numpy as np
import pytest
import torch
from records import record

from src.checkpoints.model_info import ModelInfo
from src.checkpoints.torch_file import read_verified, write_verified
from src.checkpoints.trained_model import load_model, save_model
from src.dataset.database import Database, write_records
from src.errors import XanesError
from src.model.gnn import XANES_E3GNN

pytestmark = pytest.mark.reliability
WAYS = ("flipped byte", "truncated", "emptied", "appended")
FILES = {"model": 80, "checkpoint": 80, "database": 30}
IDS = [f"mp-{number}_000" for number in range(1, 4)]


def make(kind, path):
    """Write a whole file."""
    if kind == "model":
        model = XANES_E3GNN(num_layers=1, lmax=1, channels=8, num_basis=16)
        save_model(path, model, ModelInfo(element="Cu", edge="K"))
    elif kind == "checkpoint":
        write_verified(path, {"epoch": 3, "weights": torch.arange(5000.0), "name": "Cu"})
    else:
        write_records(path, [record(material=name[:-4]) for name in IDS])


def load(kind, path):
    """Read all of a file."""
    if kind == "model":
        return load_model(path)[1]
    if kind == "checkpoint":
        return {name: str(value) for name, value in read_verified(path).items()}
    database = Database(path)
    return database.contents(), [(r.digest, r.source) for r in database.records(database.ids)]


def outcome(kind, path, expected):
    """What becomes of a damaged file, and the message."""
    try:
        found = load(kind, path)
    except XanesError as error:
        return "refused", str(error)
    return "same content" if found == expected else "LOST", path.name


def damage(content, way, rng):
    """Another content."""
    place = int(rng.integers(1, len(content)))
    if way == "flipped byte":
        bits = int(rng.integers(1, 256))
        return content[:place] + bytes([content[place] ^ bits]) + content[place + 1 :]
    if way == "truncated":
        return content[:place]
    return b"" if way == "emptied" else content + rng.bytes(int(rng.integers(1, 200)))


@pytest.mark.parametrize("kind", list(FILES))
def test_no_damaged_file_loads_silently(tmp_path, kind):
    """SQLite and zip have bytes that mean nothing; with damage there the same content loads."""
    path, rng = tmp_path / f"{kind}.file", np.random.default_rng(7)
    make(kind, path)
    expected, whole = load(kind, path), path.read_bytes()
    counts = Counter()
    for number in range(FILES[kind]):
        # emptying is always the same damage, so it is done twice; flips are half of all
        way = "emptied" if number < 2 else WAYS[(0, 1, 0, 3)[number % 4]]
        path.write_bytes(damage(whole, way, rng))
        result, message = outcome(kind, path, expected)
        counts[result] += 1
        assert path.name in message, (way, message)
        assert "\n" not in message, (way, message)
    print(f"{kind}: {FILES[kind]} damaged, {dict(counts)}")
    assert counts["LOST"] == 0
    assert kind != "model" or counts["refused"] == FILES[kind]


def test_torch_alone_does_not_notice_a_flipped_byte(tmp_path):
    """Negative control: most flips in a plain torch file go unseen by torch."""
    torch.save({"weights": torch.arange(5000.0)}, tmp_path / "plain.pt")
    content = bytearray((tmp_path / "plain.pt").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "plain.pt").write_bytes(content)
    found = torch.load(tmp_path / "plain.pt", weights_only=True)["weights"]
    assert not torch.equal(found, torch.arange(5000.0))


def test_a_changed_spectrum_in_a_database_is_found(tmp_path):
    """SQLite reads a changed value happily; the record's own checksum does not."""
    path = tmp_path / "cu.db"
    write_records(path, [record()])
    with sqlite3.connect(path) as connection:
        ((data,),) = connection.execute("SELECT data FROM systems").fetchall()
        blob = bytearray(data)
        at = blob.index(np.array([0.1, 0.5, 1 / 3]).tobytes())
        blob[at] ^= 1
        connection.execute("UPDATE systems SET data = ?", (bytes(blob),))
    connection.close()
    with pytest.raises(XanesError, match=r"cu\.db: mp-1_000 is damaged"):
        list(Database(path).records(["mp-1_000"]))
