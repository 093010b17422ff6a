"""Outputs that would destroy an input, and a standard output that fails."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io import write
from command import start
from input_world import make_world
from paths import ROOT, ZN_K

from src.cli import main
from src.errors import StructureError
from src.predictor import name_frames
from src.structures.files import each_structure, read_structures

pytestmark = pytest.mark.reliability
ZINC = ["--edge", "K", "--energy", "-25", "94", "1", "--axis", "relative"]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Files of every kind."""
    return make_world(tmp_path_factory.mktemp("outputs"))


@pytest.mark.parametrize(
    ("words", "lost"),
    [
        ("predict {model} {cif} -o {cif}", "cif"),
        ("predict {model} {cif} {zinc} -o {zinc}", "zinc"),
        ("predict {model} {cif} -o {model}", "model"),
        ("predict {run} {cif} -o {run}/model.pt", "run"),
        ("predict {model} {cif} -o {dir}/a.png --plot {dir}/a.png", None),
        ("dataset {calculations} -o {db} --id_list {db}", "db"),
        ("dataset {xyz} --edge K -o {dir}/x.db --id_list {xyz}", "xyz"),
        ("evaluate {model} {db} --predictions {db}", "db"),
        ("evaluate {model} {db} --predictions {model}", "model"),
        ("evaluate {model} {db} --ids {ids} --predictions {ids}", "ids"),
        ("evaluate {model} {db} --predictions {dir}/a.csv --table {dir}/a.csv", None),
        ("calibrate {model} {db} --ids {ids} -o {db}", "db"),
        ("ensemble {model} {run} -o {model}", "model"),
        ("fit {columns} {columns} -o {columns}", "columns"),
        ("compare {columns} {cif} --model {model} -o {columns}", "columns"),
        ("explain {model} {cif} --site 0 -o {cif}", "cif"),
        ("train {db} -o {dir} --init_from {dir}", None),
        ("train {db} -o {run} --init_from {run}/model.pt --resume", "run"),
    ],
)
def test_no_output_destroys_an_input(world, words, lost, capsys):
    path = world[lost] + ("/model.pt" if lost == "run" else "") if lost else None
    before = Path(path).read_bytes() if path else None
    assert main(words.format(**world).split()) == 2
    assert "are the same file" in capsys.readouterr().err
    assert path is None or Path(path).read_bytes() == before
    assert os.listdir(world["dir"]) == []


def test_a_link_to_an_input_is_the_input(world, tmp_path, capsys):
    link = tmp_path / "link.cif"
    link.symlink_to(world["cif"])
    assert main(["predict", world["model"], world["cif"], "-o", str(link)]) == 2
    assert "are the same file" in capsys.readouterr().err


def test_outputs_that_are_devices_or_of_their_own_are_written(world, tmp_path):
    """Negative control."""
    words = ["predict", world["model"], world["cif"]]
    assert main([*words, "-o", "/dev/null"]) == 0
    assert main([*words, "-o", str(tmp_path / "a.dat"), "--plot", str(tmp_path / "a.png")]) == 0
    assert main([*words, "-o", str(tmp_path / "a.dat")]) == 0  # its own of before


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        ("xanes --version >/dev/full", 1, "No space left"),
        ("xanes info {db} >/dev/full", 1, "No space left"),
        ("PYTHONIOENCODING=ascii xanes info {accents}", 0, ""),
    ],
)
def test_standard_output_that_fails(world, tmp_path, command, code, message):
    accents = tmp_path / "ü.cif"
    accents.write_bytes(Path(world["cif"]).read_bytes())
    program = f'xanes() {{ {sys.executable} -m src "$@"; }}; '
    done = subprocess.run(
        ["bash", "-c", program + command.format(**world, accents=accents)],
        cwd=ROOT, text=True, capture_output=True, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    assert message in done.stderr if message else not done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    ("words", "n_files"),
    [
        ("info {db}", 0),
        ("compare {foil} {cif} --model cu-k-feff -o {out}.json --plot {out}.png", 2),
        ("dataset {calculations} -o {out}.db --id_list {out}.txt", 2),
    ],
)
def test_a_reader_that_stops_early_prevents_no_file(world, tmp_path, words, n_files, unbuffered):
    """The command ended at the first line that it printed, before its files were written."""
    command = words.format(**world, out=tmp_path / "out").split()
    reader, writer = os.pipe()
    os.close(reader)
    variables = {"PYTHONUNBUFFERED": unbuffered}
    process = start(*command, stdout=writer, stderr=subprocess.PIPE, environment=variables)
    message = process.communicate()[1]
    os.close(writer)
    assert process.returncode == 141
    assert not re.search("Traceback|Error|error:", message)
    written = sorted(tmp_path.iterdir())
    assert len(written) == n_files
    assert all(path.stat().st_size > 100 for path in written)


def test_a_lost_reader_of_both_streams_hides_no_failure(world, tmp_path):
    """As in `2>&1 | head -1`; the exit code of a failure is that of the failure."""
    reader, writer = os.pipe()
    os.close(reader)
    for words, code in (("info {db}", 141), ("info {missing}", 1), ("info --nothing", 2)):
        process = start(*words.format(**world).split(), stdout=writer, stderr=writer)
        assert process.wait() == code
    os.close(writer)


def test_no_command_is_wrong_usage(capsys):
    assert main([]) == 2
    assert "give a command: calculate, dataset" in capsys.readouterr().err


def test_a_shortened_config_is_looked_at_too(tmp_path, capsys):
    config = tmp_path / "c.yaml"
    config.write_text("file: !!python/object/apply:os.getcwd []\n")
    messages = []
    for option in ("--config", "--conf"):
        assert main(["info", option, str(config)]) == 2
        messages.append(capsys.readouterr().err)
    assert messages[0] == messages[1]


@pytest.mark.parametrize("cell", [None, [4, 4, 1e300]])
def test_a_structure_that_is_too_large_does_not_stop_the_others(world, tmp_path, cell, capsys):
    """The search for neighbors died of SIGFPE, and with it the prediction of all others."""
    atoms = Atoms("CuO", [[0, 0, 0], [1e8 if cell is None else 2, 0, 0]], cell=cell, pbc=bool(cell))
    write(tmp_path / "far.xyz", atoms, format="extxyz")
    words = ["predict", world["model"], str(tmp_path / "far.xyz"), world["cif"]]
    assert main([*words, "-o", str(tmp_path / "out.dat")]) == 3
    assert "1 of 2 structures are predicted" in capsys.readouterr().err


@pytest.mark.parametrize("format", ["extxyz", "xyz"])
def test_frames_after_an_empty_line_are_not_lost(tmp_path, format):
    """ASE stops there without a word."""
    atoms = Atoms("CuO", [[0, 0, 0], [1.9, 0, 0]])
    whole, cut = tmp_path / "whole.xyz", tmp_path / "cut.xyz"
    write(whole, [atoms] * 3, format=format)
    lines = whole.read_text().splitlines(keepends=True)
    cut.write_text("".join([*lines[:4], "\n", *lines[4:]]))
    whole.write_text("".join([*lines, "\n", " \n"]))  # negative control: nothing follows
    assert len(read_structures(whole)) == len(list(name_frames(whole))) == 3
    for read in (read_structures, lambda path: list(name_frames(path))):
        with pytest.raises(StructureError, match=r"cut\.xyz: line 5: "):
            read(cut)


def test_no_two_structures_have_one_name(tmp_path):
    for name in ("cu.xyz", "cu-0.xyz", "md-1.xyz"):
        write(tmp_path / name, Atoms("Cu"), format="extxyz")
    write(tmp_path / "md.xyz", [Atoms("Cu")] * 2, format="extxyz")
    paths = [tmp_path / f"{name}.xyz" for name in ("cu", "cu", "cu-0", "md", "md-1")]
    names = [name for _, name, _ in each_structure(paths)]
    assert names == ["cu-0", "cu-1", "cu-0-2", "md-0", "md-1", "md-1-5"]


@pytest.mark.parametrize("damage", ["first line", "empty", "no mu"])
def test_a_damaged_file_of_a_folder_is_counted(tmp_path, damage, capsys):
    """It was passed over without a word, as one of another kind."""
    folder = tmp_path / "zn"
    folder.mkdir()
    text = (ZN_K / "val.extxyz").read_text()
    spoiled = {"first line": f"x{text}", "empty": "", "no mu": text.replace(" mu=", " nu=")}
    (folder / "a.extxyz").write_text((ZN_K / "train.extxyz").read_text())
    (folder / "b.extxyz").write_text(spoiled[damage])
    assert main(["dataset", str(folder), *ZINC, "-o", str(tmp_path / "x.db")]) == 0
    told = capsys.readouterr().out
    assert f"skipped: {folder}/b.extxyz" in told
    read, left = (5, 1) if damage == "first line" else (4, 1 if damage == "empty" else 2)
    assert f"{read + left} found: {read} read, 0 of another element or edge, {left} skipped" in told


def test_a_file_that_is_none_of_its_format_does_not_stop_the_others(tmp_path, capsys):
    """Given alone it is an error."""
    arrays = {
        "mu": np.linspace(0, 1, 120)[None], "n_atoms": [1], "numbers": [30],
        "positions": np.zeros((1, 3)), "absorber": [0], "material": ["a"], "element": "Zn",
    }  # fmt: skip
    (tmp_path / "in").mkdir()
    np.savez(tmp_path / "in" / "a.npz", **arrays)
    (tmp_path / "in" / "b.npz").write_bytes((tmp_path / "in" / "a.npz").read_bytes()[:200])
    words = [*ZINC, "-o", str(tmp_path / "x.db")]
    assert main(["dataset", str(tmp_path / "in"), *words]) == 0, capsys.readouterr().err
    told = capsys.readouterr().out
    assert "2 found: 1 read" in told
    assert "b.npz" in told
    assert main(["dataset", str(tmp_path / "in" / "b.npz"), *words]) == 1
