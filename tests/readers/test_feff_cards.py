"""The FEFF reader: cards, versions and layouts that change what ``xmu.dat`` means."""

import re
import shutil

import numpy as np
import pytest
from ase.build import bulk
from ase.io import write
from paths import DATA, FEFF_RUNS

from src.dataset.record import Record, Rejected
from src.errors import RecordError
from src.readers.feff import read_feff
from src.readers.feff_input import read_feff_input
from src.readers.feff_xmu import read_xmu

RUN = FEFF_RUNS / "mp-16543/FEFF-XANES/016_Cu"
CEO2 = DATA / "feff_other/ceo2"
FEFF8 = DATA / "feff_other/feff8"


@pytest.fixture
def run(tmp_path):
    """A copy of a finished run, without its crystal."""
    return shutil.copytree(RUN, tmp_path / "run")


def read_one(folder, **options):
    """The single record of a folder, or why there is none."""
    (result,) = read_feff(folder, **options)
    return result.reason if isinstance(result, Rejected) else result


def edit(path, *changes):
    """Replace patterns in a file."""
    text = path.read_text()
    for pattern, new in changes:
        text, count = re.subn(pattern, new, text, flags=re.MULTILINE)
        assert count, pattern
    path.write_text(text)


def rewrite_table(path, change):
    """Change the table, (n_energies, 6), and keep the header."""
    header = [line for line in path.read_text().splitlines() if line.startswith("#")]
    np.savetxt(path, change(np.loadtxt(path)), "%.8e", header="\n".join(header), comments="")


@pytest.mark.parametrize(
    "card",
    [
        "SPIN 2", "SPIN -1 0 0 1", "ELLIPTICITY 1 0 0 1", "XMCD", "XNCD", "ELNES 4.0", "EXELFS 8",
        "XES -20 20 0.2", "NRIXS 1 0 0 3", "DANES 4.0", "FPRIME 8900 9100", "CFAVERAGE 1 0 0",
        "RIXS 0.1 0.1", "COMPTON", "MULTIPOLE 0 -1", "spin,2", "SPIN", "ELLIPTICITY 0 0 0 1",
    ],
)  # fmt: skip
def test_card_of_another_quantity_is_named(run, card):
    edit(run / "feff.inp", ("^POTENTIALS", f"{card}\nPOTENTIALS"))
    name = re.split("[ ,]", card)[0].upper()
    assert re.search(rf"feff\.inp: card {name}: xmu\.dat is", read_one(run))


@pytest.mark.parametrize("card", ["SPIN 0", "MULTIPOLE 2", "MULTIPOLE 2 0", "ELLIPTICITY 0 0 0 0"])
def test_card_that_changes_nothing_is_accepted(run, card):
    before = read_one(run)
    edit(run / "feff.inp", ("^POTENTIALS", f"{card}\n; SPIN 2\n* SPIN 2\nPOTENTIALS"))
    assert np.array_equal(read_one(run).mu, before.mu)


def test_average_over_absorbers_is_named_although_no_atom_is_the_absorber(run):
    edit(run / "feff.inp", ("^POTENTIALS", "CFAVERAGE 1 0 0\nPOTENTIALS"))
    edit(run / "feff.inp", (r"^( +0 +0 +0 +)0\b", r"\g<1>2"))
    assert "CFAVERAGE" in read_one(run)


def test_polarization_is_kept(run):
    edit(run / "feff.inp", ("^POTENTIALS", "POLARIZATION 0 3 4\nPOTENTIALS"))
    assert read_one(run).polarization == (0.0, 0.6, 0.8)


@pytest.mark.parametrize("keep_input", [True, False])
def test_exafs_is_named_whatever_the_size_of_chi(run, keep_input):
    """FEFF's grid of EXAFS begins at the Fermi level; with an input it lacks the card XANES."""
    rewrite_table(run / "xmu.dat", lambda table: table[table[:, 2] >= 0])
    if keep_input:
        edit(run / "feff.inp", (r"^XANES.*\n", "EXAFS 20\n"))
    else:
        (run / "feff.inp").unlink()
        write(run / "POSCAR", bulk("Cu"), format="vasp")
    assert "EXAFS" in read_one(run)


def paths_sum(scale):
    """A table as a sum over paths gives it: mu - mu0 = chi times an atomic cross-section.

    FEFF 7 moreover interpolates omega.
    """

    def change(table):
        table[:, 0] += 0.03 * np.sin(table[:, 2])
        table[:, 5] *= scale
        table[:, 3] = table[:, 4] + (1.0 - 0.002 * (table[:, 0] - 9030.0)) * table[:, 5]
        return table

    return change


@pytest.mark.parametrize("scale", [1.0, 0.1, 0.01])
def test_xanes_as_sum_over_paths_is_not_taken_for_damaged(run, scale):
    rewrite_table(run / "xmu.dat", paths_sum(scale))
    assert isinstance(read_one(run), Record)


def test_free_atom_is_refused(run):
    def without_chi(table):
        table[:, 3], table[:, 5] = table[:, 4], 0.0
        return table

    rewrite_table(run / "xmu.dat", without_chi)
    assert "without scattering" in read_one(run)


def test_absolute_is_the_same_cross_section(run):
    """ABSOLUTE: mu, mu0 and chi times xsedge, and 1 for xsedge (FEFF 10, src/FF2X/ff2xmu.f90)."""
    normalized = read_one(run)
    text = (run / "xmu.dat").read_text()
    xsedge = float(re.search(r"xsedge.* (\S+)", text)[1])

    def multiply(table):
        table[:, 3:] *= xsedge
        return table

    rewrite_table(run / "xmu.dat", multiply)
    edit(run / "xmu.dat", (r"(xsedge.* )\S+", r"\g<1>1.0000E+00"))
    edit(run / "feff.inp", ("^POTENTIALS", "ABSOLUTE\nPOTENTIALS"))
    assert read_one(run).mu == pytest.approx(normalized.mu, rel=1e-6)
    assert "ABSOLUTE" in read_one(run, target="normalized")
    edit(run / "xmu.dat", ("Z=29", "Z=11"))
    edit(run / "feff.inp", (r"^( *0 +)29", r"\g<1>11"))
    assert "cross-section" in read_one(run)  # of Cu, called Na
    (run / "xmu.dat").write_text(text)
    assert "ABSOLUTE" in read_one(run)  # which is another run's card


def test_grid_of_100_energies_is_complete_and_target_counts_the_list_of_the_cif(tmp_path):
    """FEFF's own example: O K of CeO2, `XANES 20.0 0.07` and `TARGET 2`, the oxygen.

    The oxygen's four Ce are at a sqrt(3) / 4, a = 5.411 Angstrom.
    """
    run = shutil.copytree(CEO2, tmp_path / "run")
    record = read_one(run)
    assert (record.element, record.edge, record.version) == ("O", "K", "10.0.1")
    assert np.array_equal(record.energy, np.loadtxt(run / "xmu.dat")[:, 0])
    assert (len(record.energy), len(record.atoms)) == (100, 12)
    distances = record.atoms.get_distances(record.site, range(12), mic=True)
    cerium = record.atoms.symbols == "Ce"
    assert np.sort(distances[cerium])[:4] == pytest.approx(5.411 * np.sqrt(3) / 4)
    assert record.atoms.get_scaled_positions()[record.site] == pytest.approx([0.25] * 3)
    for target, reason in (("1", "TARGET 1 .* is Ce, expected O"), ("3", "lists 2 atoms")):
        edit(run / "feff.inp", (r"^TARGET .*", f"TARGET {target}"))
        assert re.search(reason, read_one(run))
    edit(run / "feff.inp", ("^TARGET .*", "TARGET 2"), ("^CIF .*", "CIF gone.cif"))
    (run / "CeO2.cif").unlink()
    assert "gone.cif" in read_one(run)
    edit(run / "xmu.dat", (r"\n.*\n\Z", "\n"))  # the last energy
    assert "asks for 20" in read_one(run)


def test_unit_cell_in_lattice_coordinates_is_not_a_cluster(run):
    edit(run / "feff.inp", ("^POTENTIALS", "RECIPROCAL\nLATTICE P 4.0\nPOTENTIALS"))
    assert "RECIPROCAL" in read_one(run)


def test_cards_of_another_file_are_not_overlooked(run):
    edit(run / "feff.inp", ("^POTENTIALS", "include more.inp\nPOTENTIALS"))
    assert re.search("include more.inp.*not read", read_one(run))


TITLES = """\
# # made for FEFF 6L
# # Abs Z=30 was tried before
# # Abs   Z=30 Rmt= 1.000 Rnm= 1.000 L3 shell
# # Pot 1 Z=30 Rmt= 1.000 Rnm= 1.000
# # Mu= 3.000E+00 kf=1.000E+00 Vint= 1.000E+00
# # xsedge+ 50, used to normalize mu 1.0000E-01
"""


def test_titles_are_not_taken_for_the_header(run):
    before = read_one(run)
    edit(run / "xmu.dat", (r"\A# # .{30}", "# # Cu, input made for FEFF 6L    "))
    edit(run / "xmu.dat", (r"\A(.*\n)", rf"\g<1>{TITLES}"))
    assert read_one(run).digest == before.digest
    edit(run / "xmu.dat", (r"^# # Abs   Z=29.*\n", ""), (r"^# # Abs.*\n", ""))
    assert "`Abs Z=`" in read_one(run)


def test_header_without_marks_is_read(run):
    """FEFF 5 to 8.1 began no line with a hash."""
    before = read_one(run)
    edit(run / "xmu.dat", ("^[# ]+", " "))
    assert read_one(run).digest == before.digest
    edit(run / "xmu.dat", (r"^ -+\n", ""))
    assert "line 1" in read_one(run)


def test_feff_8_0_is_read():
    """FEFF 8.00's own file: V K of cavansite, the table by NumPy."""
    xmu = read_xmu(FEFF8)
    table = np.loadtxt(FEFF8 / "xmu.dat", skiprows=18)
    assert (xmu.version, xmu.z, xmu.edge, xmu.xsedge) == ("8.00", 23, "K", 4.2721e-04)
    assert (xmu.fermi_level, xmu.kf, xmu.interstitial) == (-5.272, 2.321, -15.95)
    assert xmu.radii[4] == (8, 0.828, 1.082)
    assert np.array_equal([xmu.energy, xmu.mu], table[:, [0, 3]].T)


def move(path, from_edge, to_edge):
    """Shift the energies of a spectrum, eV."""

    def shift(table):
        table[:, 0] += to_edge - from_edge
        return table

    rewrite_table(path, shift)


@pytest.mark.parametrize("keep_input", [True, False])
def test_edges_of_one_element_are_different_records(run, keep_input):
    """Ids get the edge where an element of a material has several, whatever is asked for."""
    home = run.parent / "mat"
    shutil.copytree(run, home / "K")
    write(home / "POSCAR", bulk("CuO", "rocksalt", a=4.2), format="vasp")
    if keep_input:
        shutil.copy(FEFF_RUNS / "mp-16543/POSCAR", home)
    else:
        (home / "K/feff.inp").unlink()
    single = read_one(home).id
    other = shutil.copytree(home / "K", home / "second")
    edit(other / "xmu.dat", ("K  shell", "L3 shell"))
    move(other / "xmu.dat", 8979.0, 932.7)  # tabulated edges
    if keep_input:
        edit(other / "feff.inp", ("^EDGE .*", "EDGE L3"))
    assert [r.id for r in read_feff(home)] == [f"{single}-K", f"{single}-L3"]
    only_l3 = [r for r in read_feff(home, edge="L3") if isinstance(r, Record)]
    assert [(r.id, r.edge, r.material) for r in only_l3] == [(f"{single}-L3", "L3", "mat")]
    if not keep_input:  # O K next to Cu L3
        edit(home / "K/xmu.dat", ("Abs   Z=29", "Abs   Z= 8"), (r"(xsedge.* )\S+", r"\g<1>4.5E-03"))
        move(home / "K/xmu.dat", 8979.0, 543.1)
        assert [r.id for r in read_feff(home)] == ["mat_001", "mat_000"]


def test_wrong_columns_are_named(run):
    edit(run / "xmu.dat", ("mu    mu0     chi     @#", "S(qw)  S^0(qw)  chi_q @#"))
    assert re.search(r"S\(qw\).*expected omega, e, k, mu, mu0, chi", read_one(run))


@pytest.mark.parametrize(("end", "complete"), [("6.24", True), ("6.3", False)])
def test_last_energy_is_the_one_nearest_to_the_end(run, end, complete):
    """Half a step below it at most (FEFF 10, src/XSPH/phmesh2.f90, MkKMesh); this run ends at 6."""
    edit(run / "feff.inp", ("^k_grid 0 6 0.04", f"k_grid 0 {end} 0.5"))
    assert isinstance(read_one(run), Record) == complete


def test_target_that_is_no_number_is_named(tmp_path):
    (tmp_path / "feff.inp").write_text("XANES 4\nTARGET x\n")
    with pytest.raises(RecordError, match="line 2: 'x' is not a number"):
        read_feff_input(tmp_path / "feff.inp")
