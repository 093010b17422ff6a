"""`compare` and `fit` on measured scans: the foil is copper; what goes wrong is said."""

import json
import shutil

import ase.io
import numpy as np
import pytest
from command import run
from paths import CU_K, DATA, EXPERIMENT, ROOT

import src.comparison.library as library
from src.checkpoints.trained_model import TrainedModel
from src.prediction.spectra_db import read_spectra

COPPER = ROOT / "docs" / "examples" / "copper"
CU = COPPER / "Cu.vasp"
STRUCTURES = sorted(COPPER.glob("*.vasp"))
FOIL, COLD, CUS = (
    EXPERIMENT / f"{name}.xdi" for name in ("cu_metal_rt", "cu_metal_10K", "CuS_covellite_13K_01")
)
MODEL = ["--model", "cu-k-feff"]


def compare(out, *words):
    """Run the command; content of its JSON file, which must contain no NaN or infinity."""
    assert run("compare", *words, *MODEL, "-o", out) == 0
    return values_of(out)


def values_of(path):
    return json.loads(path.read_text(), parse_constant=pytest.fail)


@pytest.mark.parametrize(
    ("scan", "first", "sure"),
    [(FOIL, {"Cu"}, True), (COLD, {"Cu"}, True), (CUS, {"CuS", "CuFeS2"}, False)],
    ids=["room temperature", "10 K", "covellite"],
)
def test_the_foil_chooses_copper_among_nine_and_covellite_is_not_significant(
    scan, first, sure, tmp_path, capsys
):
    """FEFF's own spectra of CuS and CuFeS2 fit covellite alike (docs/comparison.md)."""
    values = compare(tmp_path / "a.json", scan, *STRUCTURES, "--plot", tmp_path / "a.svg")
    assert {c["name"] for c in values["candidates"][: len(first)]} == first
    assert (values["lead"] > 1.5) is sure
    assert (values["first_in_draws"] > 0.95) is sure
    printed = capsys.readouterr().out
    assert ("beyond the model's own uncertainty" in printed) is sure
    assert ("not significant" in printed) is not sure
    assert len(values["candidates"]) == 9
    novel = {
        c["name"] for c in values["candidates"] if any(s["novel"] for s in c["sites"].values())
    }
    assert "CuCl" in novel
    assert "<svg" in (tmp_path / "a.svg").read_text()


OXIDES = [DATA / "candidates" / f"{m}.vasp" for m in ("mp-1103905", "mp-770107", "mp-753310")]


def test_the_foil_is_copper_whoever_else_is_listed(tmp_path, capsys):
    """Three oxides with late edges, or five times CuO, once moved the bounds of all."""
    copies = [tmp_path / f"CuO-{k}.vasp" for k in range(5)]
    for copy in copies:
        shutil.copy(COPPER / "CuO.vasp", copy)
    first = []
    for others in (OXIDES, [COPPER / "Cu2O.vasp", *copies], [*OXIDES, *copies]):
        values = compare(tmp_path / "foil.json", FOIL, CU, *others)
        assert values["lead"] > 2.0
        assert "beyond the model's own uncertainty" in values["verdict"]
        first.append(values["candidates"][0])
    assert {one["name"] for one in first} == {"Cu"}
    for name in ("shift", "broadening", "scale", "weight", "measures", "fitted"):
        for one in first[1:]:  # predicted in one batch with others, so equal up to float32
            assert one[name] == pytest.approx(first[0][name], rel=1e-5)
    assert first[0]["shift"] == pytest.approx(-6.7, abs=0.5)
    assert "a shift of -7.2 +- 1.9 eV is expected" in capsys.readouterr().out


def test_a_band_beyond_the_calibrated_energies_is_null(tmp_path):
    """Shifted by 15 eV, the last points are compared with energies that have no band."""
    half = compare(tmp_path / "a.json", FOIL, CU, "--shift", -15, -15)["candidates"][0][
        "half_width"
    ]
    assert None in half
    assert any(value is not None and value > 0 for value in half)
    assert run("report", tmp_path / "a.json", "-o", tmp_path / "far.html") == 0


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A library: three structures, one of them twice, and what is to be skipped."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    place = tmp_path / "library"
    (place / "more").mkdir(parents=True)
    for name in ("Cu", "CuS", "Cu2O"):
        shutil.copy(COPPER / f"{name}.vasp", place)
    shutil.copy(COPPER / "Cu.vasp", place / "more" / "POSCAR")
    (place / "broken.cif").write_text("data_x\n_cell_length_a 3\n")
    (place / "ZnO.xyz").write_text("2\n\nZn 0 0 0\nO 0 0 1.9\n")
    (place / "notes.txt").write_text("not a structure")
    return place


def test_a_library_gives_what_its_files_give_and_is_predicted_once(
    folder, tmp_path, capsys, monkeypatch
):
    out = tmp_path / "a.json"
    values = compare(out, FOIL, *(COPPER / f"{n}.vasp" for n in ("Cu", "CuS", "Cu2O")))
    alone = {c["name"]: c for c in values["candidates"]}
    capsys.readouterr()
    words = [FOIL, "--library", folder]
    values = compare(out, *words, "--top", 2)
    assert [c["name"] for c in values["candidates"]] == list(alone)
    assert "and 1 more" in capsys.readouterr().out
    for one in values["candidates"]:
        assert one["shift"] == pytest.approx(alone[one["name"]]["shift"], abs=0.005)
        assert one["fitted"] == pytest.approx(alone[one["name"]]["fitted"], abs=1e-4)
    reasons = " ".join(values["skipped"])
    for reason in ("1 structures without Cu", "1 structures identical", "broken.cif"):
        assert reason in reasons
    (kept,) = (path for path in (tmp_path / "cache").rglob("*") if path.is_file())  # no lock
    assert len(list(read_spectra(kept))) == 3
    assert run("report", out, "-o", tmp_path / "a.html") == 0
    with monkeypatch.context() as patch:
        patch.setattr(library, "make_rows", lambda *_: pytest.fail("predicted again"))
        assert compare(out, *words)["candidates"] == values["candidates"]
        names = [c["name"] for c in compare(out, *words, "--elements", "Cu", "S")["candidates"]]
        assert sorted(names) == ["Cu", "CuS"]
        shutil.copy(COPPER / "CuO.vasp", folder)
        with pytest.raises(pytest.fail.Exception):  # negative control: this one is new
            run("compare", *words, *MODEL)
    compare(out, *words)
    assert len(list(read_spectra(kept))) == 4


def test_a_library_may_be_a_database_or_a_file_of_structures(tmp_path, capsys):
    words = [FOIL, "--spectra", tmp_path / "kept.db", "--library"]
    results = []
    for file in ("structures.db", "frames.extxyz"):
        ase.io.write(tmp_path / file, [ase.io.read(COPPER / f"{n}.vasp") for n in ("Cu", "CuS")])
        values = compare(tmp_path / "a.json", *words, tmp_path / file)
        results.append([(c["name"][:2], c["shift"]) for c in values["candidates"]])
    assert results[0] == results[1]
    assert run("compare", *words, tmp_path / "none", *MODEL) == 1
    assert "no such folder or database" in capsys.readouterr().err


def test_the_expected_shift_is_that_of_known_structures(tmp_path, capsys):
    out = tmp_path / "aligned.pt"
    assert run("align", "cu-k-feff", FOIL, CU, COLD, CU, "-o", out) == 0
    before, after = TrainedModel.load("cu-k-feff"), TrainedModel.load(out)
    shifts = [float(line.split(": ")[1].split()[0]) for line in after.info.shift_scans]
    assert after.info.expected_shift == pytest.approx(np.mean(shifts), abs=0.011)
    assert after.info.shift_spread == pytest.approx(abs(shifts[0] - shifts[1]) / 2**0.5, abs=0.011)
    # the same metal: their edges in the files differ by 2.6 eV where they rise over a half
    assert shifts[0] - shifts[1] == pytest.approx(2.6, abs=0.4)
    old, new = (model.network.state_dict() for model in (before, after))
    assert all((old[name] == new[name]).all() for name in old)
    assert after.info.mean_spectrum == before.info.mean_spectrum
    assert after.calibration.novelty.threshold == before.calibration.novelty.threshold
    assert run("align", "cu-k-feff", FOIL, "-o", out) == 1
    assert "has no partner" in capsys.readouterr().err


def test_energies_of_a_prediction_say_whose_they_are_and_can_be_aligned(tmp_path, capsys):
    tables = []
    for name, how in (("feff", []), ("aligned", ["--align", "experiment"])):
        out = tmp_path / f"{name}.dat"
        words = ["predict", "cu-k-feff", CU, "-o", out, *how]
        assert run(*words, "--plot", tmp_path / f"{name}.svg") == 0
        assert ("those of FEFF 10.0.0, FEFF 9.9.1" in capsys.readouterr().out) is True
        assert ("aligned to experiment" in out.read_text()) is bool(how)
        tables.append(np.loadtxt(out))
    shift = TrainedModel.load("cu-k-feff").info.expected_shift
    assert tables[1][:, 0] - tables[0][:, 0] == pytest.approx(shift, abs=1e-3)
    assert (tables[1][:, 1:] == tables[0][:, 1:]).mean() > 0.999  # nan apart
    assert run("predict", "zn-k", CU, "--align", "experiment") == 1
    assert "knows no expected shift" in capsys.readouterr().err


def test_a_scan_is_a_mixture_of_itself(tmp_path, capsys):
    out = tmp_path / "mix.json"
    words = ["fit", COLD, FOIL, CUS, "--max_shift", 4, "--bootstrap", 20, "-o", out]
    assert run(*words, "--plot", tmp_path / "mix.png") == 0
    foil, cus = values_of(out)["components"]
    assert foil["fraction"] == pytest.approx(1.0, abs=0.03)
    assert cus["fraction"] < 0.03
    assert "R-factor" in capsys.readouterr().out


def test_a_scan_is_fitted_by_predictions_with_one_shift(tmp_path, capsys):
    out = tmp_path / "mix.json"
    assert (
        run("fit", FOIL, CU, COPPER / "CuO.vasp", *MODEL, "-o", out, "--plot", tmp_path / "mix.png")
        == 0
    )
    values = values_of(out)
    copper, oxide = values["components"]
    assert copper["fraction"] > 0.8
    assert copper["shift"] == pytest.approx(-6.7, abs=1.0)  # as `compare` finds it
    assert abs(copper["shift"] - oxide["shift"]) <= 2.0
    assert values["r_factor"] < 0.01
    assert 0.0 < copper["model_error"] < 0.1
    assert "common shift -6" in capsys.readouterr().out
    assert run("report", out, "-o", tmp_path / "mix.html") == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["compare", FOIL, CU, *MODEL, "--shift", 5, -5], "LOW HIGH"),
        (["compare", FOIL, CU, *MODEL, "--shift", -30, -30], "moves the model's edge to 8963"),
        (["compare", FOIL, CU, CU, *MODEL], "several structures are called Cu"),
        (["compare", FOIL, CU_K / "train.txt", *MODEL], "not a structure"),
        (["compare", CU, CU, *MODEL], "Cu.vasp"),
        (["compare", FOIL, CU, "--model", "zn-k"], "its element is Cu, expected Zn"),
        (["compare", FOIL, CU, *MODEL, "--measure", "x"], "one of"),
        (["compare", FOIL, CU, *MODEL, "--e0", 9060], "give --e0"),
        (["fit", FOIL, CU, "--model", "zn-k"], "its element is Cu, expected Zn"),
        (["fit", FOIL, COLD, FOIL.with_name("no.xdi")], "no such file"),
        (["fit", FOIL, COLD, "--max_shift", -1], "`max_shift` is -1"),
        (["fit", FOIL, COLD, "--bootstrap", 1], "`bootstrap` is 1"),
        (["align", "zn-k", FOIL, CU, "-o", "x.pt"], "its element is Cu, expected Zn"),
    ],
)
def test_what_is_wrong_is_named(words, message, capsys):
    assert run(*words) == 1
    assert message in capsys.readouterr().err


def test_edges_other_than_the_measured_one_are_refused(tmp_path, capsys):
    """A scan whose file names nothing is recognized by its energies, a reference by its header."""
    zinc = tmp_path / "scan.dat"
    rows = [line.split() for line in FOIL.read_text().splitlines() if line[:1] not in "#"]
    zinc.write_text("".join(f"{float(row[0]) + 680.0} {row[3]}\n" for row in rows))
    assert run("fit", zinc, CU, *MODEL) == 1
    assert "Cu K edge is at 8979.0 eV" in capsys.readouterr().err
    other = tmp_path / "other.xdi"
    other.write_text(FOIL.read_text().replace("symbol: Cu", "symbol: Zn"))
    assert run("fit", FOIL, other) == 1
    assert "other.xdi: its element is Zn, expected Cu" in capsys.readouterr().err
