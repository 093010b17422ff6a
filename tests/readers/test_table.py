"""Tables of structure files with spectra, in every way that people write them."""

import numpy as np
import pytest
from paths import CALCULATIONS

from src.dataset.record import Record, Rejected
from src.errors import RecordError
from src.readers.feff import read_feff
from src.readers.formats import find_sources
from src.readers.options import ReadOptions
from src.readers.table import read_table

STATED = ReadOptions(edge="K", axis="absolute")
GRID = np.linspace(8975.0, 9030.0, 56)


@pytest.fixture
def real(tmp_path):
    """Three materials' FEFF records; their structures and spectra as files beside a table."""
    results = [r for r in read_feff(CALCULATIONS, "Cu", "K") if isinstance(r, Record)]
    chosen = list({record.material: record for record in results}.values())[:3]
    for record in chosen:
        record.atoms.write(tmp_path / f"{record.material}.vasp", format="vasp", direct=True)
        columns = np.stack([record.energy, record.mu], axis=1)
        np.savetxt(tmp_path / f"{record.material}.dat", columns, fmt="%.17g")
    return tmp_path, chosen


def matching(results, expected):
    """Assert that records are those of the structures' files."""
    for mine, other in zip(results, expected, strict=True):
        assert isinstance(mine, Record), mine
        assert mine.id == f"{other.material}_{other.site:03d}"
        assert np.allclose(mine.mu, np.interp(mine.energy, other.energy, other.mu), atol=1e-12)
        assert (mine.atoms.numbers == other.atoms.numbers).all()


@pytest.mark.parametrize(("mark", "name"), [(",", "t.csv"), (";", "t.csv"), ("\t", "t.tsv")])
def test_spectra_in_files(mark, name, real):
    folder, records = real
    lines = ["structure,element,absorber,spectrum,edge,axis"]
    lines += [f"{r.material}.vasp,Cu,{r.site},{r.material}.dat,K,absolute" for r in records]
    (folder / name).write_text("\r\n".join([*lines, ""]).replace(",", mark))
    (source,) = find_sources(folder)
    assert (source.format, source.path) == ("table", folder / name)
    results = list(read_table(source.path))
    matching(results, records)
    assert np.array_equal(results[0].energy, records[0].energy)


def test_spectra_in_columns_named_by_energies(real):
    folder, records = real
    lines = [" ".join(["structure element absorber", *(f"{e:g}" for e in GRID)])]
    for record in records:
        mu = np.interp(GRID, record.energy, record.mu).tolist()
        lines.append(f"{record.material}.vasp Cu {record.site} {' '.join(map(repr, mu))}")
    path = folder / "wide.txt"
    path.write_text("\n".join([*lines, ""]))
    results = list(read_table(path, STATED))
    matching(results, records)
    assert np.array_equal(results[0].energy, GRID)


@pytest.fixture
def one(real):
    """Write a table of one row; return its path and the record."""
    folder, (record, *_) = real

    def write(row, head="structure,element,absorber,spectrum"):
        path = folder / "one.csv"
        path.write_text(f"{head}\n{row.format(m=record.material, s=record.site)}\n")
        return path, record

    return write


def test_a_mean_over_an_element(one):
    path, record = one("{m}.vasp,Cu,mean,{m}.dat")
    (mean,) = read_table(path, STATED)
    assert mean.id == f"{record.material}_mean"
    assert mean.mean_over == tuple(np.flatnonzero(record.atoms.numbers == 29))


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ("structure,spectrum", "no column element, absorber"),
        ("structure,element,absorber", "either a column `spectrum` or columns of energies"),
        ("structure,element,absorber,spectrum,8970,8971", "either a column `spectrum` or columns"),
        ("structure,element,absorber,absorber,spectrum", "columns named twice: absorber"),
        ("structure,element,absorber,spectra", "columns spectra are neither energies"),
    ],
)
def test_wrong_columns_are_refused(head, message, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(f"{head}\n")
    with pytest.raises(RecordError, match=message):
        list(read_table(path))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("{m}.vasp,Cu,99,{m}.dat", "`absorber` is '99', expected `mean` or an index within"),
        ("{m}.vasp,Cu,-1,{m}.dat", "`absorber` is '-1'"),
        ("{m}.vasp,,mean,{m}.dat", "`element` is '', expected a symbol"),
        ("{m}.vasp,Fe,{s},{m}.dat", "no Fe in Cu8O10Pt2"),
        ("none.vasp,Cu,0,{m}.dat", "none.vasp: no such file"),
        ("{m}.vasp,Cu,{s},none.dat", "none.dat: no such file"),
        ("{m}.vasp,Cu,{s},{m}.vasp", "line 6: 'Cu' is not a number"),
        ("{m}.vasp,Cu,{s}", "3 columns, expected 4"),
    ],
)
def test_a_wrong_row_is_left_out_with_its_reason(row, reason, one):
    path, _ = one(f"{row}\n{{m}}.vasp,Cu,{{s}},{{m}}.dat")
    first, second = read_table(path, STATED)
    assert isinstance(first, Rejected)
    assert first.source == f"{path}: line 2"
    assert reason in first.reason
    assert isinstance(second, Record)


def test_a_decimal_comma_in_a_spectrum_is_refused(one):
    path, _ = one('{m}.vasp;Cu;{s};"0,5";1.0', "structure;element;absorber;8970;8971")
    (rejected,) = read_table(path, STATED)
    assert rejected.reason == "at 8970 eV: '0,5' is not a number"
