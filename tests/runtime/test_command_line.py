"""Words in any order, names that don't exist, and the help."""

import re

import pytest

from src.cli import COMMANDS, main, parse

INTERNALS = re.compile(
    r"\btype: |null\b|\bNone\b|<class|typing|Namespace|PosixPath|Parser key|``|\bmodule\b"
)


def options_of(command):
    """Options of a command, as the dataclass that its module runs."""
    return parse(command.split())[1]


@pytest.mark.parametrize(
    ("expected", "others"),
    [
        (
            "predict cu-k-feff a.cif b.cif --site 0 1 -o x.csv",
            [
                "predict --model cu-k-feff a.cif b.cif --site 0 1 -o x.csv",
                "predict a.cif b.cif --site 0 1 --output=x.csv --model=cu-k-feff",
                "predict a.cif b.cif cu-k-feff --site 0 1 -ox.csv",
                "predict cu-k-feff --site 0 1 a.cif -o x.csv b.cif",
                "predict --out x.csv cu-k-feff a.cif --site 0 1 -- b.cif",
            ],
        ),
        (
            "compare s.xdi a.cif POSCAR --model cu-k-feff --shift -9 -5.5",
            [
                "compare s.xdi a.cif --model cu-k-feff POSCAR --shift -9 -5.5",
                "compare --shift -9 -5.5 cu-k-feff s.xdi a.cif POSCAR",
                "compare a.cif s.xdi POSCAR --model cu-k-feff --shift -9 -5.5",
            ],
        ),
        (
            "evaluate cu-k-feff x.db --ids i.txt",
            ["evaluate x.db cu-k-feff --ids i.txt", "evaluate --ids i.txt x.db --model cu-k-feff"],
        ),
        ("explain cu-k-feff a.cif --site 3", ["explain a.cif --site 3 cu-k-feff"]),
        ("fit s.xdi a.xdi b.xdi --max_shift 2", ["fit --max-shift=2 s.xdi a.xdi b.xdi"]),
        ("info cu-k-feff --check", ["info --model cu-k-feff --check"]),
        (
            "train x.db -o y --training.epochs 3 --energy.start -10 --energy.stop 5",
            ["train -o y --epochs 3 x.db --start -10 --stop 5"],
        ),
    ],
)
def test_arguments_are_found_in_any_order(expected, others):
    for other in others:
        assert options_of(other) == options_of(expected), other


def test_what_is_no_model_is_not_moved(tmp_path, monkeypatch):
    """Negative control: two models, none, and a file with the name of a shipped one."""
    assert str(options_of("predict cu-k-feff zn-k").model) == "cu-k-feff"
    assert str(options_of("predict a b.cif").model) == "a"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cu-k-feff").write_text("not a model")
    assert str(options_of("predict a cu-k-feff").model) == "a"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("predit a b", "no command predit; did you mean predict?"),
        ("--debgu info x", "no option --debgu; did you mean --debug?"),
        ("predict a b --sight 3", "`predict` has no option --sight; did you mean --site?"),
        ("train x.db -o y --epoch.s 3", "did you mean --epochs?"),
        ("predict a b --frobnicate 3", "`predict --help` lists the options"),
        ("train x.db -o y --training.m 3", "`--training.m` can be --training.max_"),
        ("predict a b --energy 1 2", "`--energy` needs 3 values, START STOP STEP; found 1 2"),
        ("predict a b -o", "`--output` needs a value"),
        ("predict a b -o --strict", "`--output` needs a value"),
        ("predict a b --site x", "`--site` is 'x', expected a whole number"),
        ("train x.db -o y --epochs soon", "`--training.epochs` is 'soon', expected a whole number"),
        ("dataset x -o y.db --format fef", "`--format` is 'fef', expected one of feff, fdmnes"),
        ("compare a.xdi b.cif", "`compare` needs `--model` (model file"),
        ("predict cu-k-feff", "`predict` needs STRUCTURE (files that ASE reads"),
        ("calibrate a b", "`calibrate` needs `--ids` (file of record ids"),
        ("predict a.cif b.cif", "a.cif is a structure, and no model is named"),
        ("models b", "`models` takes no further arguments, found b"),
    ],
)
def test_what_is_wrong_is_said_in_the_users_words(words, message, capsys):
    assert main(words.split()) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("e3gnn-xanes: error: ")
    assert message in line
    assert not INTERNALS.search(line)
    assert f"{words.split()[0]}." not in line


@pytest.mark.parametrize("name", COMMANDS)
def test_help_begins_with_an_example_that_is_understood(name, capsys):
    assert main([name, "--help"]) == 0
    text = capsys.readouterr().out
    example = text.splitlines()[0]
    assert example.startswith(f"example: e3gnn-xanes {name}")
    module, _ = parse(example.split()[2:])
    assert not INTERNALS.search(text), INTERNALS.search(text)
    used = text.partition("options used most:\n")[2].partition("\n\n")[0]
    names = re.findall(r"^  (?:-o \w+, )?(--[\w.]+)", used, flags=re.MULTILINE)
    assert len(names) == len(module.COMMON) <= 5


def test_help_of_the_program_lists_the_commands(capsys):
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("example: e3gnn-xanes predict cu-k-feff")
    assert all(f"\n  {name} " in text for name in COMMANDS)
