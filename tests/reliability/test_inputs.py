"""Every bad value is refused with a message that says so, and nothing is left behind.

The rows are also the page docs/input-checks.md; ``python research/input_checks.py`` writes it.
"""

import contextlib
import inspect
import io
from dataclasses import fields
from pathlib import Path

import pytest
from input_commands import BASE, Command
from input_functions import config, graph, tiny
from input_rows import COMMANDS, FUNCTIONS, page
from input_signatures import REASONS, RESULTS, documented, parameters, public_calls, without_row
from input_world import make_world
from paths import ROOT

import src
from src.cli import JOBS, main
from src.config import EnergyConfig, TrainingOptions
from src.data.readers.columns import read_columns
from src.data.readers.formats import find_sources
from src.data.readers.xdi import read_xdi, write_xdi
from src.model.gnn import XANES_E3GNN
from src.train import run_training

pytestmark = pytest.mark.reliability
OURS = "e3gnn-xanes: error: "


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """The files, made once."""
    folder = tmp_path_factory.mktemp("inputs")
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return {**make_world(folder), "out": str(folder / "out"), "folder": folder}


def names(world):
    """Every file and folder."""
    return sorted(world["folder"].rglob("*"))


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: f"{row.where} {row.argument} {row.value}")
def test_a_command_refuses(row, world, capsys):
    before = names(world)
    code = main([word.format(**world) for word in row.words()])
    error = capsys.readouterr().err
    assert code == row.code, error
    assert "Traceback" not in error
    assert "internal error" not in error
    said = [line for line in error.splitlines() if line.startswith(OURS)]
    message = row.message.format(**world)
    if said:
        assert len(said) == 1
        assert said[0].removeprefix(OURS).startswith(message), said[0]
    else:
        assert row.code == 2
        assert message in " ".join(error.split()), error
    assert names(world) == before


@pytest.mark.parametrize("command", [name for name in BASE if name != "calibrate"])
def test_without_a_bad_value_a_command_works(command, world, tmp_path, capsys):
    """Negative control: what the rows spoil is whole (calibration needs more sites than these)."""
    words = Command(command, "", None, 0, "").words()
    where = {**world, "out": tmp_path / "out"}
    if command == "train":
        words += ["--training.epochs", "1"]
    assert main([word.format(**where) for word in words]) == 0, capsys.readouterr().err


@pytest.mark.parametrize(
    "row", FUNCTIONS, ids=lambda row: f"{row.where} {row.argument} {row.value}"
)
def test_a_function_refuses(row, world):
    before = names(world)
    with pytest.raises(row.error) as caught:
        row.call(world)
    assert str(caught.value).startswith(row.message.format(**world)), str(caught.value)
    assert "\n" not in str(caught.value)
    assert names(world) == before


def test_every_argument_of_every_command_has_a_row():
    tried = {(row.where, row.argument.lstrip("-")) for row in COMMANDS}
    tried |= {(where, "output") for where, name in tried if name == "o"}
    missing = [
        (command, entry.name)
        for command, job in JOBS.items()
        for entry in fields(job)
        if entry.type is not bool
        and entry.name not in ("energy", "training", "model")
        and (command, entry.name) not in tried
    ]
    groups = {
        "energy": [entry.name for entry in fields(EnergyConfig)],
        "training": [entry.name for entry in fields(TrainingOptions)],
        "model": list(inspect.signature(XANES_E3GNN).parameters),
    }
    missing += [
        ("train", f"{group}.{name}")
        for group, names_of in groups.items()
        for name in names_of
        if name != "avg_num_neighbors" and ("train", f"{group}.{name}") not in tried
    ]
    assert missing == []
    assert len(COMMANDS) + len(FUNCTIONS) > 400


def test_every_public_name_is_documented():
    names_of = {name.rpartition(".")[2] for name in documented()}
    assert set(src.__all__) <= names_of
    assert names_of - RESULTS == {name for name in public_calls() if "." not in name}


def test_every_parameter_of_every_public_function_has_a_row_or_a_reason():
    assert without_row(public_calls(), FUNCTIONS) == set()


def test_a_new_parameter_without_a_row_is_noticed():
    """Negative control: a copy of a signature with one more parameter, and a new function."""

    def predict_structure(model, info, atoms, name, sites, energy, other_element, temperature): ...

    calls = {**public_calls(), "predict_structure": predict_structure, "melt": lambda rate: rate}
    assert without_row(calls, FUNCTIONS) == {
        ("predict_structure", "temperature"), ("melt", "rate"),
    }  # fmt: skip


def test_rows_and_reasons_are_of_parameters_that_there_are():
    there = parameters(public_calls())
    tried = {(row.where, row.argument) for row in FUNCTIONS}
    assert tried - there == set()
    assert set(REASONS) - there == set()
    assert set(REASONS) & tried == set()


def test_the_page_is_what_the_rows_give():
    written = (ROOT / "docs" / "input-checks.md").read_text(encoding="utf-8")
    assert written == page(), "run python research/input_checks.py"


def test_a_path_may_be_text(world, tmp_path):
    """Where a `Path` is taken, its text is: readers and the files of a training."""
    assert len(find_sources(world["calculations"])) == 1
    assert read_columns(world["columns"]).values.shape == (30, 2)
    write_xdi(read_xdi(world["foil"]), str(tmp_path / "foil.xdi"))
    assert (tmp_path / "foil.xdi").is_file()
    files = {name: str(tmp_path / name) for name in ("save_path", "metrics_path")}
    run_training(tiny(), [graph()], [graph()], config(**files))
    assert all(Path(path).is_file() for path in files.values())
