"""The command `calculate` with a stub for FEFF: layout, continuing, kills, failures, bad input."""

import csv
import os
import signal
import time

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.io import write
from calculating import engines, feff, notes, records, start, wait_for, write_many
from command import run
from paths import CALCULATIONS

CUO = CALCULATIONS / "mp-1692" / "POSCAR"


@pytest.fixture
def many(tmp_path):
    """Eight structures with one copper site each."""
    return write_many(tmp_path / "many.extxyz")


def test_layout_and_record(tmp_path):
    out = tmp_path / "runs"
    words = ["calculate", CUO, "--element", "Cu", "-o", out]
    assert run(*words, "--write-only") == 0
    (path,) = out.rglob("feff.inp")
    text = path.read_text()
    assert run(*words, *feff(tmp_path)) == 0  # inputs alone are calculated later
    assert path.read_text() == text
    files = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    site = "mp-1692/FEFF-XANES/000_Cu"
    assert files == {".lock", "mp-1692/POSCAR", f"{site}/feff.inp", f"{site}/xmu.dat"}
    (record,) = records(out).values()
    assert (record.id, record.element, record.edge) == ("mp-1692_000", "Cu", "K")
    assert (record.code, record.version, record.preset) == ("FEFF", "10.0.0", "fast")
    assert "SCF 4.0 0 100 0.2 3; FMS 5.0 0" in record.cards
    assert record.interstitial == -15.04
    assert all(record.atoms.pbc)
    run("calculate", CUO, "--element", "Cu", "-o", tmp_path / "k", "--keep", *feff(tmp_path))
    assert (tmp_path / "k" / site / "feff.out").is_file()


def test_finished_sites_are_not_run_again(tmp_path, many, capsys):
    words = ["calculate", many, "--element", "Cu", "-o", tmp_path / "runs", *feff(tmp_path)]
    assert run(*words, "--limit", 3) == 0
    assert run(*words, "--jobs", 2) == 0
    assert set(notes(tmp_path, "start").values()) == {1}
    assert len(records(tmp_path / "runs")) == 8
    assert "5 calculated, 3 already calculated" in capsys.readouterr().out


def test_another_calculation_of_a_site_is_not_taken_for_this_one(tmp_path, capsys):
    words = ["calculate", CUO, "--element", "Cu", "-o", tmp_path / "runs", *feff(tmp_path)]
    assert run(*words) == 0
    assert run(*words, "--preset", "accurate") == 1
    assert "mp-1692/FEFF-XANES/000_Cu" in capsys.readouterr().err
    assert run(*words, "--edge", "L3") == 1
    other = tmp_path / "other" / "POSCAR"
    other.parent.mkdir()
    write(other, bulk("Cu"), format="vasp")
    other.rename(other.parent / "mp-1692.vasp")
    assert run("calculate", other.parent / "mp-1692.vasp", *words[2:]) == 1
    assert len(records(tmp_path / "runs")) == 1


def test_second_try_with_less_mixing(tmp_path, capsys):
    out = tmp_path / "runs"
    words = ["calculate", CUO, "--element", "Cu", "-o", out, *feff(tmp_path, 0, "norman once")]
    assert run(*words) == 0
    assert "1 of them with a second try" in capsys.readouterr().out
    assert "SCF 4.0 0 100 0.02 3" in records(out)["mp-1692_000"].cards
    assert run(*words) == 0  # it counts as what was requested
    assert notes(tmp_path, "start")["mp-1692_000"] == 2


def test_failures_are_listed_counted_and_not_tried_again(tmp_path, many, capsys):
    out = tmp_path / "runs"
    words = ["calculate", many, CUO, "--element", "Cu", "-o", out]
    assert run(*words, "--limit", 4, *feff(tmp_path)) == 0
    assert run(*words, "--limit", 6, *feff(tmp_path, 0, "norman")) == 3
    error = capsys.readouterr().err
    assert "m-4_000" in error
    assert "Cannot determine Norman radius" in error
    assert "2 of 6 sites failed" in error
    rows = failures(out)
    assert sorted((row["id"], row["module"], row["attempts"]) for row in rows) == [
        ("m-4_000", "pot", "2"),
        ("m-5_000", "pot", "2"),
    ]
    assert "Norman" in (out / ".failed" / "m-4_000_Cu" / "feff.out").read_text()
    assert len(records(out)) == 4
    assert run(*words, *feff(tmp_path)) == 3
    assert notes(tmp_path, "start")["m-4_000"] == 2
    assert "2 failed before" in capsys.readouterr().out
    assert run(*words, "--again", *feff(tmp_path)) == 0
    assert len(records(out)) == 9


@pytest.mark.parametrize(
    ("fault", "limit", "attempts"), [("endless", 0.04, "1"), ("norman", 15, "2")]
)
def test_a_site_that_used_its_time_is_not_tried_again(tmp_path, fault, limit, attempts):
    words = ["calculate", CUO, "--element", "Cu", "-o", tmp_path / "runs", "--time_limit", limit]
    assert run(*words, *feff(tmp_path, 0, fault)) == 1
    (row,) = failures(tmp_path / "runs")
    assert (row["module"], row["attempts"]) == ("pot", attempts)


def test_a_failure_is_known_again_by_its_structure_and_not_by_its_name(tmp_path, capsys):
    path, out = tmp_path / "x.vasp", tmp_path / "runs"
    words = ["calculate", path, "--element", "Cu", "-o", out]
    write(path, bulk("Cu"))
    assert run(*words, *feff(tmp_path, 0, "norman")) == 1
    write(path, bulk("Cu", a=3.7))
    assert run(*words, *feff(tmp_path, 0, "norman")) == 1
    assert [row["id"] for row in failures(out)] == ["x_000", "x_000"]
    capsys.readouterr()
    for a in (3.61, 3.7):  # control: either is one that failed before
        write(path, bulk("Cu", a=a))
        assert run(*words, *feff(tmp_path)) == 1
        assert "1 failed before" in capsys.readouterr().out
    write(path, bulk("Cu", a=3.8))
    assert run(*words, *feff(tmp_path)) == 0


def test_all_failing_is_a_failure_and_some_do_not_stop_the_others(tmp_path, capsys):
    out, bad = tmp_path / "runs", tmp_path / "bad.cif"
    bad.write_text("data_x\n")
    words = ["calculate", bad, CUO, "--element", "Cu", "-o", out]
    assert run(*words, *feff(tmp_path, 0, "cut")) == 1
    assert not (out / "mp-1692").exists()
    assert run(*words, "--again", *feff(tmp_path)) == 3
    assert "bad.cif" in capsys.readouterr().err
    assert len(records(out)) == 1


def test_polarized_spectra_of_a_site(tmp_path):
    out = tmp_path / "runs"
    words = ["calculate", CUO, "--element", "Cu", "-o", out, "--polarization", "x,y,z"]
    assert run(*words, *feff(tmp_path)) == 0
    read = records(out)
    assert {name: r.polarization for name, r in read.items()} == {
        "mp-1692_000-x": (1, 0, 0),
        "mp-1692_000-y": (0, 1, 0),
        "mp-1692_000-z": (0, 0, 1),
    }
    assert {record.material for record in read.values()} == {"mp-1692"}
    assert all(record.atoms.pbc.all() for record in read.values())
    assert run(*words, *feff(tmp_path)) == 0
    assert notes(tmp_path, "start")["mp-1692_000"] == 3
    for path in out.rglob("feff.inp"):
        assert "CONTROL 1 1 1 1 1 1" in path.read_text()  # can be rerun by hand
    # other polarizations are another calculation, which must not be taken for done
    assert run(*words[:-1], "x", "-o", tmp_path / "x", *feff(tmp_path)) == 0
    assert run(*words, "-o", tmp_path / "x", *feff(tmp_path)) == 1
    # in a crystal that is turned, the vector belongs to the cluster of the input alone
    turned = out / "mp-1692" / "POSCAR"
    atoms = read["mp-1692_000-x"].atoms.copy()
    atoms.rotate(40, (1, 2, 3), rotate_cell=True)
    write(turned, atoms, format="vasp")
    assert not any(record.atoms.pbc.any() for record in records(out).values())


def failures(folder):
    """Rows of the table of failures."""
    with (folder / "failed.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.reliability
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_killed_command_continues_where_it_stopped(tmp_path, many, number):
    out = tmp_path / "runs"
    words = ["calculate", many, "--element", "Cu", "-o", out, "--jobs", 2, *feff(tmp_path, 1.2)]
    process = start(words)
    wait_for(tmp_path, 3)
    process.send_signal(number)
    code = process.wait(30)
    assert code in (-9, 130, 143)
    before = records(out)
    assert len(before) >= 3 - 2  # two may end while the signal is on its way
    time.sleep(2.5)  # a run outlives the command by a second at most
    assert set(records(out)) == set(before) <= set(notes(tmp_path, "end"))
    assert run(*words) == 0
    assert len(records(out)) == 8
    starts = notes(tmp_path, "start")
    assert all(starts[name] == 1 for name in before)
    assert starts.total() <= 8 + 2
    assert not (out / ".running").exists() or not any((out / ".running").iterdir())


@pytest.mark.reliability
def test_killed_run_is_a_failure_that_is_named(tmp_path, many):
    """One FEFF process is killed, such as for memory: the others are not touched."""
    out = tmp_path / "runs"
    words = ["calculate", many, "--element", "Cu", "-o", out, "--jobs", 2, *feff(tmp_path, 0.7)]
    process = start(words)
    wait_for(tmp_path, 2)
    os.kill(engines(tmp_path)[0][0], signal.SIGKILL)
    assert process.wait(60) == 3
    assert len(failures(out)) == 1
    assert len(records(out)) == 7
    assert run(*words, "--again") == 0
    assert len(records(out)) == 8


@pytest.mark.reliability
def test_two_commands_do_not_share_a_folder(tmp_path, many):
    words = ["calculate", many, "--element", "Cu", "-o", tmp_path / "runs", *feff(tmp_path, 1)]
    process = start(words)
    wait_for(tmp_path, 0)
    assert run(*words) == 1
    process.terminate()
    process.wait(30)


@pytest.mark.reliability
def test_full_disk_is_no_failure_of_a_site(tmp_path, many, monkeypatch, capsys):
    """A run that fails while the disk is full says so, and is tried again later."""
    monkeypatch.setattr("shutil.disk_usage", lambda _path: type("Usage", (), {"free": 1000}))
    out = tmp_path / "runs"
    words = ["calculate", many, "--element", "Cu", "-o", out]
    assert run(*words, *feff(tmp_path, 0, "norman")) == 1
    assert "No space left" in capsys.readouterr().err
    assert not (out / "failed.csv").exists()
    monkeypatch.undo()
    assert run(*words, *feff(tmp_path)) == 0


def test_inputs_that_can_not_be_written_do_not_stop_the_others(tmp_path, capsys):
    write(tmp_path / "alone.xyz", Atoms("Cu"))
    words = ["--element", "Cu", "--write-only", "-o", tmp_path / "runs"]
    assert run("calculate", tmp_path / "alone.xyz", *words) == 1
    assert run("calculate", tmp_path / "alone.xyz", CUO, *words) == 3
    assert "alone_000: site 0 has no other atom" in capsys.readouterr().err
    assert len(list((tmp_path / "runs").rglob("feff.inp"))) == 1


def test_fdmnes_and_feff9_inputs(tmp_path):
    assert run("calculate", CUO, "--element", "Cu", "-o", tmp_path / "f", "--code", "fdmnes") == 2
    for code in ("fdmnes", "feff9"):
        out = tmp_path / code
        words = ["calculate", CUO, "--element", "Cu", "-o", out, "--code", code, "--write-only"]
        assert run(*words) == 0
        assert run(*words) == 1  # nothing is written over
    assert (tmp_path / "fdmnes/mp-1692/FDMNES/000_Cu/fdmfile.txt").is_file()
    assert (tmp_path / "feff9/mp-1692/FEFF-XANES/000_Cu/feff.inp").is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--element", "Fe"], "contains no Fe"),
        (["--element", "Cu", "--edge", "M5"], "M5"),
        (["--element", "Qq"], "Qq"),
        (["--element", "Cu", "--site", "3"], "site 3"),
        (["--element", "Cu", "--polarization", "x,w"], "polarization"),
        (["--element", "Cu", "--scf-radius", "-1"], "scf_radius"),
        (["--element", "Cu", "--fms-radius", "0"], "fms_radius"),
        (["--element", "Cu", "--jobs", "0"], "jobs"),
        (["--element", "Cu", "--time-limit", "0"], "time_limit"),
        (["--element", "Cu", "--copies", "2"], "displace"),
        (["--element", "Cu", "--displace", "0.1"], "copies"),
        (["--element", "Cu", "--feff", "no-such-feff"], "no-such-feff"),
        (["--element", "Cu", "--choose-by", "cu-k-feff"], "limit"),
        (["--element", "Cu", "--parsl", "none.py"], "none.py"),
    ],
)
def test_bad_options_are_refused_in_one_line(tmp_path, capsys, words, message):
    code = run("calculate", CUO, "-o", tmp_path / "runs", *words)
    assert code in (1, 2)
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert message in line
    assert not (tmp_path / "runs" / "mp-1692").exists()


def test_without_feff_the_command_says_what_to_install(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("src.commands.calculate.find_spec", lambda _name: None)
    assert run("calculate", CUO, "--element", "Cu", "-o", tmp_path / "runs") == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "e3gnn-xanes[feff]" in line


@pytest.mark.slow
def test_engine_of_the_wheel(tmp_path):
    """FEFF 10 itself on copper, and the polarized spectra of a layered crystal at an L3 edge."""
    pytest.importorskip("feff10")
    out = tmp_path / "runs"
    path = tmp_path / "Ag.cif"
    write(path, bulk("AgI", "wurtzite", a=4.58, c=7.49))
    words = ["calculate", path, "--element", "Ag", "--scf-radius", "3.5", "--fms-radius", "3.5"]
    assert run(*words, "-o", out) == 0
    assert run(*words, "-o", tmp_path / "xyz", "--polarization", "x,y,z") == 0
    (mean,) = records(out).values()
    axes = records(tmp_path / "xyz").values()
    assert mean.edge == "L3"
    assert np.mean([r.mu for r in axes], axis=0) == pytest.approx(mean.mu, abs=1e-6 * mean.mu.max())
    x, y, z = (record.mu for record in axes)
    assert x == pytest.approx(y, abs=1e-5 * x.max())  # uniaxial
    assert np.abs(x - z).max() > 1e-4 * x.max()  # tetrahedral, hence weak
