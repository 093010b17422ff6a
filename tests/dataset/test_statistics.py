"""Statistics of a set: right, and from one pass before the first batch."""

import functools
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from command import run
from conftest import random_molecule
from paths import CALCULATIONS

from src import workflow
from src.dataset.database import Database, write_records
from src.dataset.dataset import XANESDataset
from src.dataset.record import Record
from src.dataset.seeding import SeededGraphs
from src.dataset.statistics import measure
from src.readers.feff import read_feff


def test_mean_and_deviation_count_calculated_energies_only():
    graph = random_molecule()
    graph.y = torch.tensor([[1.0, 2.0, 9.0], [3.0, 9.0, 9.0]])
    graph.y_mask = torch.tensor([[True, True, False], [True, False, False]])
    found = measure([graph], "graphs", 3, 100, 5.0)
    assert found.mean.tolist() == [2.0, 2.0, 2.0]  # the last is continued from its neighbor
    assert found.scale == pytest.approx((2.0 / 3.0) ** 0.5)
    assert (found.num_edges, found.n_spectra) == ([graph.num_edges], [2])
    assert found.elements == sorted(set(graph.z.tolist()))
    assert found.avg_num_neighbors == max(graph.num_edges / len(graph.z), 1.0)


class FirstBatchError(Exception):
    """The first graph of the first batch is wanted."""


def reads_before_the_first_batch(path, output, monkeypatch):
    """How often `train` reads each record before its first batch, where no graph is kept."""
    reads = Counter()
    read = Database.records

    def counted(self, ids):
        ids = list(ids)
        reads.update(ids)
        return read(self, ids)

    def stop(*_):
        raise FirstBatchError

    monkeypatch.setattr(Database, "records", counted)
    monkeypatch.setattr(SeededGraphs, "__getitem__", stop)
    keeps_none = functools.partial(XANESDataset, memory_bytes=0)
    monkeypatch.setattr(workflow, "XANESDataset", keeps_none)
    run("train", path, "-o", output, "--model.num_layers=1", "--model.channels=8")
    return reads


@pytest.fixture(scope="module", params=["own energies", "even energies"])
def database(tmp_path_factory, request):
    """The slice of the benchmark; even energies, which all records share, become the grid."""
    path = tmp_path_factory.mktemp("db") / "cu.db"
    records = read_feff(CALCULATIONS)
    if request.param == "even energies":
        even = 0.5 * np.arange(81)
        records = [
            replace(one, energy=even, mu=np.resize(one.mu, 81), axis="relative")
            for one in records
            if isinstance(one, Record)
        ]
    write_records(path, records)
    return path


def test_training_reads_each_record_once_before_the_first_batch(database, tmp_path, monkeypatch):
    reads = reads_before_the_first_batch(database, tmp_path / "out", monkeypatch)
    assert reads == dict.fromkeys(Database(database).ids, 1)


def test_negative_control_a_second_pass_is_counted(database, tmp_path, monkeypatch):
    train_network = workflow.train_network

    def with_another_pass(job, data, **options):
        list(data.train_set)
        return train_network(job, data, **options)

    monkeypatch.setattr(workflow, "train_network", with_another_pass)
    reads = reads_before_the_first_batch(database, tmp_path / "out", monkeypatch)
    assert max(reads.values()) == 2
