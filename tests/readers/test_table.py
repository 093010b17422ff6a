"""Tables of structure files with spectra, in every way that people write them."""

import numpy as np
import pytest
from paths import CALCULATIONS

from src.dataset.record import PassedOver, Record, Rejected
from src.errors import ConfigError, RecordError
from src.readers.feff import read_feff
from src.readers.formats import find_sources
from src.readers.options import ReadOptions
from src.readers.table import read_table

GIVEN = ReadOptions(edge="K", axis="absolute")
GRID = np.linspace(8975.0, 9030.0, 56)


@pytest.fixture
def real(tmp_path):
    """Three materials' FEFF records; their structures and spectra as files beside a table."""
    found = [r for r in read_feff(CALCULATIONS, "Cu", "K") if isinstance(r, Record)]
    chosen = list({record.material: record for record in found}.values())[:3]
    for record in chosen:
        record.atoms.write(tmp_path / f"{record.material}.vasp", format="vasp", direct=True)
        columns = np.stack([record.energy, record.mu], axis=1)
        np.savetxt(tmp_path / f"{record.material}.dat", columns, fmt="%.17g")
    return tmp_path, chosen


def matching(found, wanted):
    """Assert that records are those of the structures' files."""
    for mine, other in zip(found, wanted, strict=True):
        assert isinstance(mine, Record), mine
        assert mine.id == f"{other.material}_{other.site:03d}"
        assert np.allclose(mine.mu, np.interp(mine.energy, other.energy, other.mu), atol=1e-12)
        assert (mine.atoms.numbers == other.atoms.numbers).all()


def sites(records):
    """Absorbers, of structures whose atoms the file format keeps in order."""
    return [(record, record.site) for record in records]


@pytest.mark.parametrize(("mark", "name"), [(",", "t.csv"), (";", "t.csv"), ("\t", "t.tsv")])
def test_spectra_in_files(mark, name, real):
    folder, records = real
    rows = [mark.join(["structure", "element", "absorber", "spectrum", "edge", "axis"])]
    rows += [
        mark.join([f"{r.material}.vasp", "Cu", str(site), f"{r.material}.dat", "K", "absolute"])
        for r, site in sites(records)
    ]
    (folder / name).write_text("\r\n".join([*rows, ""]))
    (source,) = find_sources(folder)
    assert (source.format, source.path) == ("table", folder / name)
    found = list(read_table(source.path))
    matching(found, records)
    assert np.array_equal(found[0].energy, records[0].energy)


def test_spectra_in_columns_named_by_energies(real):
    folder, records = real
    rows = [" ".join(["structure", "element", "absorber", *(f"{e:g}" for e in GRID)])]
    for record, site in sites(records):
        mu = np.interp(GRID, record.energy, record.mu)
        rows.append(
            " ".join([f"{record.material}.vasp", "Cu", str(site), *(repr(float(v)) for v in mu)])
        )
    path = folder / "wide.txt"
    path.write_text("\n".join([*rows, ""]))
    found = list(read_table(path, GIVEN))
    matching(found, records)
    assert np.array_equal(found[0].energy, GRID)


def test_a_mean_over_an_element(real):
    folder, (record, *_) = real
    path = folder / "mean.csv"
    row = f"{record.material}.vasp,mean,Cu,{record.material}.dat"
    path.write_text(f"structure,absorber,element,spectrum\n{row}\n")
    (found,) = read_table(path, GIVEN)
    assert found.id == f"{record.material}_mean"
    assert found.mean_over == tuple(np.flatnonzero(record.atoms.numbers == 29))


def test_another_element_is_passed_over(real):
    folder, (record, *_) = real
    path = folder / "one.csv"
    row = f"{record.material}.vasp,Cu,{record.site},{record.material}.dat"
    path.write_text(f"structure,element,absorber,spectrum\n{row}\n")
    given = ReadOptions(element="Fe", edge="K", axis="absolute")
    assert list(read_table(path, given)) == [PassedOver(f"{path}: line 2")]


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
        ("{m}.vasp,Cu,{s},{m}.vasp", "line 3: 3 columns, the rows before have 1"),
        ("{m}.vasp,Cu,{s}", "3 columns, expected 4"),
    ],
)
def test_a_wrong_row_is_left_out_with_its_reason(row, reason, real):
    folder, (record, *_) = real
    path = folder / "rows.csv"
    good = f"{record.material}.vasp,Cu,{record.site},{record.material}.dat"
    bad = row.format(m=record.material, s=record.site)
    path.write_text(f"structure,element,absorber,spectrum\n{bad}\n{good}\n")
    first, second = read_table(path, GIVEN)
    assert isinstance(first, Rejected)
    assert first.source == f"{path}: line 2"
    assert reason in first.reason
    assert isinstance(second, Record)


def test_a_decimal_comma_or_a_word_in_a_spectrum_is_refused(real):
    folder, (record, *_) = real
    path = folder / "wide.csv"
    row = f'{record.material}.vasp;Cu;{record.site};"0,5";1.0'
    path.write_text(f"structure;element;absorber;8970;8971\n{row}\n")
    (found,) = read_table(path, GIVEN)
    assert found.reason == "at 8970 eV: '0,5' is no number"


def test_what_nobody_says_is_asked_for(real):
    folder, (record, *_) = real
    path = folder / "one.csv"
    row = f"{record.material}.vasp,Cu,{record.site},{record.material}.dat"
    path.write_text(f"structure,element,absorber,spectrum\n{row}\n")
    with pytest.raises(ConfigError, match="names no edge"):
        list(read_table(path))
    with pytest.raises(ConfigError, match="what its energies count from"):
        list(read_table(path, ReadOptions(edge="K")))
