"""Commands with a model of several elements: each absorber, or the one that is named."""

import csv
from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from command import error_of, run
from paths import DATA
from several import SMALL, UNIT, made, write_several

from src import predict
from src.checkpoints.trained_model import TrainedModel
from src.comparison.expected_shift import measured_at_edge
from src.comparison.library import cache_file
from src.dataset.database import Database
from src.errors import ConfigError
from src.xas.edges import find_edge

CORNERS = [[0, 0, 0], [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5], [0.5, 0.5, 0.5]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Database, model and a structure with both elements."""
    folder = tmp_path_factory.mktemp("several")
    write_several(folder / "both.db")
    assert run("train", folder / "both.db", "-o", folder / "both", *SMALL) == 0
    atoms = Atoms("CuTiOFeMn", scaled_positions=CORNERS, cell=[4] * 3, pbc=True)
    atoms.write(folder / "mixed.vasp")
    return folder


def column(path):
    """Energy and first spectrum of a table."""
    return np.array(list(csv.reader(path.read_text().splitlines()))[1:], dtype=float).T[:2]


def test_each_trained_absorber_is_predicted_in_a_file_of_its_own(folder, tmp_path, capsys):
    words = ["predict", folder / "both", folder / "mixed.vasp"]
    assert run(*words, "-o", tmp_path / "x.csv", "--plot", tmp_path / "x.png") == 0
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"Cu-K_x.csv", "Ti-K_x.csv", "Cu-K_x.png", "Ti-K_x.png"}
    for element, unit in (("Cu", 0.9), ("Ti", 2.0)):
        energy, mu = column(tmp_path / f"{element}-K_x.csv")
        assert 0 <= energy[0] - find_edge(element, "K").energy + 10 < 20
        assert mu[-20:].mean() == pytest.approx(unit, rel=0.15)
    assert run(*words, "--element", "Cu", "-o", tmp_path / "one.csv") == 0
    np.testing.assert_array_equal(column(tmp_path / "one.csv"), column(tmp_path / "Cu-K_x.csv"))
    assert run("predict", f"{folder}/both:Cu", folder / "mixed.vasp", "-o", tmp_path / "n.csv") == 0
    np.testing.assert_array_equal(column(tmp_path / "n.csv"), column(tmp_path / "one.csv"))


def test_an_absorber_that_was_never_trained_is_predicted_with_a_warning(folder, capsys):
    sites = predict(folder / "mixed.vasp", model=f"{folder}/both:Fe")
    assert sites[0].element == "Fe"
    assert UNIT["Cu"] < sites[0].mu[-20:].mean() < UNIT["Ti"]
    assert "no training spectra" in sites[0].reasons[0]
    rare, known = (
        predict(folder / "mixed.vasp", model=f"{folder}/both:{x}")[0] for x in ("Mn", "Cu")
    )
    assert rare.novel
    assert "2 training spectra" in rare.reasons[0]
    assert not any("training spectra" in reason for reason in known.reasons)
    words = ["predict", folder / "both", folder / "mixed.vasp", "--element"]
    assert run(*words, "Fe") == 0
    assert "no Fe was an absorber" in capsys.readouterr().err
    assert run(*words, "Cu") == 0
    assert "was an absorber" not in capsys.readouterr().err
    assert run(*words, "Xx") == 1
    assert "Xx" in error_of(capsys)


def test_evaluate_reports_each_element_in_its_unit(folder, tmp_path, capsys):
    words = ["evaluate", folder / "both", folder / "both.db", "--predictions", tmp_path / "p.npz"]
    ids = tmp_path / "all.txt"
    ids.write_text("\n".join(Database(folder / "both.db").ids))
    assert run(*words, "--ids", ids) == 0
    printed = capsys.readouterr().out
    assert "Cu K edge, FEFF 9.9.1: 80 sites" in printed
    assert "Ti K edge, FEFF 9.9.1: 100 sites" in printed
    for element, number in (("Cu", 80), ("Ti", 100)):
        with np.load(tmp_path / f"{element}-K_p.npz", allow_pickle=False) as arrays:
            assert arrays["mu"].shape == (number, len(arrays["energy"]))
            first = made(element, 0, str(arrays["ids"][0]).rpartition("_")[0])
            assert abs(arrays["energy"][0] - first.energy[0]) < 6.0
            assert arrays["mu"][:, -20:].mean() == pytest.approx(UNIT[element], rel=0.1)
    database = Database(folder / "both.db")
    ids.write_text("\n".join(i for i in database.ids if database.entry(i).element == "Cu"))
    assert run(*words, "--ids", ids) == 0  # of one element: the file as it was named
    assert (tmp_path / "p.npz").is_file()


def test_a_command_for_one_edge_says_how_to_name_it(folder, tmp_path, capsys):
    assert run("predict", folder / "both", folder / "mixed.vasp", "-o", tmp_path / "x.db") == 1
    assert f"{folder}/both:Cu" in error_of(capsys)
    assert run("predict", f"{folder}/both:Cu", folder / "mixed.vasp", "-o", tmp_path / "x.db") == 0


def test_bands_of_a_model_of_several_elements_have_the_unit_of_each(folder, tmp_path):
    ids = tmp_path / "ids.txt"
    held = TrainedModel.load(folder / "both").info.val_ids
    ids.write_text("\n".join(held))
    words = ["calibrate", folder / "both", folder / "both.db", "--ids", ids, "--coverage", 0.3]
    assert run(*words, "-o", tmp_path / "c.pt") == 0
    model = TrainedModel.load(tmp_path / "c.pt")
    common, widths = model.calibration, {}
    assert (common.coverage, sorted(common.ids)) == (0.3, sorted(held))
    distance = np.array([1.0, 2.0])
    for element in UNIT:
        unit = next(scale.edge_step for scale in model.info.edges if scale.element == element)
        own = model.of(element).calibration
        quantile = common.by_edge.get(f"{element} K", common.quantile)
        expected = replace(common, quantile=quantile)
        widths[element] = own.half_width(None, distance)
        np.testing.assert_allclose(widths[element], unit * expected.half_width(None, distance))
        with_spread = replace(
            expected, by_edge={}, law=np.array([0.5, 0.3, 0.2])
        )  # as of an ensemble
        spread = np.full((2, len(common.energy)), 0.01)
        np.testing.assert_allclose(
            with_spread.of("", unit).half_width(unit * spread, distance),
            unit * with_spread.half_width(spread, distance),
        )
    assert not np.allclose(widths["Cu"], widths["Ti"])
    assert "Ti K" in common.by_edge
    assert "Mn K" not in common.by_edge  # too few sites
    site = predict(folder / "mixed.vasp", model=f"{tmp_path}/c.pt:Ti")[0]
    calibrated = site.energy < site.energy[0] + 34.9
    assert (site.upper > site.mu)[calibrated].all()
    assert np.isnan(site.upper[~calibrated][1:]).all()


def test_kept_spectra_of_a_library_are_those_of_the_element(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    models = [TrainedModel.load(f"{folder}/both:{element}") for element in ("Cu", "Ti", "Cu")]
    files = [cache_file(model, folder) for model in models]
    assert files[0] == files[2] != files[1]


def test_a_scan_chooses_the_edge_with_the_column_that_is_named(folder, tmp_path):
    lines = (DATA / "experiment" / "cu_metal_rt.xdi").read_text().splitlines()
    head = [line for line in lines if line.startswith("#") and "Column" not in line]
    rows = [line.split() for line in lines if line and not line.startswith("#")]
    names = ["# Column.1: energy eV", "# Column.2: mutrans", "# Column.3: mufluor"]
    table = [f"{row[0]} {row[3]} {2 * float(row[3]) + float(row[0]) / 2e4}" for row in rows]
    scan = tmp_path / "two.xdi"
    scan.write_text("\n".join([head[0], *names, *head[1:], *table]) + "\n")
    both = TrainedModel.load(folder / "both")
    model, measured = measured_at_edge(both, scan, column="mutrans")
    assert (model.info.element, model.info.edge) == ("Cu", "K")
    assert measured.norm.made_from.startswith("mu from mutrans")
    lines = [x for x in scan.read_text().splitlines() if not x.startswith("# Element.")]
    scan.write_text("\n".join(lines) + "\n")
    with pytest.raises(ConfigError, match="names no element"):
        measured_at_edge(both, scan, column="mutrans")
