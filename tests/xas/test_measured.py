"""Measured files: XDI in and out, columns of text, and what is wrong with them."""

import re

import numpy as np
import pytest
from paths import EXPERIMENT

from src.errors import ConfigError, RecordError
from src.xas.measured import read_measured, with_edge
from src.xas.xdi import read_xdi, write_xdi

CUS, FOIL = (EXPERIMENT / name for name in ("CuS_covellite_13K_01.xdi", "cu_metal_rt.xdi"))
ANGLE = "# XDI/1.0\n# Column.1: angle\n# Column.2: mu\n# Mono.d_spacing: {}\n12.8 1\n12.7 2\n"
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


@pytest.mark.parametrize(
    ("unit", "factor", "spacing"),
    [("degrees", 1.0, "3.1356"), ("rad", np.pi / 180, "3.1356"), ("degrees", 1.0, "0.31356D+1")],
)
def test_angles_follow_from_bragg(tmp_path, unit, factor, spacing):
    """Si(111), d = 3.1356 Angstrom: 12.7 degrees is 8.99 keV."""
    degrees = np.array([12.80, 12.75, 12.70])
    rows = "".join(f"{factor * angle:.9f} {k}\n" for k, angle in enumerate(degrees))
    text = XDI.format(f"angle {unit}", f"# Mono.d_spacing: {spacing}\n") + rows
    (tmp_path / "a.xdi").write_text(text)
    scan = read_measured(tmp_path / "a.xdi")
    assert scan.energy == pytest.approx(12398.4198 / (2 * 3.1356 * np.sin(np.radians(degrees))))
    assert scan.mu.tolist() == [0.0, 1.0, 2.0]


def test_an_empty_line_does_not_end_the_header(tmp_path):
    text = "# XDI/1.0\n# Column.1: energy\n#\n# Column.2: i0\n# Column.3: mutrans\n#---\n"
    (tmp_path / "a.xdi").write_text(text + "8979 7 1\n8980 7 2\n")
    assert read_measured(tmp_path / "a.xdi").mu.tolist() == [1.0, 2.0]


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
        ("# energy mu i0\n8979,1 , 7\n8980,2 , 7\n", [8979, 8980], [1, 2]),
        ("8979 1\n8980 2\n8980 4\n8981 5\n", [8979, 8980, 8981], [1, 3, 5]),
        ("8979 1\n8980.2 2\n8980.1 3\n8981 4\n", [8979, 8980.1, 8980.2, 8981], [1, 3, 2, 4]),
        ("\ufeff8979 1\n8980 2\n", [8979, 8980], [1, 2]),
        ("\ufeffenergy\txmu\r\n8979\t1\r\n8980\t2\r\n", [8979, 8980], [1, 2]),
        ("scan 3\n2021-03-05 12:30\n3 scans\n8979 1\n8980 2\n\x1a", [8979, 8980], [1, 2]),
        ("1.0 1.0\nOffsets:\n1 2\n3 blocks\nof data\nhere\n8979 1\n8980 2\n", [8979, 8980], [1, 2]),
        ("# Energy_keV mu i0\n8.979 1 7\n8.980 2 7\n", [8979, 8980], [1, 2]),
        ("# mu energy[eV]\n1 8979\n2 8980\n", [8979, 8980], [1, 2]),
        ("# Energy\t\u00b5(E)\tI0\n# eV\t-\tcounts\n8979 1 7\n8980 2 7\n", [8979, 8980], [1, 2]),
        ("Energy calibrated\nwith a foil\n8979 1\n8980 2\n", [8979, 8980], [1, 2]),
        ("hv (keV),intensity\n8.979,1\n8.980,2\n", [8979, 8980], [1, 2]),
        ("# norm E/keV\n1 8.979\n2 8.98\n", [8979, 8980], [1, 2]),
        (
            "time\nRequested Energy\nEnergy (eV)\nxmu\n\n1 7 8979 1\n1 7 8980 2\n",
            [8979, 8980],
            [1, 2],
        ),
        ("#L energy  time  mu(E)\n8979 7 1\n8980 7 2\n", [8979, 8980], [1, 2]),
        ("; P1 = {Energy} --> x\n; D1 = {xmu}\n; P1 D1\n8979 1\n8980 2\n", [8979, 8980], [1, 2]),
        (
            "#Mono Energy *        I0 of the chamber *  mu\n8979 7 1\n8980 7 2\n",
            [8979, 8980],
            [1, 2],
        ),
    ],
)
def test_columns_of_text(tmp_path, text, energy, mu):
    (tmp_path / "scan.dat").write_bytes(text.encode())
    found = read_measured(tmp_path / "scan.dat")
    assert found.energy == pytest.approx(energy)
    assert found.mu == pytest.approx(mu)


def test_text_that_is_not_utf_8(tmp_path):
    (tmp_path / "scan.dat").write_bytes("# 20 °C\n# energy mu\n8979 1\n8980 2\n".encode("latin-1"))
    scan = read_measured(tmp_path / "scan.dat")
    assert scan.mu.tolist() == [1.0, 2.0]
    assert scan.header["comments"].startswith("20 °C")


def test_last_row_without_line_end(tmp_path, caplog):
    """Of rows of different length a short last one may be cut; it is left out, and that is said."""
    path = tmp_path / "scan.dat"
    path.write_text("8979 1\n8980 2.25\n8981 3.5")
    assert read_measured(path).mu.tolist() == [1.0, 2.25]
    assert "line 3" in caplog.text
    caplog.clear()
    path.write_text("8979 1\n8980 2.25\n8981 3.55")
    assert read_measured(path).mu.tolist() == [1.0, 2.25, 3.55]
    assert not caplog.text


@pytest.mark.parametrize(
    ("energy", "right"),
    [
        (np.linspace(8.78, 9.3, 40), True),
        (np.linspace(17.4, 16.9, 40), False),  # downwards: Bragg angles
        (np.linspace(1.0, 60.0, 40), False),  # eV from an edge
        (np.linspace(2.0, 4.5, 10), False),  # in large steps
    ],
)
def test_energies_without_a_unit_are_kev_only_beyond_doubt(tmp_path, caplog, energy, right):
    np.savetxt(tmp_path / "scan.dat", np.column_stack([energy, energy]))
    if not right:
        with pytest.raises(RecordError, match="not eV of an X-ray edge; are they keV"):
            read_measured(tmp_path / "scan.dat")
        return
    assert read_measured(tmp_path / "scan.dat").energy == pytest.approx(1000.0 * energy)
    assert "taken for keV" in caplog.text


def test_angles_of_the_photon_factory(tmp_path):
    """Si(111) at 13.93250 degrees is 8211.2 eV, as such a file says itself."""
    head = "9809 KEK-PF BL9A\nMono : Si(111) D=  3.13551 A Initial angle= 13.9 deg\n"
    head += "  Angle(c)  Angle(o)    time/s         2         3\n      Mode  0  0  1  3\n"
    head += "    Offset         0         0  7753.7  7157.1\n"
    rows = "  13.94000  13.94000  1.00  300  100\n  13.93250  13.93250  1.00  200  100\n"
    (tmp_path / "pf.dat").write_text(head + rows)
    scan = read_measured(tmp_path / "pf.dat", "ln(4/5)")
    assert scan.energy[-1] == pytest.approx(8211.2, abs=0.1)
    assert scan.mu == pytest.approx(np.log([3.0, 2.0]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("8979 1.25\n8980 1.2", "line 2: the last line has no line end and is shorter"),
        ("8979 1 2\n8980 2 3\n", "which of 3 columns is mu"),
        ("8979 1\n8980 *****\n", r"line 2: '\*\*\*\*\*' is not a number"),
        ("8979 1\n8980 1.0-101\n", "line 2: '1.0-101' is not a number"),
        ("8979 1\n8980 nan\n", "line 2: 'nan' is not a number"),
        ("8979 1\n8980 1e999\n", "line 2: '1e999' is not finite"),
        ("8979 1\n8982 2\n8980 3\n8983 4\n", "line 3: energy 8980.000 eV is below the one before"),
        ("8979 1\n8980\n", "line 2: 1 columns"),
        ("8979,5;1,2\n8980,5;1,3\n", "line 1: '8979,5' is not a number"),
        ("8.979 1\n8.980 2\n", "are they keV"),
        ("", "no table"),
        ("8979 1\n8980 2\n89x81 3\n8982 4\n", "line 3: '89x81' is not a number"),
        ("8979 1\n8980 2\n9000.0 x\n8990 1\n8991 2\n", "line 3: 'x' is not a number"),
        ("89*79 1.5\n8980 2\n8981 3\n", "line 1: '89.79' is not a number"),
        ("8979 1\n8980 2\nscan 2\nenergy mu\n8979 1\n8980 2\n", "line 3: .* another table"),
        ("8979 1 2\n8980 2 3\n8981 2 3\nthe end\n8979 1\n8980 2\n", "line 4: .* another table"),
        ("8979.0-1.5\n8980 2\n8981 3\n", "line 1: '8979.0-1.5' is not a number"),
        ("8979,5 1,25\n8980,5 2,25\n", "line 1: '8979,5' is not a number"),
        ("8979,0 -1.25\n8980.0 2\n8981.0 3\n", "line 1: '8979,0' is not a number"),
        ("8979 1\n8980 2\nthe end\n", "line 3: 'the' is not a number"),
        ("1 1\n8979 1\n8980 2\n", "line 1: energy 1 is not eV"),
        ("# energy_keV mu\n8979 1\n8980 2\n", "line 2: energy 8.979e.06 is not eV"),
        ("# energy(Ry) mu\n8979 1\n8980 2\n", "unit of energy is 'ry'"),
        ("# energy mu mu\n8979 1 3\n8980 2 3\n", "several columns are named 'mu'; give 2 or 3"),
        ("energy i0 itrans\n8979 2 1\n8980 2 -1\n", "line 3: ln.i0 / itrans. of 2 and -1"),
        ("energy i0\n8979 2\n8980 2\n", "which of 2 columns is mu"),
        ("# XDI/1.0\n# Column.1: energy\n# Column.2: mu\n8.979 1\n8.980 2\n", "are they keV"),
        ("# XDI/1.0\n# Column.1: angle mrad\n# Column.2: mu\n12 1\n11 2\n", "angle is 'mrad'"),
        ("# XDI/1.0\n# Column.2: mu\n8979 1\n8980 2\n", "no Column.1"),
        ("# XDI/1.0\n# Column.1: time s\n8979 1\n8980 2\n", "no column is named energy"),
        ("# XDI/1.0\n# Column.1: energy Ry\n8979 1\n8980 2\n", "unit of energy is 'ry'"),
        ("# XDI/1.0\n# Column.1: angle\n# Column.2: mu\n12 1\n11 2\n", "no Mono.d_spacing"),
        (ANGLE.format("3.1356x"), "Mono.d_spacing: '3.1356x' is not a number"),
        (ANGLE.format("1D999"), "Mono.d_spacing: '1D999' is not finite"),
        (ANGLE.format("-3.1"), "Mono.d_spacing -3.1 are out of range"),
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
