"""`info` of measured files, predicted spectra, results and structures."""

import json

import ase.db
import numpy as np
import pytest
from ase.build import bulk
from paths import DATA, EXPERIMENT

from src.cli import main

FOIL = EXPERIMENT / "cu_metal_rt.xdi"


@pytest.fixture
def info(capsys):
    """What `info` prints."""

    def run(*words):
        code = main(["info", *map(str, words)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_a_scan(info):
    """E0 and edge step are those of larch for the foil."""
    known = json.loads((EXPERIMENT / "larch.json").read_text())["cu_metal_rt"]
    code, out, _ = info(FOIL)
    assert code == 0
    assert "columns: 1 energy (ev), 2 i0, 3 itrans, 4 mutrans" in out
    assert "mu from mutrans" in out
    assert f"e0: {known['e0']:.2f} eV, near Cu K (8979.0 eV); the header says Cu K" in out
    assert f"edge step: {known['edge_step']:.4g}" in out
    assert "noise of a point: 0.00" in out
    assert "mu from ln(2/3)" in info(FOIL, "--mu", "ln(2/3)")[1]


def test_a_table_whose_mu_is_not_known(info, tmp_path):
    np.savetxt(tmp_path / "scan.dat", np.arange(8900.0, 8940.0)[:, None] + np.arange(3))
    code, out, _ = info(tmp_path / "scan.dat")
    assert code == 0
    assert "columns of text: 40 rows\ncolumns: 3 without names\nwhich of 3 columns is mu?" in out
    assert "mu from column 3" in info(tmp_path / "scan.dat", "--mu", "3")[1]


def test_groups_of_a_project(info):
    code, out, _ = info(DATA / "athena" / "Ge.prj")
    assert code == 0
    assert "2 groups" in out
    assert "Crystalline Ge: mu(E), 531 points, shifted by -8.000 eV" in out
    assert "near Ge K" in info(f"{DATA / 'athena' / 'Ge.prj'}:Crystalline Ge")[1]


def test_databases_of_spectra_and_of_structures(info, tmp_path):
    with ase.db.connect(tmp_path / "in.db") as database:
        for a in (3.5, 3.6, 3.7):
            database.write(bulk("Cu", a=a))
    code, out, _ = info(tmp_path / "in.db")
    assert (code, out.count("Cu, 1 atoms")) == (0, 3)
    assert main(
        ["predict", "cu-k-feff", str(tmp_path / "in.db"), "-o", str(tmp_path / "out.db")]
    ) in (0, 3)
    code, out, _ = info(tmp_path / "out.db")
    assert code == 0
    assert "predicted spectra: 3 structures, 3 spectra, 0 failed" in out


def test_a_result(info, tmp_path):
    values = {"kind": "explanation", "site": 3, "energy": [8970.0, 9010.0], "model": {"name": "m"}}
    values["neighbors"] = [{"index": 1, "element": "O"}, {"index": 2, "element": "Cu"}]
    (tmp_path / "a.json").write_text(json.dumps(values))
    code, out, _ = info(tmp_path / "a.json")
    assert code == 0
    assert "kind: explanation\nsite: 3\nenergy: 2 values, 8970 to 9010\nmodel: name m\n" in out
    assert "neighbors: 2: O; Cu" in out
    (tmp_path / "b.json").write_text("{}")
    code, _, error = info(tmp_path / "b.json")
    assert code == 1
    assert "b.json" in error
