"""Frozen files of every format are read, and predict, as they did; formats do not change unnoticed.

The references are numbers that were written down when the files were (tests/data/compat).
"""

import gzip
import json
import shutil
from copy import deepcopy
from dataclasses import MISSING, fields

import numpy as np
import pytest
import torch
from paths import DATA
from records import assert_same
from torch_geometric.data import Data

from research.freeze import predict, records, train, write_all
from research.written_fields import written_fields
from src.checkpoints.model_info import ModelInfo
from src.checkpoints.torch_file import read_verified
from src.checkpoints.trained_model import load_model, save_model
from src.dataset.database import Database
from src.errors import CheckpointError
from src.prediction.spectra_db import read_spectra

pytestmark = pytest.mark.reliability

COMPAT = DATA / "compat"
EXPECTED = np.load(COMPAT / "expected-2.npz")
FIELDS = json.loads((COMPAT / "fields.json").read_text())
MAY_GROW = {"info", "hyperparameters", "state", "fingerprint", "notes"}
"""What may get further names: a file without them is read as if they had their default."""


def worst(values, expected):
    """Largest difference, as a fraction of the largest value."""
    assert values.shape == expected.shape
    return np.abs(values - expected).max() / np.abs(expected).max()


@pytest.mark.parametrize("name", ["model-2", "ensemble-2"])
def test_a_frozen_model_predicts_what_it_did(name):
    """In float64, where the order of a sum changes 1e-15: 1e-6 is a change of the formula."""
    predicted = predict(COMPAT / f"{name}.safetensors")
    kinds = [key.split(" ")[1] for key in EXPECTED.files if key.startswith(name)]
    assert sorted(kinds) == sorted(predicted)
    assert np.array_equal(predicted["energy"], EXPECTED[f"{name} energy"])
    assert worst(predicted["mu"], EXPECTED[f"{name} mu"]) < 1e-6
    assert np.ptp(EXPECTED[f"{name} mu"], axis=0).max() > 0.05  # the sites differ
    if name == "ensemble-2":
        assert worst(predicted["half_width"], EXPECTED[f"{name} half_width"]) < 1e-6
        assert np.array_equal(predicted["novel"], EXPECTED[f"{name} novel"])
        assert 0 < predicted["novel"].sum() < len(predicted["novel"])


def test_negative_control_a_weight_that_differs_by_a_thousandth_is_noticed(tmp_path):
    model, info = load_model(COMPAT / "model-2.safetensors")
    with torch.no_grad():
        model.layers[0].linear_self.weight[..., 0] *= 1.001
    save_model(tmp_path / "model.pt", model, info)
    assert worst(predict(tmp_path / "model.pt")["mu"], EXPECTED["model-2 mu"]) > 1e-6


def frozen_graphs():
    """The graphs that were trained on, and the one that was validated on."""
    stored, graphs = np.load(COMPAT / "training.npz"), [Data() for _ in range(5)]
    for key in stored.files:
        number, name = key.split(" ")
        graphs[int(number)][name] = torch.from_numpy(stored[key])
    return graphs


def test_a_frozen_state_continues_to_the_same_weights(tmp_path):
    """In float64: AdamW divides by the gradient's size, which in float32 brings noise up."""
    path = tmp_path / "last.ckpt"
    path.write_bytes(gzip.decompress((COMPAT / "state-2.ckpt.gz").read_bytes()))
    state = read_verified(path)
    trained = train(tmp_path, frozen_graphs(), resume=True)
    assert (state["epoch"], state["batch"]) == (1, 1)
    errors = trained.pop("state-2 val_mse")
    assert errors == pytest.approx(EXPECTED["state-2 val_mse"], rel=1e-6)
    assert errors.argmin() == 2  # else the weights below would be those of the state
    for name, weight in trained.items():
        assert np.abs(weight - EXPECTED[name]).max() < 1e-6 * max(1, np.abs(EXPECTED[name]).max())
    embedding = state["model"]["embedding.weight"].numpy()  # negative control: the state's own
    assert np.abs(embedding - EXPECTED["state-2 embedding.weight"]).max() > 1e-3


def test_frozen_records_come_back_to_the_last_bit(tmp_path):
    database = Database(shutil.copy(COMPAT / "records-2.db", tmp_path))
    assert database.ids == ["a_002", "b_000", "c_mean"]
    assert database.digest == str(EXPECTED["records-2 digest"])
    energy = np.linspace(-10.0, 30.0, 21)
    assert np.array_equal(database.record("b_000").energy, energy)
    assert database.record("b_000").mu == pytest.approx(np.exp(-(energy**2) / 50) / 3, rel=1e-14)
    for read, written in zip(database.records(database.ids), records(), strict=True):
        # exp and the cell's product may differ in the last bit from machine to machine
        assert read.mu == pytest.approx(written.mu, rel=1e-14)
        assert read.mean_over == written.mean_over
        assert (read.axis, read.target, read.site) == (written.axis, written.target, written.site)


def test_frozen_records_of_version_0_1_come_back(tmp_path):
    old = Database(shutil.copy(COMPAT / "records-1.db", tmp_path))
    new = Database(shutil.copy(COMPAT / "records-2.db", tmp_path))
    assert old.ids == ["a_002", "b_000"]
    assert_same(old.record("a_002"), new.record("a_002"))
    assert [old.entry(name).axis for name in old.ids] == ["absolute", "absolute"]


def test_frozen_spectra_are_those_that_were_predicted():
    structures = list(read_spectra(COMPAT / "spectra-1.db"))
    assert [len(structure.sites) for structure in structures] == [2, 2, 2]
    mu = np.concatenate([structure.mu for structure in structures])
    # the file holds float32, eps 6e-8; batches of other sizes sum in another order
    assert worst(mu, EXPECTED["spectra-1 mu"]) < 1e-5
    for structure in structures:
        assert (structure.lower < structure.mu).all()
        assert (structure.mu < structure.upper).all()
        assert structure.novel.shape == (2,)


WITHDRAWN = {
    ("state 2", "state"): {"slowed"},
    ("e3gnn-xanes spectra 1", "notes"): {"chunk", "processes", "rows", "source"},
}
"""Names that are no longer written: nothing reads them."""


def changes(frozen, written):
    """What is wrong with the names that are written, by the rules of MAY_GROW."""
    wrong = []
    for version, parts in written.items():
        if version not in frozen:
            wrong.append(f"{version}: no frozen file of this format; run research/freeze.py")
            continue
        for part, names in parts.items():
            known = set(frozen[version].get(part, ()))
            added = sorted(set(names) - known) if part not in MAY_GROW else []
            lacking = known - set(names) - WITHDRAWN.get((version, part), set())
            wrong += [f"{version}: {part} lacks {name}" for name in sorted(lacking)]
            wrong += [f"{version}: {part} has {name}, without a new format" for name in added]
    return wrong


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Names of all that today's code writes."""
    folder = tmp_path_factory.mktemp("written")
    return write_all(folder)


def test_a_format_changes_under_a_new_name_only(written):
    assert changes(FIELDS, written) == []


def test_a_field_of_a_model_that_is_new_has_a_default_of_none():
    """A file without it is then read as one that does not know."""
    known = FIELDS["e3gnn-xanes model 2"]["info"]
    for entry in fields(ModelInfo):
        assert entry.default is not MISSING or entry.default_factory is not MISSING
        assert entry.name in known or entry.default is None, entry.name
    assert set(known) <= {entry.name for entry in fields(ModelInfo)}


@pytest.mark.parametrize(
    ("version", "part", "old", "new", "message"),
    [
        ("e3gnn-xanes model 2", "info", "unit", "units", "info lacks unit"),
        ("e3gnn-xanes model 2", "content", None, "extra", "content has extra, without a new"),
        ("e3gnn-xanes model 2", "tensors", "calibration.law", None, "lacks calibration.law"),
        ("state 2", "state", "optimizer", "moments", "state lacks optimizer"),
        ("records 2", "data", "source", None, "data lacks source"),
        ("e3gnn-xanes spectra 1", "data", "mu", "xmu", "data has xmu, without a new format"),
        ("e3gnn-xanes model 3", "info", None, "unit", "no frozen file of this format"),
    ],
)
def test_negative_control_a_changed_format_is_noticed(written, version, part, old, new, message):
    changed = deepcopy(written)
    names = changed.setdefault(version, {part: []})[part]
    changed[version][part] = [*(name for name in names if name != old), *([new] if new else [])]
    assert any(message in line for line in changes(FIELDS, changed))
    grown = deepcopy(written)
    grown["e3gnn-xanes model 2"]["info"].append("something_more")
    assert changes(FIELDS, grown) == changes(FIELDS, written)


def test_the_frozen_names_are_those_of_the_frozen_files(tmp_path):
    """The list may grow; what the files contain stays in it for ever."""
    for name in ("ensemble-2.safetensors", "records-2.db", "spectra-1.db"):
        shutil.copy(COMPAT / name, tmp_path)
    state = gzip.decompress((COMPAT / "state-2.ckpt.gz").read_bytes())
    (tmp_path / "state-2.ckpt").write_bytes(state)
    for version, parts in written_fields(tmp_path).items():
        for part, names in parts.items():
            assert set(names) <= set(FIELDS[version][part])


def test_a_file_of_a_later_format_is_named_as_such(tmp_path):
    """What today's versions say of files of the next: nothing is half read."""
    content = (COMPAT / "model-2.safetensors").read_bytes()
    path = tmp_path / "model.pt"
    path.write_bytes(content.replace(b"e3gnn-xanes model 2", b"e3gnn-xanes model 3"))
    with pytest.raises(CheckpointError, match=r"model\.pt: format is 'e3gnn-xanes model 3'"):
        load_model(path)
