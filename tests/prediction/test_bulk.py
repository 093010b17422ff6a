"""Bulk prediction: the same whoever predicts and however often it is interrupted; nothing lost."""

import ase.db
import numpy as np
import pytest
import torch
from paths import CU_K
from team import bulk_model, structures, write_input

from src import save_model
from src.checkpoints.trained_model import TrainedModel
from src.cli import main
from src.dataset.database import write_records
from src.errors import ConfigError, DatabaseError
from src.prediction import bulk
from src.prediction.site_prediction import predict_structure
from src.prediction.spectra_db import read_spectra, row_chunks, summarize
from src.readers.feff import read_feff
from src.runtime.distributed import Team

FAILURES = {3: "Fe contains no Cu", 6: "0.050 Angstrom apart", 9: "disordered", 11: "no atoms"}
"""Structures, counted from 0, that can't be predicted."""


@pytest.fixture
def case(tmp_path, monkeypatch):
    """A folder with structures and a model, and small chunks."""
    monkeypatch.setattr(bulk, "CHUNK", 3)
    write_input(tmp_path / "in.db", structures())
    return tmp_path


def predict(folder, name="out.db", digest="this model", **changes):
    """Predict the structures of a folder with one process."""
    values = {"source": folder / "in.db", "output": folder / name, "team": Team()}
    model = TrainedModel(*bulk_model(), sha256=digest)
    return bulk.predict_database(model, **{**values, **changes})


def assert_same(first, second):
    """Two databases hold the same, bit for bit."""
    for a, b in zip(read_spectra(first), read_spectra(second), strict=True):
        assert (a.source_row, a.error, a.unseen) == (b.source_row, b.error, b.unseen)
        assert a.atoms == b.atoms
        for name in ("sites", "energy", "mu"):
            assert np.array_equal(getattr(a, name), getattr(b, name)), (a.source_row, name)


def test_every_structure_has_a_row_with_spectra_or_the_reason_why_not(case):
    summary = predict(case)
    assert (summary.structures, summary.failed) == (14, len(FAILURES))
    found = list(read_spectra(case / "out.db"))
    assert [row.source_keys["name"] for row in found] == [f"s{k}" for k in range(14)]
    model = TrainedModel(*bulk_model())
    for number, (row, (atoms, _)) in enumerate(zip(found, structures(), strict=True)):
        assert len(row.atoms) == len(atoms)
        assert np.allclose(row.atoms.positions, atoms.positions)
        if number in FAILURES:
            assert FAILURES[number] in row.error
            assert row.mu.shape == (0, 3)
            continue
        assert row.error is None
        assert row.energy.tolist() == model.info.energy_grid
        alone = [predict_structure(model, atoms, sites=[site])[0].mu for site in row.sites]
        assert row.mu == pytest.approx(np.stack(alone), abs=1e-5)
    assert summary.spectra == sum(len(row.mu) for row in found) == 40
    assert [number for number, _ in summary.examples] == [
        found[number].source_row for number in FAILURES
    ]
    assert not list(case.glob("*part*"))


class Killed(Exception):
    """Stands for the end of the process."""


def kill_at(monkeypatch, call, after_rows=0):
    """Make a prediction die in its n-th chunk, after some of its rows are written."""
    original, calls = bulk.RowPredictor.predict, []

    def predict_and_die(self, rows):
        calls.append(rows)
        found = original(self, rows)
        if len(calls) < call:
            return found

        def some():
            yield from found[:after_rows]
            raise Killed

        return some()

    monkeypatch.setattr(bulk.RowPredictor, "predict", predict_and_die)
    return calls


def test_a_killed_run_goes_on_where_it_stopped(case, monkeypatch):
    predict(case, "whole.db")
    with monkeypatch.context() as patch:
        kill_at(patch, 3, after_rows=2)
        with pytest.raises(Killed):
            predict(case)
    assert not (case / "out.db").exists()
    with monkeypatch.context() as patch:
        calls = kill_at(patch, 99)
        predict(case)
    assert len(calls) == 5 - 2  # two of the five chunks were there
    assert_same(case / "out.db", case / "whole.db")


def test_an_interrupted_run_is_not_mixed_with_other_work(case, monkeypatch):
    with monkeypatch.context() as patch:
        kill_at(patch, 3)
        with pytest.raises(Killed):
            predict(case)
    with pytest.raises(DatabaseError, match="model was 'sha256 this model', is 'sha256 another'"):
        predict(case, digest="another")
    with pytest.raises(DatabaseError, match="energy was"):
        predict(case, energy=np.array([8990.0, 8991.0]))
    with pytest.raises(ConfigError, match=r"out\.db\.part-0-of-1 is left.*than 2"):
        predict(case, team=Team(0, 2))
    with ase.db.connect(case / "in.db", type="db") as connection:
        atoms = connection.get_atoms(name="s1")
        atoms.rattle(0.01)
        connection.update(connection.get(name="s1").id, atoms=atoms)
    with pytest.raises(DatabaseError, match="row 2 is not of the structure that row 3 holds"):
        predict(case)


def test_two_processes_give_what_one_gives(pair, monkeypatch):
    monkeypatch.setattr(bulk, "CHUNK", 3)
    predict(pair, "spectra one.db")
    assert_same(pair / "spectra two.db", pair / "spectra one.db")
    assert summarize(pair / "spectra two.db") == summarize(pair / "spectra one.db")
    assert not list(pair.glob("*part*"))


def test_rows_are_asked_for_a_few_at_a_time(case):
    assert [len(ids) for ids in row_chunks(case / "in.db", 4)] == [4, 4, 4, 2]
    ids = [number for chunk in row_chunks(case / "in.db", 4) for number in chunk]
    assert ids[:5] == [2, 3, 4, 6, 7]


def test_the_command_predicts_a_database(case, capsys):
    save_model(case / "model.pt", *bulk_model())
    words = ["predict", str(case), str(case / "in.db")]
    for extra, message in (
        ([], "name the one for the spectra"),
        (["-o", str(case / "x.db"), "--site", "0"], "`site` does not go"),
        (["-o", str(case / "no" / "x.db")], "does not exist"),
        ([str(case / "in.db"), "-o", str(case / "x.db")], "predict it on its own"),
    ):
        assert main([*words, *extra]) == 1
        assert message in capsys.readouterr().err
    assert main([*words, "-o", str(case / "x.db")]) == 3  # four are left out
    assert "14 structures, 40 spectra, 4 failed" in capsys.readouterr().out
    assert main([*words, "-o", str(case / "x.db")]) == 1
    assert "is there already" in capsys.readouterr().err
    assert main([*words, "-o", str(case / "y.db"), "--strict"]) == 1
    assert "4 of 14 structures" in capsys.readouterr().err
    assert (case / "y.db").is_file()


def test_a_database_of_records_is_predicted_with_the_records_names(tmp_path):
    write_records(tmp_path / "in.db", read_feff(CU_K / "calculations" / "mp-1692"))
    predict(tmp_path)
    (row,) = read_spectra(tmp_path / "out.db")
    assert row.source_keys["record"].startswith("record mp-1692_")
    copper = [i for i, symbol in enumerate(row.atoms.get_chemical_symbols()) if symbol == "Cu"]
    assert row.sites.tolist() == copper


def test_other_files_are_refused(case):
    with pytest.raises(DatabaseError, match="not a database of predicted spectra"):
        list(read_spectra(case / "in.db"))
    torch.save({}, case / "x.pt")
    with pytest.raises(DatabaseError, match="not an ASE database"):
        predict(case, source=case / "x.pt")
