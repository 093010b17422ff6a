"""The commands ensemble, calibrate, evaluate and predict, from trained networks to bands."""

import ase.db
import numpy as np
import pytest
import yaml
from ase.build import bulk
from command import error_of, run
from paths import CALCULATIONS, CU_K

from src import XANESPredictor
from src.checkpoints.trained_model import load_model
from src.dataset.database import Database
from src.prediction.spectra_db import read_spectra
from src.structures.names import material_of

QUICK = [
    "--training.epochs=3", "--model.num_layers=1", "--model.lmax=1", "--model.channels=8",
    "--model.num_basis=32", "--training.max_edges=4000",
]  # fmt: skip
TRAINED = {"mp-760891", "mp-1225837"}
VALIDATED = {"mvc-9599"}


def write_ids(path, ids):
    """A file of ids."""
    path.write_text("\n".join(ids) + "\n")
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two networks trained for a moment on two materials, joined and calibrated on others."""
    folder = tmp_path_factory.mktemp("made")
    ids = [i for name in ("train", "val") for i in (CU_K / f"{name}.txt").read_text().split()]
    parts = {"train": TRAINED, "val": VALIDATED, "rest": {*map(material_of, ids)}}
    parts["rest"] -= TRAINED | VALIDATED
    for name, materials in parts.items():
        write_ids(folder / f"{name}.txt", [i for i in ids if material_of(i) in materials])
    assert run("dataset", CALCULATIONS, "-o", folder / "cu.db") == 0
    split = ["--train", folder / "train.txt", "--val", folder / "val.txt", *QUICK]
    for seed in (0, 1):
        out = folder / f"m{seed}"
        words = [folder / "cu.db", *split, "-o", out, f"--training.seed={seed}"]
        assert run("train", *words) == 0
    assert run("ensemble", folder / "m0", folder / "m1", "-o", folder / "two.pt") == 0
    words = [folder / "cu.db", "--ids", folder / "rest.txt", "--coverage=0.5"]
    assert run("calibrate", folder / "two.pt", *words, "-o", folder / "calibrated.pt") == 0
    return folder


def dense_hydride():
    """CuH with 1.5 Angstrom between the atoms, unlike any training structure."""
    return bulk("CuH", "rocksalt", a=3.0)


def named(text):
    """What a command printed, as names and values."""
    return dict(x.split(": ", 1) for x in text.splitlines() if ": " in x)


def test_evaluation_prints_the_coverage_that_counting_gives(made, capsys, tmp_path):
    words = ["evaluate", made / "calibrated.pt", made / "cu.db", "--ids", made / "rest.txt"]
    assert run(*words, "--plot", tmp_path / "x.png", "--predictions", tmp_path / "x.npz") == 0
    captured = capsys.readouterr()
    assert "of materials that the bands were calibrated on" in captured.err
    found = named(captured.out)
    predictor, inside = XANESPredictor(made / "calibrated.pt"), []
    for record in Database(made / "cu.db").records((made / "rest.txt").read_text().split()):
        (site,) = predictor(record.atoms, sites=[record.site])
        true = np.interp(site.energy, record.energy, record.mu)
        inside.append((site.lower <= true) & (true <= site.upper))
    assert float(found["coverage of 50% bands"]) == pytest.approx(np.mean(inside), abs=0.005)
    with np.load(tmp_path / "x.npz") as kept:
        assert kept["half_width"].shape == kept["mu"].shape == (14, 141)
        assert kept["expected"].shape == kept["distance"].shape == kept["novel"].shape == (14,)
    assert len(found["coverage by expected error, from smallest"].split()) == 5
    assert "flagged as novel" in found
    assert run("evaluate", made / "two.pt", made / "cu.db") == 0
    assert "coverage" not in capsys.readouterr().out  # without a calibration


def test_sites_that_do_not_fit_are_refused(made, tmp_path, capsys):
    ids = write_ids(tmp_path / "bad.txt", ["mp-1692_000", "mp-1225837_003"])
    words = ["calibrate", made / "two.pt", made / "cu.db"]
    assert run(*words, "--ids", ids, "-o", tmp_path / "x.pt") == 1
    assert "trained on, such as mp-1225837_003;" in error_of(capsys)
    assert run(*words, "--ids", made / "rest.txt", "-o", tmp_path / "x.pt") == 1
    assert "`coverage` 0.9 needs at least 9 sites" in error_of(capsys)
    assert run(*words, "--ids", made / "rest.txt", "-o", tmp_path / "no" / "x.pt") == 1
    assert "does not exist" in error_of(capsys)
    assert run("dataset", CALCULATIONS / "mp-1692", "-o", tmp_path / "one.db") == 0
    ids = write_ids(tmp_path / "ids.txt", ["mp-1692_000"])
    words = ["calibrate", made / "two.pt", tmp_path / "one.db", "--ids", ids]
    assert run(*words, "-o", tmp_path / "x.pt") == 1
    assert "contains 0 of the 11 sites that the model was trained on" in error_of(capsys)
    assert not list(tmp_path.glob("*.pt"))


def test_one_network_has_bands_too_and_its_file_is_replaced_on_request_only(made, tmp_path, capsys):
    path = tmp_path / "one.pt"
    assert run("ensemble", made / "m0", "-o", path) == 0
    before = path.read_bytes()
    words = [made / "cu.db", "--ids", made / "rest.txt", "--coverage=0.5"]
    assert run("calibrate", path, *words) == 0
    assert path.read_bytes() == before
    new = tmp_path / "one-calibrated.pt"
    assert load_model(new)[1].calibration.coverage == 0.5
    assert run("calibrate", path, *words) == 1
    assert "one-calibrated.pt: already exists" in error_of(capsys)
    assert run("calibrate", "cu-k-feff", *words) == 1
    assert run("calibrate", path, *words, "-o", path) == 0
    _, info = load_model(path)
    assert info.calibration.coverage == 0.5
    assert info.calibration.law[1] == 0.0  # no spread
    assert len(info.calibration.novelty.sites) == 11
    capsys.readouterr()
    assert run("info", path) == 0
    assert named(capsys.readouterr().out)["bands"] == "50%, calibrated on 14 sites"


def test_prediction_writes_bands_and_names_what_is_novel(made, tmp_path, capsys):
    dense_hydride().write(tmp_path / "dense.cif")
    words = ["predict", made / "calibrated.pt", tmp_path / "dense.cif", "-o", tmp_path / "x.dat"]
    assert run(*words, "--plot", tmp_path / "x.png") == 0
    assert "dense: unlike anything the model was trained on, sites 0" in capsys.readouterr().err
    header = [x for x in (tmp_path / "x.dat").read_text().splitlines() if x.startswith("#")]
    assert header[-1] == "# energy_eV  dense_0  dense_0_lower  dense_0_upper  dense_mean"
    assert "# lower, upper: band that contains 50% of calculated points" in "\n".join(header)
    assert "# dense contains H, absent from the training set" in header
    (why,) = (line for line in header if line.startswith("# dense_0 is novel, unlike anything"))
    assert "H among its neighbors, absent from the training set" in why
    _, mu, lower, upper, _ = np.loadtxt(tmp_path / "x.dat").T
    assert (lower < mu).all()
    assert (mu < upper).all()


def test_bulk_prediction_keeps_bands_as_the_table_has_them(made, tmp_path, capsys):
    with ase.db.connect(tmp_path / "in.db", type="db") as database:
        for atoms in (bulk("Cu", cubic=True), dense_hydride()):
            database.write(atoms)
        database.write(bulk("Fe"))
    words = ["predict", made / "calibrated.pt", tmp_path / "in.db", "-o", tmp_path / "out.db"]
    assert run(*words) == 3  # iron holds no copper
    assert "structures have sites unlike anything" in capsys.readouterr().out
    close, dense, iron = read_spectra(tmp_path / "out.db")
    dense_hydride().write(tmp_path / "dense.cif")
    words[2:] = tmp_path / "dense.cif", "-o", tmp_path / "x.dat"
    assert run(*words) == 0
    _, mu, lower, upper, _ = np.loadtxt(tmp_path / "x.dat").T
    for found, wanted in ((dense.mu, mu), (dense.lower, lower), (dense.upper, upper)):
        assert found[0] == pytest.approx(wanted, abs=1e-4)
    assert dense.novel.tolist() == [True]
    assert close.mu.shape == close.lower.shape
    assert iron.lower is iron.novel is None
    with ase.db.connect(tmp_path / "out.db") as database:
        assert len(list(database.select(novel=1))) >= 1


def test_card_is_kept_and_checked(made, tmp_path, capsys):
    card = {"data": "OmniXAS", "licence": "BSD-3-Clause", "accuracy": "none"}
    (tmp_path / "card.yaml").write_text(yaml.safe_dump(card))
    words = ["ensemble", made / "calibrated.pt", "-o", tmp_path / "x.pt"]
    assert run(*words, "--card", tmp_path / "card.yaml") == 0
    _, info = load_model(tmp_path / "x.pt")
    assert info.card == card
    assert info.calibration is not None  # one file alone is kept as it is
    (tmp_path / "card.yaml").write_text("data: OmniXAS\n")
    assert run(*words, "--card", tmp_path / "card.yaml") == 1
    assert "expected the entries data, licence, accuracy, found ['data']" in error_of(capsys)
