"""Graphs kept on disk: the same as made anew, for several processes, and never stale or damaged."""

import multiprocessing
import pickle
import sqlite3
from contextlib import closing

import numpy as np
import pytest
import torch
from paths import CALCULATIONS

from src.dataset.cache import GraphCache, cache_beside, cache_key
from src.dataset.database import Database, write_records
from src.dataset.dataset import XANESDataset
from src.dataset.location import DatabaseURL
from src.errors import DatabaseError
from src.readers.feff import read_feff

GRID = 8983.173 + 0.25 * np.arange(141)
PLAIN = {"r_max": 4.0, "grid": GRID, "extend_below": 6.0, "max_z": 100}


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """The slice of the benchmark as a database."""
    path = tmp_path_factory.mktemp("db") / "cu.db"
    write_records(path, read_feff(CALCULATIONS))
    return Database(path)


@pytest.fixture
def cache(tmp_path):
    """An empty cache."""
    return GraphCache(tmp_path / "cu.db.graphs")


def make(database, cache, **changes):
    """A data set on all records."""
    return XANESDataset(database, database.ids, **{**PLAIN, **changes}, cache=cache)


def equal(first, second):
    """Whether two graphs have the same fields, types and values."""
    assert set(first.keys()) == set(second.keys())
    for name, value in first:
        other = second[name]
        if torch.is_tensor(value):
            if value.dtype != other.dtype or not torch.equal(value, other):
                return False
        elif value != other:
            return False
    return True


def entries(cache):
    """Number of graphs in a cache."""
    with closing(sqlite3.connect(cache.path)) as connection:
        return connection.execute("select count(*) from graphs").fetchone()[0]


def test_kept_graphs_are_the_ones_made_anew_and_no_calculation_is_read(
    database, cache, monkeypatch
):
    plain = list(make(database, None))
    assert all(equal(a, b) for a, b in zip(plain, make(database, cache), strict=True))
    assert entries(cache) == len(plain)
    monkeypatch.setattr(XANESDataset, "_build", None)
    assert all(equal(a, b) for a, b in zip(plain, make(database, cache), strict=True))


@pytest.mark.parametrize(
    "change", [{"r_max": 4.1}, {"grid": GRID + 0.5}, {"extend_below": 0.0}, {"max_z": 99}]
)
def test_negative_control_another_setting_is_another_entry(database, cache, change):
    before = list(make(database, cache))
    after = list(make(database, cache, **change))
    assert entries(cache) == 2 * len(before)
    assert all(equal(a, b) for a, b in zip(after, make(database, None, **change), strict=True))
    if "max_z" not in change:
        assert not all(equal(a, b) for a, b in zip(before, after, strict=True))


def test_other_digest_type_or_ids_give_another_key():
    keys = [cache_key(*parts) for parts in [(5.0, "a"), (5.0, "b"), ("5.0", "a"), (5.0, "a", "")]]
    assert len(set(keys)) == 4


def test_memory_is_bounded_and_the_rest_is_read_again(database, cache):
    first = make(database, None)[0]
    size = sum(value.nbytes for _, value in first if torch.is_tensor(value))
    data = XANESDataset(database, database.ids, **PLAIN, cache=cache, memory_bytes=2 * size)
    plain = list(make(database, None))
    for _ in range(2):
        assert all(equal(a, b) for a, b in zip(plain, data, strict=True))
    kept = sum(v.nbytes for g in data.graphs.values() for _, v in g if torch.is_tensor(v))
    assert 0 < kept <= 2 * size
    assert len(data.graphs) < len(plain)


def test_one_changed_byte_is_found(database, cache):
    list(make(database, cache))
    with closing(sqlite3.connect(cache.path)) as connection, connection:
        key, content = connection.execute("select key, content from graphs").fetchone()
        broken = bytearray(content)
        broken[-1] ^= 1
        connection.execute("update graphs set content = ? where key = ?", (bytes(broken), key))
    with pytest.raises(DatabaseError, match="damaged; delete"):
        list(make(database, cache))


def test_a_file_that_is_no_cache_is_named(database, tmp_path):
    path = tmp_path / "cu.db.graphs"
    path.write_bytes(b"not a database, but long enough to be looked at" * 30)
    with pytest.raises(DatabaseError, match=r"cu\.db\.graphs.*delete it"):
        make(database, GraphCache(path))[0]


def fill(cache, number):
    """Write the same 40 keys as another process, in another order."""
    for k in range(40):
        place = k if number == 0 else 39 - k
        cache.put(f"key {place}", {"x": torch.full((300,), float(place))})


def test_two_processes_write_the_same_entries_at_once(cache):
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=fill, args=(cache, number)) for number in (0, 1)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    assert entries(cache) == 40
    assert all(bool((cache.get(f"key {k}")["x"] == k).all()) for k in range(40))


def test_goes_to_another_process_without_its_connection(cache):
    cache.put("key", {"x": torch.ones(2)})
    copy = pickle.loads(pickle.dumps(cache))
    assert copy._connection is None
    assert copy.get("key")["x"].tolist() == [1.0, 1.0]


def test_no_place_for_a_cache_is_said(tmp_path, caplog, monkeypatch):
    assert cache_beside(tmp_path / "cu.db").path == tmp_path / "cu.db.graphs"
    assert cache_beside(DatabaseURL("postgresql://host/name")) is None
    monkeypatch.setattr("os.access", lambda *_: False)
    assert cache_beside(tmp_path / "cu.db") is None
    assert "can't be written" in caplog.text
