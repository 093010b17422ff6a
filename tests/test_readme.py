"""The README's commands and its Python run as they stand, on the files in the repository."""

import re
import shlex
import subprocess
import sys
from glob import glob

import pytest
from paths import DATA, ROOT

from src.cli import main

README = (ROOT / "README.md").read_text()


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A folder that looks like the repository's, to write in."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "data").symlink_to(DATA)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_commands_on_the_slice(repository, capsys):
    commands = re.findall(r"^    e3gnn-xanes (.*)$", README, flags=re.MULTILINE)
    assert [command.split()[0] for command in commands] == [
        "predict", "calculate", "dataset", "train", "evaluate", "predict",
        "dataset", "dataset", "train",
    ]  # fmt: skip
    for command in commands:
        words = [name for word in shlex.split(command) for name in sorted(glob(word)) or [word]]
        words += ["--write_only"] * (words[0] == "calculate")  # FEFF takes minutes
        assert main(words) == 0, capsys.readouterr().err
    for name in (
        "cu.db",
        "cu_k/model.pt",
        "val.npz",
        "val.png",
        "CuO.dat",
        "CuO.png",
        "zn_k/model.pt",
    ):
        assert (repository / name).stat().st_size > 1000
    printed = dict(x.split(": ", 1) for x in capsys.readouterr().out.splitlines() if ": " in x)
    assert float(printed["mse"]) < 2 * float(printed["mse of the mean training spectrum"])


def test_python_example(repository):
    (code,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    checked = code + "\nassert spectrum.shape == (1, 100), spectrum.shape\n"
    done = subprocess.run(
        [sys.executable, "-c", checked], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (repository / "xanes_model.pt").is_file()


def test_files_of_the_structure_section_exist():
    section = README.split("## Structure")[1].split("## Mathematical")[0]
    names = set(re.findall(r"\b([a-z]+\.py)\b", section))
    there = {path.name for path in (ROOT / "src").rglob("*.py")}
    assert len(names) > 15
    assert names <= there


def test_the_two_commands_are_there_once():
    for command in ("pip install -r requirements.txt && python verify_model.py",
                    "pip install -r requirements-test.txt && ruff check"):  # fmt: skip
        assert README.count(f"    {command}") == 1
