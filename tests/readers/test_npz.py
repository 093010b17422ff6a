"""NumPy archives: real records written and read back, and archives that are refused."""

import contextlib
import zipfile

import numpy as np
import pytest
from paths import CALCULATIONS

from src.dataset.record import PassedOver, Record, Rejected
from src.errors import ConfigError, RecordError
from src.readers.feff import read_feff
from src.readers.formats import find_sources
from src.readers.npz import read_npz
from src.readers.options import ReadOptions

STATED = {"axis": "absolute", "edge": "K", "code": "FEFF", "version": "9.9.1"}


@pytest.fixture(scope="module")
def records():
    """Spectra of copper sites as FEFF gives them."""
    return [r for r in read_feff(CALCULATIONS, "Cu", "K") if isinstance(r, Record)]


def arrays_of(records, **changes):
    """The arrays that the format asks for, with changes; None removes one."""
    most = max(len(record.mu) for record in records)
    padded = np.full((2, len(records), most), np.nan)
    for k, record in enumerate(records):
        padded[:, k, : len(record.mu)] = record.energy, record.mu
    arrays = {
        "mu": padded[1],
        "energy": padded[0],
        "n_atoms": np.array([len(record.atoms) for record in records]),
        "numbers": np.concatenate([record.atoms.numbers for record in records]),
        "positions": np.concatenate([record.atoms.positions for record in records]),
        "cell": np.stack([record.atoms.cell.array for record in records]),
        "absorber": np.array([record.site for record in records]),
        "material": np.array([record.material for record in records]),
        "element": "Cu",
        **STATED,
        **changes,
    }
    return {name: value for name, value in arrays.items() if value is not None}


def test_records_are_those_that_were_written(records, tmp_path):
    np.savez_compressed(tmp_path / "cu.npz", **arrays_of(records))
    (source,) = find_sources(tmp_path / "cu.npz")
    assert source.format == "npz"
    results = list(read_npz(source.path, ReadOptions(target="absolute")))
    assert len(results) == len(records) > 10
    for mine, other in zip(results, records, strict=True):
        assert mine.id == f"{other.material}_{other.site:03d}"
        assert np.array_equal(mine.mu, other.mu)
        assert np.array_equal(mine.energy, other.energy)
        assert mine.structure_digest == other.structure_digest
        assert (mine.edge, mine.axis, mine.code) == ("K", "absolute", "FEFF")
    assert results[0].structure_digest != records[-1].structure_digest  # negative control


def test_molecules_one_grid_and_what_the_user_says(records, tmp_path):
    few, grid = records[:3], np.linspace(8970.0, 9050.0, 81)
    mu = np.stack([np.interp(grid, record.energy, record.mu) for record in few])
    arrays = arrays_of(few, mu=mu, energy=grid, cell=None, axis=None, edge=None)
    np.savez(tmp_path / "few.npz", **arrays)
    with pytest.raises(ConfigError, match="names no edge"):
        list(read_npz(tmp_path / "few.npz"))
    with pytest.raises(ConfigError, match="what its energies count from"):
        list(read_npz(tmp_path / "few.npz", ReadOptions(edge="K")))
    results = list(read_npz(tmp_path / "few.npz", ReadOptions(edge="K", axis="absolute")))
    assert not any(record.atoms.pbc.any() for record in results)
    assert np.array_equal(results[2].mu, mu[2])
    others = list(
        read_npz(tmp_path / "few.npz", ReadOptions(element="Fe", edge="K", axis="absolute"))
    )
    assert all(isinstance(other, PassedOver) for other in others)


def test_one_bad_spectrum_is_left_out_with_its_reason(records, tmp_path):
    arrays = arrays_of(records)
    arrays["mu"][1, 3] = np.inf
    arrays["absorber"][2] = 1000
    oxygen = int(np.flatnonzero(records[3].atoms.numbers == 8)[0])
    arrays["absorber"][3] = oxygen
    np.savez(tmp_path / "cu.npz", **arrays)
    results = list(read_npz(tmp_path / "cu.npz"))
    bad = [(k, f.reason) for k, f in enumerate(results) if isinstance(f, Rejected)]
    assert [k for k, _ in bad] == [1, 2, 3]
    assert f"the absorber should be Cu but atom {oxygen} is O" in bad[2][1]
    assert "not finite" in bad[0][1]
    assert "absorber index 1000" in bad[1][1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mu": None}, "no array mu"),
        ({"mu": np.zeros(3)}, r"`mu` is \(3,\)"),
        ({"positions": np.zeros((4, 3))}, r"`positions` is float64 \(4, 3\)"),
        ({"n_atoms": np.array([1])}, r"`n_atoms` is int64 \(1,\)"),
        ({"n_atoms": np.ones(27, dtype=int)}, "`n_atoms` adds up to 27"),
        ({"numbers": np.array([29.0, 8.0])}, "`numbers` is float64.* expected integers"),
        ({"extra": np.zeros(3)}, "`extra`"),
        ({"energy": np.array(["a", "b"])}, "`energy` is <U1.* expected numbers"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change, message, records, tmp_path):
    np.savez(tmp_path / "bad.npz", **arrays_of(records, **change))
    with pytest.raises(RecordError, match=message):
        list(read_npz(tmp_path / "bad.npz"))


def test_damaged_archives_are_refused(records, tmp_path):
    path = tmp_path / "cu.npz"
    np.savez_compressed(path, **arrays_of(records))
    whole_records = list(read_npz(path))
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    for _ in range(60):
        at = int(rng.integers(len(whole)))
        for damaged in (whole[:at], whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :]):
            path.write_bytes(damaged)
            with contextlib.suppress(RecordError):
                results = list(read_npz(path))
                # the byte held no data, such as a time
                assert [f.digest for f in results] == [f.digest for f in whole_records]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../mu.npy", b"")
    with pytest.raises(RecordError):
        list(read_npz(path))
