"""Files of predicted spectra: each ending is what it says, read by something else."""

import csv
import importlib.util
import json
import sys
from dataclasses import replace

import numpy as np
import pytest
from ase.io import read
from command import error_of, run
from paths import ROOT, ZN_K

from src import StructurePrediction, XANESPredictor
from src.readers.materials_project import read_materials_project
from src.structures.pymatgen import as_atoms, to_dict
from src.xas.columns import read_columns
from src.xas.xdi import read_xdi

COPPER = ROOT / "docs" / "examples" / "copper"
NAMES = ("CuO", "Cu2O")


@pytest.fixture(scope="module")
def sites():
    """Predictions of two oxides from Python."""
    predictor = XANESPredictor("cu-k-feff")
    return {name: predictor(read(COPPER / f"{name}.vasp")) for name in NAMES}


def written(tmp_path, ending, *names):
    """File that the command writes."""
    path = tmp_path / f"x{ending}"
    structures = [COPPER / f"{name}.vasp" for name in names or NAMES]
    assert run("predict", "cu-k-feff", *structures, "-o", path) == 0
    return path


def test_comma_separated_values_are_those_of_the_table(tmp_path, sites):
    path, table = written(tmp_path, ".csv"), written(tmp_path, ".dat")
    labels = [x for x in table.read_text().splitlines() if x.startswith("#")][-1]
    names, *rows = csv.reader(path.read_text().splitlines())
    assert names == labels.split()[1:]
    read_back = read_columns(path)
    assert read_back.values.shape == (len(rows), len(names))
    assert read_back.labels[:2] == ["energy", names[1].lower()]
    values = np.array([[float(cell or "nan") for cell in row] for row in rows])
    np.testing.assert_allclose(values, np.loadtxt(table), atol=5e-5)  # of four decimals of energy
    for name, predicted in sites.items():
        column = values[:, names.index(f"{name}_{predicted[0].site}")]
        np.testing.assert_allclose(column, predicted[0].mu, atol=1e-6)
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_csv(path)
    assert list(frame) == names
    np.testing.assert_array_equal(frame.to_numpy(), values)


def test_json_and_arrays_hold_the_same_spectra(tmp_path, sites):
    stored = json.loads(written(tmp_path, ".json").read_text())
    with np.load(written(tmp_path, ".npz"), allow_pickle=False) as archive:
        arrays = dict(archive)
    assert stored["provenance"]["model"] == str(arrays["model"]) == "cu-k-feff"
    assert (stored["element"], stored["unit"]) == ("Cu", "1e-3 a0^2")
    row = 0
    for structure, name in zip(stored["structures"], NAMES, strict=True):
        assert structure["name"] == name
        for one, site in zip(structure["sites"], sites[name], strict=True):
            assert (one["site"], one["equivalent"]) == (site.site, site.equivalent)
            for values in (one["mu"], arrays["mu"][row]):
                np.testing.assert_allclose(values, site.mu, atol=1e-6)
            np.testing.assert_allclose(arrays["upper"][row], site.upper, atol=1e-6)
            row += 1
    np.testing.assert_allclose(arrays["energy"], sites["CuO"][0].energy)


def test_xdi_is_read_back_with_its_edge(tmp_path, sites):
    path = written(tmp_path, ".xdi", "CuO")
    assert path.read_text().startswith("# XDI/1.0 ")
    spectrum = read_xdi(path)
    assert (spectrum.element, spectrum.edge) == ("Cu", "K")
    (site,) = sites["CuO"][:1]
    np.testing.assert_allclose(spectrum.mu, np.loadtxt(path)[:, 1])
    np.testing.assert_allclose(spectrum.energy, site.energy)


def test_several_structures_are_refused_as_xdi_before_they_are_predicted(
    tmp_path, capsys, monkeypatch
):
    words = ["predict", "cu-k-feff", *(COPPER / f"{name}.vasp" for name in NAMES), "-o"]
    predicted = []
    monkeypatch.setattr(
        "src.commands.predict.predict_files", lambda *_: predicted.append(1) or sys.exit(9)
    )
    assert run(*words, tmp_path / "x.xdi") == 1
    assert "x.xdi: XDI contains one structure, not 2" in error_of(capsys)
    assert not predicted
    with pytest.raises(SystemExit):  # negative control
        run(*words, tmp_path / "x.csv")
    assert predicted


def test_a_hash_in_a_name_begins_no_comment(sites):
    site = replace(sites["CuO"][0], structure="a #1")
    assert list(StructurePrediction([site]).columns())[1] == f"a_-1_{site.site}"


def test_objects_of_pymatgen_are_records_again(tmp_path, sites):
    path = written(tmp_path, ".xas.json")
    records = list(read_materials_project(path))
    expected = [site for name in NAMES for site in sites[name]]
    assert [record.site for record in records] == [site.site for site in expected]
    for record, site in zip(records, expected, strict=True):
        np.testing.assert_allclose(record.mu, site.mu, atol=1e-6)
    atoms = read(COPPER / "CuO.vasp")
    np.testing.assert_allclose(records[0].atoms.get_all_distances(mic=True),
                               atoms.get_all_distances(mic=True), atol=1e-9)  # fmt: skip
    pymatgen = pytest.importorskip("pymatgen.analysis.xas.spectrum")
    first = pymatgen.XAS.from_dict(json.loads(path.read_text())[0])
    np.testing.assert_allclose(first.y, expected[0].mu, atol=1e-6)
    assert first.structure.composition.reduced_formula == "CuO"


@pytest.mark.parametrize("pbc", [[1, 1, 1], [1, 1, 0], [0, 0, 0]])
def test_structures_of_pymatgen_keep_cell_and_periodicity(pbc):
    atoms = read(COPPER / "CuO.vasp")
    atoms.pbc = pbc
    again = as_atoms(type("Any", (), {"as_dict": lambda _: to_dict(atoms)})())
    assert again.pbc.tolist() == atoms.pbc.tolist()
    assert again.get_chemical_symbols() == atoms.get_chemical_symbols()
    np.testing.assert_allclose(again.positions, atoms.positions)
    if any(pbc):
        np.testing.assert_allclose(again.cell, atoms.cell)


def test_chemiscope_has_every_absorber_with_its_spectrum(tmp_path, sites):
    data = json.loads(written(tmp_path, ".chemiscope.json").read_text())
    centers = [(e["structure"], e["center"]) for e in data["environments"]]
    expected = {
        (number, atom): site.mu
        for number, name in enumerate(NAMES)
        for site in sites[name]
        for atom in site.equivalent
    }
    assert centers == sorted(expected)
    mu = data["properties"]["mu"]
    assert (mu["target"], mu["parameters"]) == ("atom", ["energy"])
    np.testing.assert_allclose(mu["values"], [expected[c] for c in centers], atol=1e-6)
    np.testing.assert_allclose(data["parameters"]["energy"]["values"], sites["CuO"][0].energy)
    for number, center in centers:
        assert data["structures"][number]["names"][center] == "Cu"
    single = [p for p in data["properties"].values() if "parameters" not in p]
    assert len(single) >= 3
    assert all(np.isfinite(p["values"]).all() and len(p["values"]) == len(centers) for p in single)
    chemiscope = pytest.importorskip("chemiscope")
    frames = [read(COPPER / f"{name}.vasp") for name in NAMES]
    again = chemiscope.create_input(
        frames, properties={"mu": {**mu, "values": np.array(mu["values"])}},
        environments=[(*center, 5.0) for center in centers],
        parameters={"energy": {"values": np.array(data["parameters"]["energy"]["values"]),
                               "units": "eV", "name": "energy"}},
    )  # fmt: skip
    assert again["properties"]["mu"] == mu
    assert again["parameters"] == data["parameters"]
    assert again["environments"] == data["environments"]


def test_an_athena_project_is_read_by_larch(tmp_path, sites, capsys):
    if importlib.util.find_spec("larch") is None:
        assert run("predict", "cu-k-feff", COPPER / "CuO.vasp", "-o", tmp_path / "x.prj") == 1
        assert "pip install 'e3gnn-xanes[athena]'" in error_of(capsys)
        pytest.skip("larch is not installed")
    from larch.io import read_athena

    project = read_athena(str(written(tmp_path, ".prj", "CuO")), do_preedge=False)
    (group,) = project.groups.values()
    np.testing.assert_allclose(group.energy, sites["CuO"][0].energy)
    np.testing.assert_allclose(group.mu, sites["CuO"][0].mu, atol=1e-6)


@pytest.mark.parametrize("name", ["x.txt", "x.png", "x", "x.json.bak", "x.xyz"])
def test_other_endings_are_refused_before_the_work(name, tmp_path, capsys):
    structure = COPPER / "CuO.vasp"
    for command in (
        ["predict", "cu-k-feff", structure],
        ["compare", ROOT / "tests/data/experiment/cu_metal_rt.xdi", structure, "--model", "zn-k"],
        ["explain", "cu-k-feff", structure, "--site", 0],
    ):
        assert run(*command, "-o", tmp_path / name) == 1
        assert "expected ." in error_of(capsys)
    assert run("dataset", ZN_K / "val.extxyz", "-o", tmp_path / name) == 1
    assert "expected .db" in error_of(capsys)
    assert not list(tmp_path.iterdir())


def test_relative_energies_are_not_written_as_absolute_ones(tmp_path, capsys):
    structure = tmp_path / "ZnO.xyz"
    structure.write_text("2\n\nZn 0 0 0\nO 1.9 0 0\n")
    for ending in (".xdi", ".xas.json", ".prj"):
        assert run("predict", "zn-k", structure, "-o", tmp_path / f"x{ending}") == 1
        assert "relative to an unspecified edge" in error_of(capsys)
