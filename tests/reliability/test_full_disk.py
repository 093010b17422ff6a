"""A disk that is full, read-only or gone: one line, exit code 1, and the last good file stays."""

import shutil
import subprocess
from contextlib import contextmanager, suppress

import pytest
from command import error_of, run
from hooks import at, hook_commands
from paths import CALCULATIONS, EXPERIMENT, ROOT

from src.checkpoints.torch_file import read_verified
from src.dataset.database import Database

pytestmark = pytest.mark.reliability
POSCAR = CALCULATIONS / "mp-1692" / "POSCAR"
COPPER = ROOT / "docs" / "examples" / "copper"
TRAIN = [
    "--training.epochs=2", "--training.max_edges=4000", "--model.num_layers=1",
    "--model.lmax=1", "--model.channels=8", "--model.num_basis=32",
]  # fmt: skip
COMMANDS = ("train", "predict", "dataset", "compare", "calibrate")
FILLED = 2 * 2**20
"""Size of the small disk, bytes."""


@pytest.fixture(scope="module")
def made(database, tmp_path_factory):
    """A database and a model trained on it for a moment."""
    folder = tmp_path_factory.mktemp("made")
    shutil.copy(database, folder)
    by_material = {}
    for name in Database(folder / "cu.db").ids:
        by_material.setdefault(name.rsplit("_", 1)[0], []).append(name)
    parts = list(by_material.values())
    for name, chosen in (("train", parts[:4]), ("val", parts[4:5]), ("other", parts[5:])):
        (folder / f"{name}.txt").write_text("".join(f"{i}\n" for part in chosen for i in part))
    assert run(*words_of("train", folder, folder / "cu_k")) == 0
    return folder


def words_of(command, made, out):
    """Command that writes to a path, and the name of the file that it writes."""
    copper = sorted(COPPER.glob("Cu*.vasp"))[:1]
    measured = EXPERIMENT / "cu_metal_rt.xdi"
    split = "--train", made / "train.txt", "--val", made / "val.txt"
    evaluate = ["evaluate", made / "cu_k", made / "cu.db", "--ids", made / "other.txt"]
    return {
        "train": ["train", made / "cu.db", *split, *TRAIN, "-o", out],
        "predict": ["predict", made / "cu_k", POSCAR, "-o", out],
        "dataset": ["dataset", CALCULATIONS, "-o", out],
        "compare": ["compare", measured, *copper, "--model", "cu-k-feff", "-o", out],
        "calibrate": ["calibrate", made / "cu_k", made / "cu.db", "--ids", made / "other.txt",
                      "--coverage=0.5", "-o", out],
        "predictions.npz": [*evaluate, "--predictions", out],
        "table.csv": [*evaluate, "--table", out],
        "table.json": [*evaluate, "--table", out],
    }[command]  # fmt: skip


def target(command, folder):
    """What a command is to write in a folder."""
    names = {"train": "run", "dataset": "x.db", "calibrate": "x.pt"}
    names |= {"predict": "x.dat", "compare": "x.json"}
    return folder / names.get(command, command)


@contextmanager
def small_disk(folder):
    """A disk of its own of 2 MiB, where this process may mount one."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={FILLED}", "none", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder):
    """Leave no room on a small disk."""
    with (folder / "filler").open("wb", buffering=0) as file:
        block = b"x" * 4096
        with suppress(OSError):  # no space left
            while True:
                file.write(block)
    assert shutil.disk_usage(folder).free < len(block)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk_is_one_line(command, made, tmp_path, capsys):
    with small_disk(tmp_path / "disk") as disk:
        fill(disk)
        out = target(command, disk)
        capsys.readouterr()
        assert run(*words_of(command, made, out)) == 1
        error = error_of(capsys)
        assert out.name in error
        assert "space" in error or "full" in error
        left = [p.name for p in disk.rglob("*") if p.is_file() and p.stat().st_size]
        assert left == ["filler"]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_read_only_file_system_is_one_line(command, made, tmp_path, capsys):
    with small_disk(tmp_path / "disk") as disk:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        out = target(command, disk)
        capsys.readouterr()
        assert run(*words_of(command, made, out)) == 1
        error = error_of(capsys)
        assert out.name in error
        assert "read-only" in error.lower() or "readonly" in error.lower() or "unable" in error


@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder_in_place_of_a_file_is_one_line(command, made, tmp_path, capsys):
    """Of a training, a file in place of its folder."""
    out = target(command, tmp_path)
    out.write_text("mine") if command == "train" else out.mkdir()
    assert run(*words_of(command, made, out)) == 1
    assert out.name in error_of(capsys)
    assert out.read_text() == "mine" if command == "train" else not list(out.iterdir())


@pytest.mark.parametrize(
    "command", ["predict", "calibrate", "compare", "predictions.npz", "table.csv", "table.json"]
)
def test_the_last_good_file_outlives_a_full_disk(command, made, tmp_path, capsys):
    with small_disk(tmp_path / "disk") as disk:
        out = target(command, disk)
        assert run(*words_of(command, made, out)) == 0
        before = out.read_bytes()
        fill(disk)
        capsys.readouterr()
        assert run(*words_of(command, made, out)) == 1
        assert f"{out.name}: can't be written, No space left" in error_of(capsys)
        assert out.read_bytes() == before
        assert sorted(path.name for path in disk.iterdir()) == sorted(["filler", out.name])
        (disk / "filler").unlink()
        assert run(*words_of(command, made, out)) == 0  # negative control: with room it is written


def test_a_database_outlives_a_full_disk(made, tmp_path, capsys):
    with small_disk(tmp_path / "disk") as disk:
        out = disk / "x.db"
        first = sorted(path for path in CALCULATIONS.iterdir() if path.is_dir())[0]
        assert run("dataset", first, "-o", out) == 0
        ids = Database(out).ids
        fill(disk)
        capsys.readouterr()
        assert run(*words_of("dataset", made, out)) == 1
        assert "x.db" in error_of(capsys)
        assert Database(out).ids == ids
        assert len(list(Database(out).records(ids))) == len(ids)


def test_a_training_outlives_a_full_disk(made, tmp_path, capsys, monkeypatch):
    with small_disk(tmp_path / "disk") as disk:
        out, kept = disk / "run", {}

        def fill_in_the_third():
            fill(disk)
            kept.update({name: (out / name).read_bytes() for name in ("model.pt", "last.ckpt")})

        words = [*words_of("train", made, out), "--training.epochs=6"]
        with monkeypatch.context() as patch:
            hook_commands(patch, at(2, 0, fill_in_the_third))
            capsys.readouterr()
            assert run(*words) == 1
        assert "run" in error_of(capsys)
        assert {name: (out / name).read_bytes() for name in kept} == kept
        assert read_verified(out / "last.ckpt")["epoch"] == 2
        (disk / "filler").unlink()
        assert run(*words, "--resume") == 0
        assert read_verified(out / "last.ckpt")["epoch"] == 6


def test_a_folder_removed_while_training_is_one_line(made, tmp_path, capsys, monkeypatch):
    hook_commands(monkeypatch, at(1, 0, lambda: shutil.rmtree(tmp_path / "run")))
    assert run(*words_of("train", made, tmp_path / "run")) == 1
    assert "run" in error_of(capsys)
