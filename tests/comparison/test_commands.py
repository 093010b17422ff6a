"""`compare` and `fit` on measured scans: the foil is copper; what goes wrong is said."""

import json

import pytest
from command import run
from paths import CU_K, EXPERIMENT, ROOT

COPPER = ROOT / "docs" / "examples" / "copper"
STRUCTURES = sorted(COPPER.glob("*.vasp"))
FOIL, COLD, CUS = (
    EXPERIMENT / f"{name}.xdi" for name in ("cu_metal_rt", "cu_metal_10K", "CuS_covellite_13K_01")
)
MODEL = ["--model", "cu-k-feff"]


def values_of(path):
    """Content of a JSON file, which must contain no NaN or infinity."""
    return json.loads(path.read_text(), parse_constant=pytest.fail)


@pytest.mark.parametrize("scan", [FOIL, COLD], ids=["room temperature", "10 K"])
def test_the_foil_chooses_copper_among_nine(scan, tmp_path, capsys):
    out = tmp_path / "foil.json"
    assert run("compare", scan, *STRUCTURES, *MODEL, "-o", out, "--plot", tmp_path / "a.svg") == 0
    values = values_of(out)
    assert values["candidates"][0]["name"] == "Cu"
    assert values["lead"] > 2.0
    assert values["first_in_draws"] > 0.95
    assert "beyond the model's own uncertainty" in capsys.readouterr().out
    assert len(values["candidates"]) == 9
    assert "<svg" in (tmp_path / "a.svg").read_text()


def test_covellite_is_not_significant_and_that_is_said(tmp_path, capsys):
    """The training set contains no binary copper sulphide; the model flags it."""
    out = tmp_path / "cus.json"
    assert run("compare", CUS, *STRUCTURES, *MODEL, "-o", out) == 0
    values = values_of(out)
    assert {c["name"] for c in values["candidates"][:2]} == {"CuS", "CuFeS2"}
    assert values["first_in_draws"] < 0.95
    assert "not significant" in capsys.readouterr().out
    (cus,) = (c for c in values["candidates"] if c["name"] == "CuS")
    assert any(site["novel"] for site in cus["sites"].values())


def test_a_band_beyond_the_calibrated_energies_is_null(tmp_path):
    """Shifted by 30 eV, the measured points are compared with energies that have no band."""
    out = tmp_path / "far.json"
    words = ["compare", FOIL, COPPER / "Cu.vasp", *MODEL, "-o", out, "--shift", -30, -30]
    assert run(*words) == 0
    half = values_of(out)["candidates"][0]["half_width"]
    assert None in half
    assert any(value is not None and value > 0 for value in half)
    assert run("report", out, "-o", tmp_path / "far.html") == 0


def test_a_scan_is_a_mixture_of_itself(tmp_path, capsys):
    out = tmp_path / "mix.json"
    words = ["fit", COLD, FOIL, CUS, "--max_shift", 4, "--bootstrap", 20, "-o", out]
    assert run(*words, "--plot", tmp_path / "mix.png") == 0
    foil, cus = values_of(out)["components"]
    assert foil["fraction"] == pytest.approx(1.0, abs=0.03)
    assert cus["fraction"] < 0.03
    assert "R-factor" in capsys.readouterr().out


def test_a_scan_is_fitted_by_predictions(capsys):
    chosen = [path for path in STRUCTURES if path.stem in ("Cu", "CuO")]
    assert run("fit", FOIL, *chosen, *MODEL, "--max_shift", 5) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    (copper,) = (row for row in rows if row[0] == "Cu" and len(row) == 5)
    assert float(copper[1]) > 0.8


CU = COPPER / "Cu.vasp"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["compare", FOIL, CU, *MODEL, "--shift", 5, -5], "LOW HIGH"),
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
