"""Bulk prediction: the same with any number of processes and interruptions; nothing is lost."""

import ase.db
import numpy as np
import pytest
import torch
from command import run
from paths import CU_K
from team import bulk_model, structures, write_input

from src import save_model
from src.checkpoints.energy_scale import aligned
from src.checkpoints.trained_model import TrainedModel
from src.dataset.database import write_records
from src.errors import ConfigError, DatabaseError
from src.prediction import bulk
from src.prediction.site_prediction import predict_structure
from src.prediction.spectra_db import read_spectra
from src.readers.feff import read_feff

FAILURES = {3: "Fe contains no Cu", 6: "0.050 Angstrom apart", 9: "disordered", 11: "no atoms"}
"""Structures, counted from 0, that can't be predicted."""


@pytest.fixture
def case(tmp_path, monkeypatch):
    """A folder with structures and a model, and small chunks."""
    monkeypatch.setattr(bulk, "CHUNK", 3)
    write_input(tmp_path / "in.db", structures())
    return tmp_path


def predict(folder, name="out.db", digest="this model", dtype=torch.float32, **changes):
    """Predict the structures of a folder with one process."""
    values = {"source": folder / "in.db", "output": folder / name}
    network, info = bulk_model()
    model = TrainedModel(network.to(dtype), info, sha256=digest)
    return bulk.predict_database(model, **{**values, **changes})


def assert_same(first, second):
    """Two databases have the same rows, bit for bit."""
    for a, b in zip(read_spectra(first), read_spectra(second), strict=True):
        assert (a.source_row, a.error, a.unseen) == (b.source_row, b.error, b.unseen)
        assert a.atoms == b.atoms
        for name in ("sites", "energy", "mu"):
            assert np.array_equal(getattr(a, name), getattr(b, name)), (a.source_row, name)


def test_every_structure_has_a_row_with_spectra_or_the_reason_why_not(case):
    summary = predict(case, dtype=torch.float64)
    assert (summary.structures, summary.failed) == (14, len(FAILURES))
    rows = list(read_spectra(case / "out.db"))
    assert [row.source_keys["name"] for row in rows] == [f"s{k}" for k in range(14)]
    assert [row.source_row for row in rows][:5] == [2, 3, 4, 6, 7]  # the input's own numbers
    network, info = bulk_model()
    model = TrainedModel(network.double(), info)
    for number, (row, (atoms, _)) in enumerate(zip(rows, structures(), strict=True)):
        assert len(row.atoms) == len(atoms)
        assert np.allclose(row.atoms.positions, atoms.positions)
        if number in FAILURES:
            assert FAILURES[number] in row.error
            assert row.mu.shape == (0, 3)
            continue
        assert row.error is None
        assert row.energy.tolist() == model.info.energy_grid
        alone = [predict_structure(model, atoms, sites=[site])[0].mu for site in row.sites]
        assert row.mu == pytest.approx(np.stack(alone), abs=1e-9)
    assert summary.spectra == sum(len(row.mu) for row in rows) == 40
    assert summary.reasons == [rows[number].error for number in FAILURES]


def test_equivalent_sites_have_their_spectrum_each(case):
    atoms = structures()[0][0]
    atoms.positions = np.round(atoms.positions / 2.1) * 2.1  # rock salt: all four Cu are equivalent
    atoms.write(case / "CuO.cif")
    predict(case, source=[case / "CuO.cif"])
    (row,) = read_spectra(case / "out.db")
    assert row.source_keys == {"structure": "CuO", "file": str(case / "CuO.cif")}
    assert len(row.sites) == len(row.mu) == 4
    assert np.ptp(row.mu, axis=0).max() < 1e-5
    assert np.ptp(row.mu) > 1e-3


def test_a_killed_run_continues_where_it_stopped(case, monkeypatch):
    predict(case, "whole.db")
    make_rows, calls = bulk.make_rows, []

    def rows_of_which_the_third_kills(*arguments):
        calls.append(len(arguments[1]))
        rows = make_rows(*arguments)
        return rows if len(calls) != 3 else [*rows[:2], {"atoms": "no atoms"}]

    monkeypatch.setattr(bulk, "make_rows", rows_of_which_the_third_kills)
    with pytest.raises(AttributeError):
        predict(case)
    assert len(list(read_spectra(case / "out.db"))) == 6  # whole chunks alone
    predict(case)
    assert calls == [3, 3, 3, 3, 3, 2]
    assert_same(case / "out.db", case / "whole.db")
    assert predict(case).structures == 14  # once more: nothing is predicted twice
    assert len(calls) == 6
    assert_same(case / "out.db", case / "whole.db")


def test_an_output_is_not_mixed_with_other_work(case, monkeypatch):
    predict(case)
    for changes, message in (
        ({"digest": "another"}, "model was 'sha256 this model', is 'sha256 another'"),
        ({"energy": np.array([8990.0, 8991.0])}, "energy was"),
        ({"output": case / "in.db"}, r"in\.db: not a database of predicted spectra"),
    ):
        with pytest.raises(DatabaseError, match=message):
            predict(case, **changes)
    network, info = bulk_model()
    info.expected_shift, info.shift_spread = 2.0, 1.0
    shifted = TrainedModel(network, info, sha256="this model")
    energy = np.asarray(info.energy_grid)  # the same energies, but of other spectra
    for model, name in ((shifted, "shifted.db"), (aligned(shifted), "aligned.db")):
        bulk.predict_database(model, case / "in.db", case / name, energy=energy)
    with pytest.raises(DatabaseError, match=r"energies_are was 'absolute.* is 'aligned to exper"):
        bulk.predict_database(aligned(shifted), case / "in.db", case / "shifted.db", energy=energy)
    mu = [next(read_spectra(case / name)).mu for name in ("shifted.db", "aligned.db")]
    assert np.abs(mu[0] - mu[1]).max() > 1e-3  # negative control: to mix them would be wrong
    with pytest.raises(ConfigError, match=r"out\.db: exists, .* not read from a file"):
        predict(case, digest=None)  # two networks without a file would look alike
    with monkeypatch.context() as patch:
        patch.setattr(bulk, "package_version", lambda _name: "9.9")
        with pytest.raises(DatabaseError, match=r"version was .* is '9\.9'"):
            predict(case)
    with ase.db.connect(case / "in.db", type="db") as connection:
        connection.write(structures(15)[14][0], name="new")
    assert predict(case).structures == 15  # more structures are no other work
    with ase.db.connect(case / "in.db", type="db") as connection:
        atoms = connection.get_atoms(name="s1")
        atoms.rattle(0.01)
        connection.update(connection.get(name="s1").id, atoms=atoms)
    with pytest.raises(DatabaseError, match="row 2 is not of structure 3"):
        predict(case)


def test_two_processes_give_what_one_gives(pair, monkeypatch):
    monkeypatch.setattr(bulk, "CHUNK", 3)
    predict(pair, "spectra one.db")
    assert_same(pair / "spectra two.db", pair / "spectra one.db")


def test_the_command_predicts_a_database(case, capsys):
    save_model(case / "model.pt", *bulk_model())
    words = ["predict", case, case / "in.db"]
    for extra, message in (
        ([], "--output"),
        (["-o", case / "x.db", "--site", "0"], "`site`"),
        (["-o", case / "no" / "x.db"], "does not exist"),
        ([case / "in.db", "-o", case / "x.db"], "on its own"),
    ):
        assert run(*words, *extra) == 1
        assert message in capsys.readouterr().err
    for _ in range(2):  # the second time nothing is left to do
        assert run(*words, "-o", case / "x.db") == 3
        assert "14 structures, 40 spectra, 4 failed" in capsys.readouterr().out
    assert run(*words, "-o", case / "y.db", "--strict") == 1
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
    assert not (case / "out.db").exists()
