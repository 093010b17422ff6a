"""Every bad value is refused in one line that names the field or the file, and leaves nothing."""

import contextlib
import io
from pathlib import Path

import pytest
from input_commands import GOOD, rows
from input_functions import CALLS, config, graph, tiny
from input_world import make_world

from src.cli import main
from src.readers.formats import find_sources
from src.train import run_training
from src.xas.columns import read_columns
from src.xas.xdi import read_xdi, write_xdi

pytestmark = pytest.mark.reliability


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """The files, made once."""
    folder = tmp_path_factory.mktemp("inputs")
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return {**make_world(folder), "out": str(folder / "out"), "folder": folder}


@pytest.fixture
def nothing_written(world):
    """Every file and folder is there afterwards, and no other."""
    before = sorted(world["folder"].rglob("*"))
    yield
    assert sorted(world["folder"].rglob("*")) == before


@pytest.mark.usefixtures("nothing_written")
@pytest.mark.parametrize(("words", "code", "names"), list(rows()), ids=str)
def test_a_command_refuses(words, code, names, world, capsys):
    status = main([word.format(**world) for word in words])
    error = " ".join(capsys.readouterr().err.split())
    assert status == code, error
    assert "Traceback" not in error
    assert "internal error" not in error
    assert error.count("e3gnn-xanes: error: ") == 1 or code == 2  # the parser says wrong usage
    message = error.rpartition("error: ")[2]
    for name in names:
        assert name.format(**world) in message


@pytest.mark.parametrize("command", GOOD)
def test_without_a_bad_value_a_command_works(command, world, tmp_path, capsys):
    """Negative control."""
    where = {**world, "out": tmp_path / "out"}
    words = [word.format(**where) for word in command.split()]
    assert main(words) == 0, capsys.readouterr().err


@pytest.mark.usefixtures("nothing_written")
@pytest.mark.parametrize(("call", "error", "names"), CALLS)
def test_a_function_refuses(call, error, names, world):
    with pytest.raises(error) as caught:
        call(world)
    message = str(caught.value)
    assert "\n" not in message
    for name in names:
        assert str(name).format(**world) in message


def test_a_path_may_be_text(world, tmp_path):
    """Where a `Path` is taken, its text is: readers and the files of a training."""
    assert len(find_sources(world["calculations"])) == 1
    assert read_columns(world["columns"]).values.shape == (30, 2)
    write_xdi(read_xdi(world["foil"]), str(tmp_path / "foil.xdi"))
    assert (tmp_path / "foil.xdi").is_file()
    files = {name: str(tmp_path / name) for name in ("save_path", "metrics_path")}
    run_training(tiny(), [graph()], [graph()], config(**files))
    assert all(Path(path).is_file() for path in files.values())
