"""What leaves the page says what the page shows: lines that run, files, a link."""

import json
import shlex
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
from command import run
from paths import ROOT

from src.app import export
from src.app.state import Scan, State, predict_both
from src.errors import ConfigError, StructureError
from src.structures.distortion import Distortion, surroundings

CUO = ROOT / "docs" / "examples" / "copper" / "CuO.vasp"


def predicted(state):
    """The state, predicted as the page does."""
    state.accept(*predict_both(state.request(), state.undistorted))
    return state


@pytest.fixture
def state():
    """CuO with its first shell of oxygen moved, in a strained cell."""
    made = State()
    made.add(CUO)
    made.site = 4
    shell = surroundings(made.structure.atoms, 4)[1][0]
    made.geometry = Distortion(isotropic=1.0, moved=shell.members, shift=0.05)
    return predicted(made)


def test_python_lines_give_the_spectrum_of_the_page(state):
    names = {}
    exec(export.python_lines(state), names)  # noqa: S102
    assert names["sites"][0].mu == pytest.approx(state.result.sites[0].mu, abs=1e-6)
    assert abs(names["sites"][0].mu - state.undistorted.sites[0].mu).max() > 1e-3


def test_command_lines_give_the_spectrum_of_the_page(state, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    remark, line = export.command_lines(state)
    assert remark.startswith(f"# {export.file_name(state)}")
    export.save_file(state, tmp_path / export.file_name(state))
    assert run(*shlex.split(line)[1:]) == 0
    table = np.genfromtxt(tmp_path / "CuO-shown.csv", delimiter=",", names=True)
    columns = [name for name in table.dtype.names if name.endswith("_4")]
    assert table[columns[0]] == pytest.approx(state.result.sites[0].mu, abs=1e-5)


def test_files_have_the_numbers_of_the_page(state, tmp_path):
    files = {ending: tmp_path / f"x{ending}" for ending in (".json", ".csv", ".xdi", ".svg")}
    for path in files.values():
        export.save_file(state, path)
    values = json.loads(files[".json"].read_text())
    assert values["structures"][0]["sites"][0]["mu"] == pytest.approx(state.result.sites[0].mu)
    assert files[".csv"].read_text().startswith("energy_eV,")
    assert files[".xdi"].read_text().startswith("# XDI/1.0")
    width = files[".svg"].read_text().split('width="')[1].split("pt")[0]
    assert float(width) == pytest.approx(3.3 * 72, abs=1)  # a journal's column
    with pytest.raises(ConfigError, match="no spectrum"):
        export.save_file(State(), files[".csv"])


def test_figure_says_what_was_done_to_the_structure_and_what_the_band_is(state):
    def words(of):
        (axes,) = export.draw(of, of.result, []).axes
        return [text.get_text() for text in [*axes.texts, *axes.get_legend().get_texts()]]

    assert any("strain +1 %\nneighbors +0.05 Å" in text for text in words(state))
    assert "90 % band" in words(state)
    state.geometry = Distortion()  # control
    assert not any("strain" in text or "neighbors" in text for text in words(predicted(state)))


def test_link_restores_the_state(state):
    scan = Scan(ROOT / "foil.xdi", mu="-ln(3/2)", norm1=50.0)
    state = replace(state, axis="relative", derivative=True, edge=("Cu", "K"), scan=scan)
    again = State()
    export.restore(again, dict(parse_qsl(urlsplit(export.link(state)).query)))
    predicted(again)
    for name in ("axis", "derivative", "edge", "geometry", "scan", "site"):
        assert getattr(again, name) == getattr(state, name)
    assert again.result.sites[0].mu == pytest.approx(state.result.sites[0].mu, abs=1e-12)


@pytest.mark.parametrize(
    "values",
    [
        {"axis": "<b>"},
        {"scan": '{"e0": "x"}'},
        {"structure": str(CUO), "frame": "7"},
        {"geometry": '{"isotropic": "x"}'},
        {"geometry": '{"isotropic": 1e999}'},
        {"geometry": "[1]"},
        {"edge": "Cu"},
        {"color": "red"},
    ],
)
def test_link_with_a_wrong_value_is_refused_in_one_line(values):
    with pytest.raises(ConfigError, match="link"):
        export.restore(State(), values)


def test_large_file_is_refused_before_it_is_read(tmp_path):
    with (tmp_path / "large.cif").open("wb") as file:
        file.truncate(500_000_000)  # sparse
    with pytest.raises(StructureError, match=r"large\.cif: larger than 50 MB, not read"):
        State().add(tmp_path / "large.cif")
