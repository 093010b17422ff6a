"""`compare` and `fit` on measured scans: the foil is copper; what goes wrong is said."""

import json

import pytest
from command import run
from paths import CU_K, EXPERIMENT, ROOT

COPPER = ROOT / "docs" / "examples" / "copper"
FOIL, COLD, CUS = (
    EXPERIMENT / f"{name}.xdi" for name in ("cu_metal_rt", "cu_metal_10K", "CuS_covellite_13K_01")
)


@pytest.fixture(scope="module")
def structures():
    return sorted(COPPER.glob("*.vasp"))


@pytest.mark.parametrize("scan", [FOIL, COLD], ids=["room temperature", "10 K"])
def test_the_foil_chooses_copper_among_nine(scan, structures, tmp_path, capsys):
    out = tmp_path / "foil.json"
    words = ["compare", scan, *structures, "--model", "cu-k-feff", "-o", out]
    assert run(*words, "--plot", tmp_path / "foil.svg") == 0
    found = json.loads(out.read_text())
    assert found["candidates"][0]["name"] == "Cu"
    assert found["lead"] > 2.0
    assert found["first_in_draws"] > 0.95
    assert "beyond the model's own uncertainty" in capsys.readouterr().out
    assert len(found["candidates"]) == 9
    assert "<svg" in (tmp_path / "foil.svg").read_text()


def test_covellite_is_not_proven_and_that_is_said(structures, tmp_path, capsys):
    """The training set holds no binary copper sulphide; the model flags it and claims nothing."""
    out = tmp_path / "cus.json"
    assert run("compare", CUS, *structures, "--model", "cu-k-feff", "-o", out) == 0
    found = json.loads(out.read_text())
    assert {c["name"] for c in found["candidates"][:2]} == {"CuS", "CuFeS2"}
    assert found["first_in_draws"] < 0.95
    assert "not proven" in capsys.readouterr().out
    (cus,) = (c for c in found["candidates"] if c["name"] == "CuS")
    assert any(site["novel"] for site in cus["sites"].values())


def test_a_scan_is_a_mixture_of_itself(tmp_path, capsys):
    out = tmp_path / "mix.json"
    words = ["fit", COLD, FOIL, CUS, "--max_shift", 4, "--bootstrap", 20, "-o", out]
    assert run(*words, "--plot", tmp_path / "mix.png") == 0
    foil, cus = json.loads(out.read_text())["components"]
    assert foil["fraction"] == pytest.approx(1.0, abs=0.03)
    assert cus["fraction"] < 0.03
    assert "R-factor" in capsys.readouterr().out


def test_a_scan_is_fitted_by_predictions(structures, capsys):
    chosen = [path for path in structures if path.stem in ("Cu", "CuO")]
    assert run("fit", FOIL, *chosen, "--model", "cu-k-feff", "--max_shift", 5) == 0
    rows = {line.split()[0]: float(line.split()[1]) for line in capsys.readouterr().out.splitlines()
            if line.startswith("Cu")}  # fmt: skip
    assert rows["Cu"] > 0.8


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["compare", FOIL, COPPER / "Cu.vasp", "--model", "cu-k-feff", "--shift", 5, -5],
            "LOW HIGH",
        ),
        (
            ["compare", FOIL, COPPER / "Cu.vasp", COPPER / "Cu.vasp", "--model", "cu-k-feff"],
            "several",
        ),
        (["compare", FOIL, CU_K / "train.txt", "--model", "cu-k-feff"], "not a structure"),
        (["compare", COPPER / "Cu.vasp", COPPER / "Cu.vasp", "--model", "cu-k-feff"], "Cu.vasp"),
        (["compare", FOIL, COPPER / "Cu.vasp", "--model", "zn-k"], "its element is Cu, wanted Zn"),
        (["compare", FOIL, COPPER / "Cu.vasp", "--model", "cu-k-feff", "--measure", "x"], "one of"),
        (["compare", FOIL, COPPER / "Cu.vasp", "--model", "cu-k-feff", "--e0", 9060], "give --e0"),
        (["fit", FOIL, COLD, FOIL.with_name("no.xdi")], "no such file"),
        (["fit", FOIL, COLD, "--max_shift", -1], "`max_shift` is -1"),
    ],
)
def test_what_is_wrong_is_named(words, message, capsys):
    assert run(*words) == 1
    assert message in capsys.readouterr().err
