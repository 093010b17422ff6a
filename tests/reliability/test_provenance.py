"""Every spectrum can be traced to model, data, version and command, and mismatches are refused."""

import dataclasses
import hashlib
import html
import json
import logging
import shlex
import shutil
import subprocess
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
from src.checkpoints.pretrained import models
from src.checkpoints.trained_model import ModelInfo, TrainedModel, load_model, save_model
from src.dataset.database import Database, write_records
from src.errors import ConfigError, DatabaseError, StructureError
from src.evaluation.evaluate import check_kind
from src.model.gnn import XANES_E3GNN
from src.prediction.site_prediction import predict_structure
from src.runtime.provenance import quoted
from src.training.finetune import Start, merge_arguments

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
    """A database of four materials, a model of all its records, and a structure."""
    folder = tmp_path_factory.mktemp("made it")  # the space must be quoted
    materials = [CALCULATIONS / name for name in ("mp-1692", "mp-1225837", "mp-760891", "mvc-9599")]
    assert run("dataset", *materials, "--element", "Cu", "-o", folder / "cu.db") == 0
    words = ["train", folder / "cu.db", "-o", folder / "cu_k", *QUICK]
    assert run(*words) == 0
    (folder / "train.txt").write_text(line_of(*words))
    shutil.copy(next(CALCULATIONS.glob("mp-1692/**/POSCAR")), folder / "CuO.vasp")
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
    """Checksum by the system's own program, or by hashlib where there is none."""
    if shutil.which("sha256sum"):
        done = subprocess.run(["sha256sum", path], capture_output=True, text=True, check=True)
        return done.stdout.split()[0].lstrip("\\")
    return hashlib.sha256(path.read_bytes()).hexdigest()


# the chain


def test_a_spectrum_leads_back_to_model_data_version_and_commands(made, capsys):
    words = ["predict", made / "cu_k", made / "CuO.vasp", "-o", made / "CuO.dat"]
    assert run(*words) == 0
    header = header_of(made / "CuO.dat")
    assert header["model file"] == f"sha256 {sha256sum(made / 'cu_k' / 'model.pt')}"
    content = printed(capsys, "info", made / "cu.db")["content"]
    assert header["training and validation records"] == content
    assert header["command"] == line_of(*words)
    assert header["trained by"] == (made / "train.txt").read_text()
    assert f"# e3gnn-xanes {version('e3gnn-xanes')} prediction" in (made / "CuO.dat").read_text()
    told = printed(capsys, "info", made / "cu_k")
    assert told["file"] == header["model file"]
    assert f"sha256 {told['data_digest']}" == content
    assert told["command"] == header["trained by"]
    assert told["library_version"] == version("e3gnn-xanes")
    assert len(np.loadtxt(made / "CuO.dat")) > 100


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


def origin_of(made, *words):
    """Origin of what a command made with the trained model."""
    return {
        "model": str(made / "cu_k"),
        "model_sha256": sha256sum(made / "cu_k" / "model.pt"),
        "training_data_sha256": Database(made / "cu.db").digest,
        "training_command": (made / "train.txt").read_text(),
        "version": version("e3gnn-xanes"),
        "command": line_of(*words),
    }


def test_bulk_spectra_lead_back_too(made, tmp_path):
    with ase.db.connect(tmp_path / "in.db", type="db") as connection:
        connection.write(Atoms("CuO2", [[0, 0, 0], [2, 0, 0], [0, 2.1, 0]]))
    words = ["predict", made / "cu_k", tmp_path / "in.db", "-o", tmp_path / "out.db"]
    assert run(*words) == 0
    with ase.db.connect(tmp_path / "out.db") as connection:
        assert connection.metadata["provenance"] == origin_of(made, *words)


def test_evaluations_lead_back_too(made, tmp_path):
    npz, table = tmp_path / "x.npz", tmp_path / "x.json"
    words = ["evaluate", made / "cu_k", made / "cu.db", "--predictions", npz, "--table", table]
    assert run(*words) == 0
    digest = Database(made / "cu.db").digest_of(load_model(made / "cu_k")[1].val_ids)
    expected = {**origin_of(made, *words), "data_sha256": digest}
    assert json.loads(table.read_text())["provenance"] == expected
    with np.load(npz) as stored:  # without pickle
        assert {name: str(stored[name]) for name in expected} == expected
    assert digest != expected["training_data_sha256"]


def test_an_explanation_leads_back_too(made, tmp_path):
    words = ["explain", made / "cu_k", made / "CuO.vasp", "--site", 0, "--radius", 2.1]
    words += ["-o", tmp_path / "x.json"]
    assert run(*words) == 0
    found = json.loads((tmp_path / "x.json").read_text())
    assert found["provenance"] == origin_of(made, *words)


MEASURED = {
    "compare": ["compare", FOIL, COPPER / "Cu.vasp", COPPER / "Cu2O.vasp"],
    "fit": ["fit", FOIL, COPPER / "Cu.vasp", "--bootstrap", 0],
}  # fmt: skip


@pytest.mark.parametrize("command", MEASURED)
def test_results_on_measurements_lead_back_too(command, made, tmp_path):
    """And their pages; the file of the measurement by its checksum."""
    out = tmp_path / "x.json"
    words = [*MEASURED[command], "--model", "cu-k-feff", "-o", out]
    assert run(*words) == 0
    found = json.loads(out.read_text())
    sha256 = sha256sum(models()["cu-k-feff"])
    assert found["provenance"] == {
        "model": "cu-k-feff", "model_sha256": sha256, "training_data_sha256": "not known",
        "training_command": "not known", "version": version("e3gnn-xanes"),
        "command": line_of(*words),
    }  # fmt: skip
    measured = f"sha256 {sha256sum(FOIL)}"
    assert found["measured_file"]["digest"] == measured
    assert run("report", out, "-o", tmp_path / "x.html") == 0
    page = (tmp_path / "x.html").read_text()
    assert all(text in page for text in (sha256, measured, html.escape(line_of(*words))))


def test_a_fit_of_measured_references_names_their_files(tmp_path):
    out = tmp_path / "x.json"
    words = ["fit", EXPERIMENT / "cu_metal_10K.xdi", FOIL, "--bootstrap", 0, "-o", out]
    assert run(*words) == 0
    found = json.loads(out.read_text())
    assert found["component_files"] == {str(FOIL): f"sha256 {sha256sum(FOIL)}"}
    assert found["provenance"] == {"version": version("e3gnn-xanes"), "command": line_of(*words)}


def test_a_model_of_before_says_that_it_is_not_known(made, tmp_path):
    for path in models().values():
        _, info = load_model(path)
        assert (info.data_digest, info.command) == (None, None)
    assert run("predict", "cu-k-feff", made / "CuO.vasp", "-o", tmp_path / "x.dat") == 0
    header = header_of(tmp_path / "x.dat")
    assert header["model file"] == f"sha256 {sha256sum(models()['cu-k-feff'])}"
    assert header["training and validation records"] == "sha256 not known"
    assert header["trained by"] == "not known"


# the data's checksum


def slow_digest(path):
    """The checksum as the page on formats tells it, from whole records."""
    total = hashlib.sha256()
    for one in sorted(Database(path).records(Database(path).ids), key=lambda r: r.id):
        total.update(one.id.encode() + b"\0" + bytes.fromhex(one.digest))
    return total.hexdigest()


RECORDS = [record(), record(material="mp-2"), record(site=1)]


def digest_after(tmp_path, records):
    """Checksum of a new database."""
    path = tmp_path / "x.db"
    path.unlink(missing_ok=True)
    write_records(path, records)
    assert Database(path).digest == slow_digest(path)
    return Database(path).digest


def moved(distance):
    """The structure with an atom moved along x, Angstrom."""
    atoms = record().atoms.copy()
    atoms.positions[2, 0] += distance
    return atoms


CHANGES = {
    "one value by its last bit": {"mu": np.array([0.1, np.nextafter(0.5, 1), 1 / 3])},
    "one energy": {"energy": np.array([1.0, 2.0, 4.0000001])},
    "an atom": {"atoms": moved(1e-9)},
    "the version": {"version": "9.9.2"},
    "the target": {"target": "normalized"},
    "the fermi level": {"fermi_level": -8.4},
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_record_changes_the_checksum(tmp_path, name):
    before = digest_after(tmp_path, RECORDS)
    assert digest_after(tmp_path, [record(**CHANGES[name]), *RECORDS[1:]]) != before


def test_neither_order_nor_place_changes_the_checksum(tmp_path):
    before = digest_after(tmp_path, RECORDS)
    assert digest_after(tmp_path, RECORDS[::-1]) == before
    assert digest_after(tmp_path, [record(source="elsewhere"), *RECORDS[1:]]) == before
    assert digest_after(tmp_path, RECORDS[:2]) != before
    assert Database(tmp_path / "x.db").digest_of([]) != before


def test_the_checksum_of_a_part_is_of_that_part(tmp_path):
    path = tmp_path / "x.db"
    write_records(path, RECORDS)
    some = ["mp-2_000", "mp-1_000"]
    found = Database(path).digest_of(some)
    assert found == Database(path).digest_of(reversed(some)) != Database(path).digest
    write_records(tmp_path / "y.db", [one for one in RECORDS if one.id in some])
    assert Database(tmp_path / "y.db").digest == found
    with pytest.raises(DatabaseError, match="has no record mp-9_000"):
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


def test_members_trained_by_one_command_name_it(made, tmp_path, monkeypatch):
    def train_for_a_moment(job, _config):
        job.output.mkdir(parents=True)
        shutil.copy(made / "cu_k" / "model.pt", job.output / "model.pt")

    monkeypatch.setattr("src.workflow.train_from_database", train_for_a_moment)
    words = ["train", made / "cu.db", "-o", tmp_path / "m", "--members", 2, *QUICK]
    assert run(*words) == 0
    _, info = load_model(tmp_path / "m")
    assert info.command == line_of(*words)
    assert info.data_digest == Database(made / "cu.db").digest


# mismatches


def brass():
    """A molecule with copper and zinc."""
    return Atoms("CuZnO", [[0, 0, 0], [2.2, 0, 0], [0, 2.1, 0]])


def test_an_absorber_of_another_element_is_refused_unless_told(made, caplog):
    model = TrainedModel.load(made / "cu_k")
    with pytest.raises(StructureError, match=r"site 1 is Zn, .* trained for Cu; `other_element`"):
        predict_structure(model, brass(), sites=[0, 1])
    caplog.clear()
    copper, zinc = predict_structure(model, brass(), sites=[0, 1], other_element=True)
    assert (copper.element, zinc.element) == ("Cu", "Zn")
    told = [r.getMessage() for r in caplog.records if "trained for" in r.getMessage()]
    assert len(told) == 1
    assert "site 1 is Zn, but the model was trained for Cu" in told[0]
    caplog.clear()
    predict_structure(model, brass(), sites=[0], other_element=True)  # control
    assert "trained for" not in caplog.text


def test_the_command_names_another_element_in_the_table(made, tmp_path, capsys):
    brass().write(tmp_path / "brass.xyz")
    words = ["predict", made / "cu_k", tmp_path / "brass.xyz", "-o", tmp_path / "x.dat"]
    assert run(*words, "--other_element") == 2
    assert "`other_element` needs `site`" in capsys.readouterr().err
    assert run(*words, "--site", 1, "--other_element") == 0
    assert "brass_1 is Zn, but the model was trained for Cu" in (tmp_path / "x.dat").read_text()


INFO = ModelInfo(
    element="Cu", edge="K", target="absolute", unit="1e-3 a0^2", code="FEFF 9.9.1",
    reference_energy=1.0,
)  # fmt: skip
MISMATCHES = {
    "element": ({"element": "Zn"}, "has element Cu, the model's is Zn"),
    "edge": ({"edge": "L3"}, "has edge K, the model's is L3"),
    "target": ({"target": "normalized"}, "has target absolute, the model's is normalized"),
    "unit": ({"unit": "Mbarn"}, r"has unit 1e-3 a0\^2, the model's is Mbarn"),
    "axis": ({"reference_energy": None}, "has absolute energies, the model's are relative"),
    "version": ({"code": "FEFF 9.6"}, r"calculated by FEFF 9\.9\.1, .* trained on FEFF 9\.6;"),
    "code": ({"code": "FDMNES 2024"}, r"calculated by FEFF 9\.9\.1, .* trained on FDMNES 2024;"),
}


@pytest.mark.parametrize("name", MISMATCHES)
def test_records_of_another_kind_are_refused_with_both_sides(tmp_path, name, caplog):
    """Control: as they are, and of a model of several codes, they are taken."""
    write_records(tmp_path / "x.db", RECORDS)
    database = Database(tmp_path / "x.db")
    changes, told = MISMATCHES[name]
    with pytest.raises(DatabaseError, match=rf"x\.db: mp-1_000 .*{told}"):
        check_kind(database, database.ids, dataclasses.replace(INFO, **changes))
    for info in (INFO, dataclasses.replace(INFO, code="FDMNES 2024, FEFF 9.9.1")):
        check_kind(database, database.ids, info)
    assert not caplog.records


def test_another_code_is_compared_where_that_is_wanted(made, tmp_path, capsys):
    database = Database(made / "cu.db")
    ids = database.ids[:3]
    others = [dataclasses.replace(one, version="8.4") for one in database.records(ids)]
    write_records(tmp_path / "old.db", others)
    words = ["evaluate", made / "cu_k", tmp_path / "old.db"]
    assert run(*words) == 1
    error = capsys.readouterr().err
    assert "was calculated by FEFF 8.4, but the model was trained on FEFF 9.9.1" in error
    assert run(*words, "--other_code") == 0
    told = capsys.readouterr()
    assert told.err.count("was calculated by FEFF 8.4, but the model was trained on FEFF") == 1
    assert "mse: " in told.out


def test_a_start_that_does_not_fit_names_both_sides(made, caplog):
    model, info = load_model(made / "cu_k")
    start = Start(made / "cu_k", model, info)
    with pytest.raises(ConfigError, match=r"`model.r_max` is 6.0 but .*cu_k has 5.0; leave it out"):
        merge_arguments({"r_max": 6.0}, start)
    assert merge_arguments({"r_max": 5.0}, start)["r_max"] == 5.0


def test_a_start_of_other_spectra_is_told_with_both_sides(made, tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    records = Database(made / "cu.db").records(Database(made / "cu.db").ids)
    others = [dataclasses.replace(r, target="normalized", version="8.4") for r in records]
    write_records(tmp_path / "other.db", others)
    told = "target absolute there, normalized here; unit 1e-3 a0^2 there, dimensionless here;"
    quick = ["--init_from", made / "cu_k", "--training.epochs=1", *QUICK[-2:]]
    for database, expected in ((made / "cu.db", False), (tmp_path / "other.db", True)):
        caplog.clear()
        assert run("train", database, "-o", tmp_path / database.stem, *quick) == 0
        assert (f"{told} code FEFF 9.9.1 there, FEFF 8.4 here" in caplog.text) is expected
