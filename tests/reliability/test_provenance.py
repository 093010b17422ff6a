"""Every spectrum can be traced to model, data, version and command, and mismatches are refused."""

import dataclasses
import hashlib
import html
import json
import logging
import shlex
import shutil
from importlib.metadata import version

import ase.db
import numpy as np
import pytest
import torch
from ase import Atoms
from command import run
from paths import CALCULATIONS, EXPERIMENT, ROOT
from records import record

from src.checkpoints.join import join_models
from src.checkpoints.model_info import ModelInfo
from src.checkpoints.pretrained import models
from src.checkpoints.trained_model import TrainedModel, load_model, save_model
from src.dataset.database import Database, write_records
from src.errors import DatabaseError
from src.evaluation.evaluate import check_kind
from src.model.gnn import XANES_E3GNN
from src.runtime.provenance import quoted

pytestmark = pytest.mark.reliability
FOIL = EXPERIMENT / "cu_metal_rt.xdi"
COPPER = ROOT / "docs" / "examples" / "copper"
QUICK = [
    "--training.epochs=1", "--model.num_layers=1", "--model.lmax=1", "--model.channels=8",
    "--model.num_basis=32", "--training.max_edges=4000", "--val_fraction=0.3", "--split_seed=3",
]  # fmt: skip


def line_of(*words):
    """The command as a user would have typed it."""
    return " ".join(["e3gnn-xanes", *(shlex.quote(str(word)) for word in words)])


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A database of four materials, a model of all its records, and structures."""
    folder = tmp_path_factory.mktemp("made it")  # the space must be quoted
    materials = [CALCULATIONS / name for name in ("mp-1692", "mp-1225837", "mp-760891", "mvc-9599")]
    assert run("dataset", *materials, "--element", "Cu", "-o", folder / "cu.db") == 0
    words = ["train", folder / "cu.db", "-o", folder / "cu_k", *QUICK]
    assert run(*words) == 0
    (folder / "train.txt").write_text(line_of(*words))
    shutil.copy(CALCULATIONS / "mp-1692" / "POSCAR", folder / "CuO.vasp")
    with ase.db.connect(folder / "in.db", type="db") as connection:
        connection.write(Atoms("CuO2", [[0, 0, 0], [2, 0, 0], [0, 2.1, 0]]))
    return folder


def printed(capsys, *words):
    """What a command prints, as a dictionary of its lines."""
    capsys.readouterr()
    assert run(*words) == 0
    lines = capsys.readouterr().out.splitlines()
    return dict(line.split(": ", 1) for line in lines if ": " in line)


def header_of(path):
    """Lines of a table's header, as a dictionary."""
    lines = [line[2:] for line in path.read_text().splitlines() if line.startswith("# ")]
    return dict(line.split(": ", 1) for line in lines if ": " in line)


def sha256sum(path):
    """Checksum of a file, by hashlib alone."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


# the chain


def test_a_table_leads_back_to_model_data_version_and_commands(made, capsys):
    words = ["predict", made / "cu_k", made / "CuO.vasp", "-o", made / "CuO.dat"]
    assert run(*words) == 0
    header = header_of(made / "CuO.dat")
    assert header["model file"] == f"sha256 {sha256sum(made / 'cu_k' / 'model.pt')}"
    content = printed(capsys, "info", made / "cu.db")["content"]
    assert header["training and validation records"] == content
    assert header["command"] == line_of(*words)
    assert header["trained by"] == (made / "train.txt").read_text()
    assert f"# e3gnn-xanes {version('e3gnn-xanes')} prediction" in (made / "CuO.dat").read_text()
    model = printed(capsys, "info", made / "cu_k")
    assert model["file"] == header["model file"]
    assert f"sha256 {model['data_digest']}" == content
    assert model["command"] == header["trained by"]
    assert model["library_version"] == version("e3gnn-xanes")


def test_another_model_file_is_another_checksum(made, tmp_path):
    """Negative control: one weight, by its last bit."""
    model, info = load_model(made / "cu_k")
    with torch.no_grad():
        weight = model.embedding.weight
        weight[29, 0] = torch.nextafter(weight[29, 0], torch.tensor(9.0))
    save_model(tmp_path / "model.pt", model, info)
    sums = [TrainedModel.load(folder).sha256 for folder in (made / "cu_k", tmp_path)]
    assert sums == [sha256sum(made / "cu_k" / "model.pt"), sha256sum(tmp_path / "model.pt")]
    assert sums[0] != sums[1]


def of_database(path):
    """Origin of spectra in a database."""
    with ase.db.connect(path) as connection:
        return connection.metadata["provenance"]


def of_json(path):
    """Origin of a result in JSON."""
    return json.loads(path.read_text())["provenance"]


def of_arrays(path):
    """Origin of arrays, read without pickle."""
    with np.load(path) as stored:
        names = {"command", "version", *(n for n in stored if n.split("_")[0] in MADE_WITH)}
        return {name: str(stored[name]) for name in names}


MADE_WITH = ("model", "training", "data")
RESULTS = {
    "bulk": (["predict", "{cu_k}", "{in.db}", "-o"], "x.db", of_database),
    "table": (["evaluate", "{cu_k}", "{cu.db}", "--table"], "x.json", of_json),
    "arrays": (["evaluate", "{cu_k}", "{cu.db}", "--predictions"], "x.npz", of_arrays),
    "explanation": (
        ["explain", "{cu_k}", "{CuO.vasp}", "--site", 0, "--radius", 2.1, "-o"], "x.json", of_json
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", RESULTS)
def test_results_lead_back_too(kind, made, tmp_path):
    words, name, origin = RESULTS[kind]
    words = [made / w[1:-1] if str(w).startswith("{") else w for w in words] + [tmp_path / name]
    assert run(*words) == 0
    database = Database(made / "cu.db")
    expected = {
        "model": str(made / "cu_k"),
        "model_sha256": sha256sum(made / "cu_k" / "model.pt"),
        "training_data_sha256": database.digest,
        "training_command": (made / "train.txt").read_text(),
        "version": version("e3gnn-xanes"),
        "command": line_of(*words),
    }
    if words[0] == "evaluate":
        expected["data_sha256"] = database.digest_of(load_model(made / "cu_k")[1].val_ids)
        assert expected["data_sha256"] != database.digest
    assert origin(tmp_path / name) == expected


MEASURED = {
    "compare": ["compare", FOIL, COPPER / "Cu.vasp"],
    "fit": ["fit", FOIL, COPPER / "Cu.vasp", "--bootstrap", 0],
}  # fmt: skip


@pytest.mark.parametrize("command", MEASURED)
def test_results_on_measurements_lead_back_too(command, tmp_path):
    """And their pages; the measurement by its checksum, the shipped model by data and command."""
    trained = load_model("cu-k-feff")[1]
    out = tmp_path / "x.json"
    words = [*MEASURED[command], "--model", "cu-k-feff", "-o", out]
    assert run(*words) == 0
    sha256 = sha256sum(models()["cu-k-feff"])
    assert of_json(out) == {
        "model": "cu-k-feff", "model_sha256": sha256, "training_data_sha256": trained.data_digest,
        "training_command": trained.command, "version": version("e3gnn-xanes"),
        "command": line_of(*words),
    }  # fmt: skip
    measured = f"sha256 {sha256sum(FOIL)}"
    assert json.loads(out.read_text())["measured_file"]["digest"] == measured
    assert run("report", out, "-o", tmp_path / "x.html") == 0
    page = (tmp_path / "x.html").read_text()
    assert all(text in page for text in (sha256, measured, html.escape(line_of(*words))))


def test_a_fit_of_measured_references_names_their_files(tmp_path):
    out = tmp_path / "x.json"
    words = ["fit", EXPERIMENT / "cu_metal_10K.xdi", FOIL, "--bootstrap", 0, "-o", out]
    assert run(*words) == 0
    files = json.loads(out.read_text())["component_files"]
    assert files == {str(FOIL): f"sha256 {sha256sum(FOIL)}"}
    assert of_json(out) == {"version": version("e3gnn-xanes"), "command": line_of(*words)}


# the data's checksum


def slow_digest(path):
    """The checksum as docs/formats.md describes it, from whole records."""
    total = hashlib.sha256()
    for one in sorted(Database(path).records(Database(path).ids), key=lambda r: r.id):
        total.update(one.id.encode() + b"\0" + bytes.fromhex(one.digest))
    return total.hexdigest()


RECORDS = [record(), record(material="mp-2"), record(site=1)]
MOVED = record().atoms.copy()
MOVED.positions[2, 0] += 1e-9
CHANGES = {
    "one value by its last bit": {"mu": np.array([0.1, np.nextafter(0.5, 1), 1 / 3])},
    "one energy": {"energy": np.array([1.0, 2.0, 4.0000001])},
    "an atom": {"atoms": MOVED},
    "the version": {"version": "9.9.2"},
    "the target": {"target": "normalized"},
    "the fermi level": {"fermi_level": -8.4},
}


def digest_after(tmp_path, records):
    """Checksum of a new database."""
    path = tmp_path / "x.db"
    path.unlink(missing_ok=True)
    write_records(path, records)
    assert Database(path).digest == slow_digest(path)
    return Database(path).digest


def test_a_changed_record_changes_the_checksum(tmp_path):
    before = digest_after(tmp_path, RECORDS)
    for what, change in CHANGES.items():
        assert digest_after(tmp_path, [record(**change), *RECORDS[1:]]) != before, what
    assert digest_after(tmp_path, RECORDS[:2]) != before
    assert digest_after(tmp_path, RECORDS[::-1]) == before
    assert digest_after(tmp_path, [record(source="elsewhere"), *RECORDS[1:]]) == before


def test_the_checksum_of_some_records_is_that_of_a_database_of_them(tmp_path):
    path = tmp_path / "x.db"
    write_records(path, RECORDS)
    some = ["mp-2_000", "mp-1_000"]
    digest = Database(path).digest_of(some)
    assert digest == Database(path).digest_of(reversed(some)) != Database(path).digest
    assert digest == digest_after(tmp_path, RECORDS[:2])
    with pytest.raises(DatabaseError, match="mp-9_000"):
        Database(path).digest_of(["mp-9_000"])


# commands


def test_passwords_are_hidden_and_the_command_can_be_given_again():
    url = "postgresql://me:se:cr@t@host/x"
    text = quoted(["e3gnn-xanes", "train", url, "-o", "a b", "--config", "me@home.yaml"])
    assert "cr@t" not in text
    assert shlex.split(text)[2:] == [
        "postgresql://me:***@host/x", "-o", "a b", "--config", "me@home.yaml"
    ]  # fmt: skip
    assert quoted(["a\nb\rc\udcff"]) == r"'a\nb\rc\udcff'"


def member(path, **changes):
    """A small model file."""
    torch.manual_seed(len(path.name))
    network = XANES_E3GNN(num_layers=1, lmax=1, channels=8, num_basis=16)
    save_model(path, network, ModelInfo(element="Cu", edge="K", **changes))
    return path


def test_an_ensemble_leads_back_to_its_members(tmp_path):
    paths = [
        member(tmp_path / f"{k}.pt", data_digest="d" * k, command=f"train {k}") for k in (1, 2, 2)
    ]
    info = join_models(paths).info
    assert (info.data_digest, info.command) == ("d, dd", "train 1; train 2")
    paths.append(member(tmp_path / "old.pt"))
    info = join_models(paths).info
    assert (info.data_digest, info.command) == (None, None)


# mismatches


def test_an_absorber_of_another_element_is_named_in_warning_and_table(
    made, tmp_path, caplog, capsys
):
    """Without --other_element it is refused, see ``test_inputs``."""
    Atoms("CuZnO", [[0, 0, 0], [2.2, 0, 0], [0, 2.1, 0]]).write(tmp_path / "brass.xyz")
    words = ["predict", made / "cu_k", tmp_path / "brass.xyz", "-o", tmp_path / "x.dat"]
    assert run(*words, "--other_element") == 2
    assert "`other_element` needs `site`" in capsys.readouterr().err
    assert run(*words, "--site", 0, "--other_element") == 0
    assert "but the model was trained for" not in caplog.text  # control
    assert run(*words, "--site", 1, "--other_element") == 0
    assert caplog.text.count("is Zn, but the model was trained for Cu") == 1
    assert "brass_1 is Zn, but the model was trained for Cu" in (tmp_path / "x.dat").read_text()


INFO = ModelInfo(
    element="Cu", edge="K", target="absolute", unit="1e-3 a0^2", code="FEFF 9.9.1",
    reference_energy=1.0,
)  # fmt: skip
MISMATCHES = {
    "element": ({"element": "Zn"}, ("element Cu", "Zn")),
    "edge": ({"edge": "L3"}, ("edge K", "L3")),
    "target": ({"target": "normalized"}, ("target absolute", "normalized")),
    "unit": ({"unit": "Mbarn"}, ("unit 1e-3 a0^2", "Mbarn")),
    "axis": ({"reference_energy": None}, ("absolute", "relative")),
    "version": ({"code": "FEFF 9.6"}, ("FEFF 9.9.1", "FEFF 9.6")),
    "code": ({"code": "FDMNES 2024"}, ("FEFF 9.9.1", "FDMNES 2024")),
}


@pytest.mark.parametrize("name", MISMATCHES)
def test_records_of_another_kind_are_refused_with_both_values(tmp_path, name):
    """Control: as they are, and by a model of several codes, they are accepted."""
    write_records(tmp_path / "x.db", RECORDS)
    database = Database(tmp_path / "x.db")
    changes, both = MISMATCHES[name]
    with pytest.raises(DatabaseError, match=r"x\.db: mp-1_000 ") as caught:
        check_kind(database, database.ids, dataclasses.replace(INFO, **changes))
    assert all(value in str(caught.value) for value in both)
    for info in (INFO, dataclasses.replace(INFO, code="FDMNES 2024, FEFF 9.9.1")):
        check_kind(database, database.ids, info)


def test_other_spectra_are_named_with_both_values(made, tmp_path, capsys, caplog):
    """A model is compared with those of another code on demand, and trained further with a word."""
    caplog.set_level(logging.WARNING)
    database = Database(made / "cu.db")
    old = [dataclasses.replace(one, version="8.4") for one in database.records(database.ids)]
    write_records(tmp_path / "old.db", old)
    words = ["evaluate", made / "cu_k", tmp_path / "old.db"]
    assert run(*words) == 1
    said = "was calculated by FEFF 8.4, but the model was trained on FEFF 9.9.1"
    assert said in capsys.readouterr().err
    assert run(*words, "--other_code") == 0
    assert caplog.text.count(said) == 1
    assert "mse: " in capsys.readouterr().out
    others = [dataclasses.replace(one, target="normalized") for one in old]
    write_records(tmp_path / "other.db", others)
    quick = ["--init_from", made / "cu_k", "--training.epochs=1", *QUICK[-2:]]
    said = "target absolute there, normalized here; unit 1e-3 a0^2 there, dimensionless here;"
    for path, expected in ((made / "cu.db", False), (tmp_path / "other.db", True)):
        caplog.clear()
        assert run("train", path, "-o", tmp_path / path.stem, *quick) == 0
        assert (f"{said} code FEFF 9.9.1 there, FEFF 8.4 here" in caplog.text) is expected
