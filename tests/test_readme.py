"""The README's commands and its Python run as they stand, on the files in the repository."""

import re
import shlex
from glob import glob

from paths import ROOT

from src.cli import main

README = (ROOT / "README.md").read_text()


def test_commands_on_the_slice(repository, capsys):
    commands = re.findall(r"^    e3gnn-xanes (.*)$", README, flags=re.MULTILINE)
    assert [command.split()[0] for command in commands] == [
        "predict", "compare", "dataset", "train", "evaluate", "predict", "calculate",
    ]  # fmt: skip
    for command in commands:
        words = [name for word in shlex.split(command) for name in sorted(glob(word)) or [word]]
        words += ["--write_only"] * (words[0] == "calculate")  # FEFF takes minutes
        words += ["--training.epochs=2"] * (words[0] == "train")
        assert main(words) == 0, capsys.readouterr().err
    names = "CuO.csv CuO.png cu.db cu_k/model.pt val.npz val.png Cu.dat Cu.png"
    for name in names.split():
        assert (repository / name).stat().st_size > 1000
    printed = dict(x.split(": ", 1) for x in capsys.readouterr().out.splitlines() if ": " in x)
    assert float(printed["mse"]) < 2 * float(printed["mse of the mean training spectrum"])


def test_the_python_examples(repository, capsys):
    first, code = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    exec(first, {})
    assert "8983.173" in capsys.readouterr().out
    shorter = code.replace('"epochs": 10', '"epochs": 2')
    assert shorter != code
    names = {}
    exec(shorter, names)
    assert names["spectrum"].shape == (1, 100)
    assert (repository / "xanes_model.pt").is_file()


def test_files_of_the_structure_section_exist():
    section = (ROOT / "docs" / "reference" / "layout.md").read_text()
    names = set(re.findall(r"\b([a-z]+\.py)\b", section))
    files = {path.name for path in (ROOT / "src").rglob("*.py")}
    assert len(names) > 15
    assert names <= files


def test_the_two_commands_are_there_once():
    for command in ("pip install -r requirements.txt && python verify_model.py",
                    "pip install -r requirements-test.txt && ruff check"):  # fmt: skip
        assert README.count(f"    {command}") == 1
