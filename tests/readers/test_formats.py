"""Which reader a path is for, options that do not go with it, and what all readers refuse."""

import json
import re
import shutil

import numpy as np
import pytest
from paths import CALCULATIONS, FDMNES, FEFF_RUNS, MATERIALS_PROJECT, ZN_K

from src.cli import main
from src.dataset.record import Record, Rejected
from src.dataset.split import read_ids
from src.errors import ConfigError
from src.readers.formats import find_sources, read_source
from src.readers.options import ReadOptions


def read_all(path, **options):
    """What the sources of a path give."""
    chosen = ReadOptions(**options)
    return [result for source in find_sources(path) for result in read_source(source, chosen)]


def test_format_is_inferred_from_content(tmp_path):
    for path, names in (
        (CALCULATIONS, ["feff"]),
        (FDMNES, ["fdmnes"]),
        (ZN_K / "train.extxyz", ["extxyz"]),
        (ZN_K, ["extxyz", "extxyz"]),
        (MATERIALS_PROJECT, ["materials_project", "materials_project"]),
    ):
        assert [source.format for source in find_sources(path)] == names
    (tmp_path / "note.txt").write_text("3\nno spectra here\n")
    for path in (tmp_path, tmp_path / "note.txt"):
        with pytest.raises(ConfigError, match="known format"):
            find_sources(path)


def test_two_formats_in_a_folder_ask_for_one(tmp_path, capsys):
    (tmp_path / "xmu.dat").write_text("")
    (tmp_path / "a.xyz").write_bytes((ZN_K / "train.extxyz").read_bytes())
    with pytest.raises(ConfigError, match="--format feff or extxyz"):
        find_sources(tmp_path)
    for name in ("feff", "extxyz"):
        assert [source.format for source in find_sources(tmp_path, name)] == [name]
    shutil.copytree(FDMNES / "run_9", tmp_path / "run_9")
    assert main(["dataset", str(tmp_path), "-o", str(tmp_path / "x.db")]) == 1
    assert "give --format feff or fdmnes or extxyz" in capsys.readouterr().err
    words = ["dataset", str(tmp_path), "-o", str(tmp_path / "x.db"), "--format", "fdmnes"]
    assert main(words) == 0


def test_damaged_file_among_others_is_reported(tmp_path):
    shutil.copytree(MATERIALS_PROJECT, tmp_path / "mp")
    (tmp_path / "mp" / "cut.json").write_text("{")
    results = read_all(tmp_path)
    assert [type(result) for result in results] == [Record, Rejected, Record]
    assert results[1].source.endswith("cut.json")


@pytest.mark.parametrize(
    ("path", "options"),
    [
        (FEFF_RUNS, {"axis": "relative"}),
        (FEFF_RUNS, {"target": "as_given"}),
        (FDMNES, {"energy": (0.0, 9.0, 1.0)}),
        (FDMNES, {"target": "normalized"}),
        (MATERIALS_PROJECT, {"energy": (0.0, 9.0, 1.0)}),
    ],
)
def test_options_that_do_not_apply_are_refused(path, options):
    (name,) = options
    with pytest.raises(ConfigError, match=f"`--{name}.* does not go with"):
        read_all(path, **options)


def npz(folder):
    """An archive of a copper dimer."""
    np.savez(
        folder / "cu.npz", mu=[[0.0, 1.0]], energy=[8970.0, 9000.0], n_atoms=[2], numbers=[29, 29],
        positions=[[0.0, 0, 0], [0.05, 0, 0]], absorber=[0], element="Cu", material=["a"],
    )  # fmt: skip


def table(folder):
    """A table of a copper dimer."""
    (folder / "cu.xyz").write_text("2\n\nCu 0 0 0\nCu 0.05 0 0\n")
    (folder / "cu.csv").write_text("structure,element,absorber,8970,9000\ncu.xyz,Cu,0,0.0,1.0\n")


def materials_project(folder):
    """An object of the Materials Project with one site twice."""
    values = json.loads((MATERIALS_PROJECT / "site1_k_xanes.json").read_text())
    sites = values["structure"]["sites"]
    sites.append({**sites[-1], "xyz": [x + 0.01 for x in sites[-1]["xyz"]]})
    (folder / "co.json").write_text(json.dumps(values))


def feff(folder):
    """A run without crystal, with one neighbor twice."""
    shutil.copytree(FEFF_RUNS / "mp-16543/FEFF-XANES/016_Cu", folder / "run")
    lines = (folder / "run" / "feff.inp").read_text().splitlines()
    lines.insert(lines.index("END"), lines[-3] if lines[-1] == "END" else lines[-2])
    (folder / "run" / "feff.inp").write_text("\n".join([*lines, ""]))


@pytest.mark.parametrize(
    ("write", "name"),
    [(npz, "cu.npz"), (table, "cu.csv"), (materials_project, "co.json"), (feff, "run")],
)
def test_coincident_atoms_are_refused_by_every_reader(write, name, tmp_path):
    write(tmp_path)
    (rejected,) = read_all(tmp_path, edge="K", axis=None if write == feff else "absolute")
    assert isinstance(rejected, Rejected)
    assert rejected.source.startswith(str(tmp_path / name))
    assert re.search(r"atoms \d+ and \d+ are 0\.0\d\d Angstrom apart", rejected.reason)


@pytest.mark.parametrize("run", [FEFF_RUNS / "mp-16543/FEFF-XANES/016_Cu", FDMNES / "run_0"])
def test_ids_of_folders_that_begin_with_a_hash_can_be_listed(run, tmp_path):
    shutil.copytree(run, tmp_path / "#1 -a#b")
    (record,) = read_all(tmp_path)
    (tmp_path / "ids.txt").write_text(f"{record.id}\n")
    assert record.material == "1--a-b"
    assert read_ids(tmp_path / "ids.txt") == [record.id]
