"""Measured files: XDI in and out, columns of text, and what is wrong with them."""

import re

import numpy as np
import pytest
from paths import EXPERIMENT

from src.errors import ConfigError, RecordError
from src.xas.measured import read_measured, with_edge
from src.xas.xdi import read_xdi, write_xdi

CUS, FOIL = (EXPERIMENT / name for name in ("CuS_covellite_13K_01.xdi", "cu_metal_rt.xdi"))
XDI = "# XDI/1.0\n# Column.1: {}\n# Column.2: mutrans\n{}# ///\n#---\n"


def numbers(path):
    """The table of a file by numpy, an independent reader."""
    return np.loadtxt(path, comments="#")


def test_mu_is_given_or_from_intensities():
    foil, table = read_measured(FOIL), numbers(FOIL)
    assert np.array_equal(foil.energy, table[:, 0])
    assert np.array_equal(foil.mu, table[:, 3])
    assert (foil.element, foil.edge) == ("Cu", "K")
    covellite, table = read_measured(CUS), numbers(CUS)
    assert covellite.mu == pytest.approx(np.log(table[:, 1] / table[:, 2]), abs=1e-14)
    assert covellite.header["Sample.formula"] == "CuS"
    assert "exafs to K13" in covellite.header["comments"]
    reference = read_measured(CUS, column="irefer")
    assert np.array_equal(reference.mu, table[:, 3])


def test_what_is_written_is_read_again(tmp_path):
    scan = read_measured(CUS)
    write_xdi(scan, tmp_path / "out.xdi")
    again = read_xdi(tmp_path / "out.xdi")
    assert np.array_equal(again.energy, scan.energy)
    assert np.array_equal(again.mu, scan.mu)
    for name in {*scan.header, *again.header}:
        assert name.startswith("Column.") or again.header[name] == scan.header[name]


@pytest.mark.parametrize(
    ("unit", "convert"), [("energy keV", lambda e: e / 1000.0), ("energy", lambda e: e)]
)
def test_energies_in_other_units(tmp_path, unit, convert):
    energy = np.linspace(8900.0, 9100.0, 11)
    rows = "".join(f"{convert(e):.9f} {k}\n" for k, e in enumerate(energy))
    (tmp_path / "a.xdi").write_text(XDI.format(unit, "") + rows)
    assert read_measured(tmp_path / "a.xdi").energy == pytest.approx(energy)


@pytest.mark.parametrize(("unit", "factor"), [("degrees", 1.0), ("rad", np.pi / 180)])
def test_angles_follow_from_bragg(tmp_path, unit, factor):
    """Si(111), d = 3.1356 Angstrom: 12.7 degrees is 8.99 keV."""
    degrees = np.array([12.80, 12.75, 12.70])
    rows = "".join(f"{factor * angle:.9f} {k}\n" for k, angle in enumerate(degrees))
    text = XDI.format(f"angle {unit}", "# Mono.d_spacing: 3.1356\n") + rows
    (tmp_path / "a.xdi").write_text(text)
    scan = read_measured(tmp_path / "a.xdi")
    assert scan.energy == pytest.approx(12398.4198 / (2 * 3.1356 * np.sin(np.radians(degrees))))
    assert scan.mu.tolist() == [0.0, 1.0, 2.0]


def test_an_empty_line_does_not_end_the_header(tmp_path):
    text = "# XDI/1.0\n# Column.1: energy\n#\n# Column.2: i0\n# Column.3: mutrans\n#---\n"
    (tmp_path / "a.xdi").write_text(text + "8979 7 1\n8980 7 2\n")
    assert read_measured(tmp_path / "a.xdi").mu.tolist() == [1.0, 2.0]


def test_fluorescence_that_is_not_used_is_warned_of(tmp_path, caplog):
    path = tmp_path / "scan.dat"
    path.write_text("# energy i0 itrans ifluor\n8979 2 1 5\n8980 4 1 6\n")
    assert read_measured(path).mu == pytest.approx(np.log([2.0, 4.0]))
    assert "scan.dat: mu is that of transmission, from i0 and itrans" in caplog.text
    assert "ifluor" in caplog.text
    caplog.clear()
    path.write_text("# energy i0 itrans irefer\n8979 2 1 5\n8980 4 1 6\n")
    assert read_measured(path).mu == pytest.approx(np.log([2.0, 4.0]))
    assert not caplog.text


@pytest.mark.parametrize(
    ("text", "energy", "mu"),
    [
        ("8979 1\n8980 2\n8981 3\n", [8979, 8980, 8981], [1, 2, 3]),
        ("# a scan\n# energy xmu i0\n8979\t1\t7\n8980\t2\t7\n", [8979, 8980], [1, 2]),
        ("Energy,i0,itrans\r\n8979,2.0,1.0\r\n8980,4,1\r\n", [8979, 8980], [np.log(2), np.log(4)]),
        ("energy; if; i0\n8979; 1.D0; 2\n8980; 3; 4\n", [8979, 8980], [0.5, 0.75]),
        ("8979 1\n8980 2\n8981 3", [8979, 8980, 8981], [1, 2, 3]),
        ("# energy i0 mu\n8979 7 1\n8980 7 2\n# end of scan\n", [8979, 8980], [1, 2]),
        ("8981 3\n8980 2\n8979 1\n", [8979, 8980, 8981], [1, 2, 3]),
        ("8979 1\n8980 2\n8980 4\n8981 5\n", [8979, 8980, 8981], [1, 3, 5]),
    ],
)
def test_columns_of_text(tmp_path, text, energy, mu):
    (tmp_path / "scan.dat").write_bytes(text.encode())
    found = read_measured(tmp_path / "scan.dat")
    assert found.energy.tolist() == energy
    assert found.mu == pytest.approx(mu)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("8979 1.25\n8980 1.2", "line 2: the last line has no line end and is shorter"),
        ("8979 1 2\n8980 2 3\n", "which of 3 columns is mu"),
        ("8979 1\n8980 *****\n", r"line 2: '\*\*\*\*\*' is no number"),
        ("8979 1\n8980 1.0-101\n", "line 2: '1.0-101' is no number"),
        ("8979 1\n8980 nan\n", "line 2: 'nan' is no number"),
        ("8979 1\n8980 1e999\n", "line 2: '1e999' is not finite"),
        ("8979 1\n8981 2\n8980 3\n", "line 3: energy 8980.000 eV is below the one before"),
        ("8979 1\n8980\n", "line 2: 1 columns"),
        ("8979,5;1,2\n8980,5;1,3\n", "line 1: '8979,5' is no number"),
        ("8.979 1\n8.980 2\n", "are they keV"),
        ("", "no table"),
        ("energy i0 itrans\n8979 2 1\n8980 2 -1\n", "line 3: i0 and itrans are 2 and -1"),
        ("energy i0\n8979 2\n8980 2\n", "which of 2 columns is mu"),
        ("# XDI/1.0\n# Column.1: energy\n# Column.2: mu\n8.979 1\n8.980 2\n", "are they keV"),
        ("# XDI/1.0\n# Column.1: angle mrad\n# Column.2: mu\n12 1\n11 2\n", "angle is 'mrad'"),
        ("# XDI/1.0\n# Column.2: mu\n8979 1\n8980 2\n", "no Column.1"),
        ("# XDI/1.0\n# Column.1: time s\n8979 1\n8980 2\n", "no column is named energy"),
        ("# XDI/1.0\n# Column.1: energy Ry\n8979 1\n8980 2\n", "unit of energy is 'ry'"),
        ("# XDI/1.0\n# Column.1: angle\n# Column.2: mu\n12 1\n11 2\n", "no number Mono.d_spacing"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, message):
    (tmp_path / "scan.dat").write_text(text)
    with pytest.raises(RecordError, match=f"scan.dat: .*{message}"):
        read_measured(tmp_path / "scan.dat")


def test_another_edge_than_the_files_is_refused():
    scan = read_measured(FOIL)
    assert with_edge(scan, "Cu", None).edge == "K"
    with pytest.raises(ConfigError, match="its element is Cu, expected Zn"):
        with_edge(scan, "Zn", None)


def test_edge_that_the_header_names_must_be_there(tmp_path, caplog):
    """Outside the energies it is an error; where the spectrum rises elsewhere that is said."""
    text = FOIL.read_text()
    path = tmp_path / "foil.xdi"
    path.write_text(re.sub(r"(Element.symbol:\s*)Cu", r"\1Fe", text))
    with pytest.raises(RecordError, match=r"the header says Fe K, at 7112 eV, but its energies"):
        read_measured(path)
    path.write_text(re.sub(r"(Element.symbol:\s*)Cu", r"\1Zn", text))
    assert read_measured(path).element == "Zn"
    assert "says Zn K, at 9659 eV, but it rises most at 89" in caplog.text
    caplog.clear()
    read_measured(FOIL)
    assert not caplog.text


def test_athena_projects_need_larch(tmp_path):
    (tmp_path / "a.prj").write_bytes(b"")
    try:
        import larch  # noqa: F401
    except ImportError:
        with pytest.raises(ConfigError, match="athena"):
            read_measured(tmp_path / "a.prj")
