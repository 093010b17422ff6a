"""Every bad value is refused in one line that names the field or the file, and leaves nothing."""

import contextlib
import io
import re
from pathlib import Path

import pytest
from input_commands import BASE, Command
from input_functions import config, graph, tiny
from input_rows import COMMANDS, FUNCTIONS
from input_world import make_world

from src.cli import main
from src.readers.formats import find_sources
from src.train import run_training
from src.xas.columns import read_columns
from src.xas.xdi import read_xdi, write_xdi

pytestmark = pytest.mark.reliability
OURS = "e3gnn-xanes: error: "


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """The files, made once."""
    folder = tmp_path_factory.mktemp("inputs")
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return {**make_world(folder), "out": str(folder / "out"), "folder": folder}


def named(message, world):
    """Fields and files that a message must name: what a row's message has in quotes or braces."""
    fields = re.findall(r"`([^`]+)`", message)
    return [*fields, *(str(world[key]) for key in re.findall(r"\{(\w+)\}", message))]


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
    assert len(said) == 1 or row.code == 2  # wrong usage is told by the parser
    for name in named(row.message, world):
        assert name in " ".join(error.split())
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
    for name in named(row.message, world):
        assert name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert names(world) == before


def test_a_path_may_be_text(world, tmp_path):
    """Where a `Path` is taken, its text is: readers and the files of a training."""
    assert len(find_sources(world["calculations"])) == 1
    assert read_columns(world["columns"]).values.shape == (30, 2)
    write_xdi(read_xdi(world["foil"]), str(tmp_path / "foil.xdi"))
    assert (tmp_path / "foil.xdi").is_file()
    files = {name: str(tmp_path / name) for name in ("save_path", "metrics_path")}
    run_training(tiny(), [graph()], [graph()], config(**files))
    assert all(Path(path).is_file() for path in files.values())
