"""The FEFF reader on real runs, and on real runs that were damaged on purpose."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from ase.io import read, write
from cif import cubic_cif
from paths import CALCULATIONS, FEFF_RUNS

from src.dataset.record import PassedOver, Record, Rejected
from src.errors import RecordError
from src.readers.feff import read_feff
from src.readers.feff_input import read_feff_input
from src.structures.graph import neighbors

RUN = Path("mp-16543/FEFF-XANES/016_Cu")


@pytest.fixture
def runs(tmp_path):
    """A copy of one finished run with its crystal, to be changed."""
    shutil.copytree(FEFF_RUNS / "mp-16543", tmp_path / "mp-16543")
    return tmp_path


@pytest.fixture
def plain(tmp_path):
    """A copy of one finished run in a folder of any name, without its crystal."""
    shutil.copytree(FEFF_RUNS / RUN, tmp_path / "my run")
    return tmp_path / "my run"


def only_record(folder):
    """The single record of a folder."""
    (record,) = read_feff(folder)
    assert isinstance(record, Record), record
    return record


def only_reason(folder, **options):
    """Why the single run of a folder gave no record."""
    (rejected,) = read_feff(folder, **options)
    assert isinstance(rejected, Rejected), rejected
    return rejected.reason


def edit(path, change):
    """Change the text of a file."""
    before = path.read_text()
    path.write_text(change(before))
    assert path.read_text() != before


def test_finished_runs_are_read_and_unfinished_ones_named_with_the_reason():
    results = list(read_feff(FEFF_RUNS))
    records = [r for r in results if isinstance(r, Record)]
    rejected = [r for r in results if isinstance(r, Rejected)]
    assert sorted(r.id for r in records) == ["mp-1192806_000", "mp-16543_016", "mp-760590_005"]
    assert [r.source.split("/")[-3:] for r in rejected] == [
        ["mp-1101124", "FEFF-XANES", "001_Cu"],
        ["mp-1101124", "FEFF-XANES", "003_Cu"],
    ]
    assert all("no xmu.dat" in r.reason and "module pot" in r.reason for r in rejected)


def test_records_contain_what_the_files_say():
    """The table by NumPy, the header's cross-section, and a0 in Angstrom."""
    absolute = list(read_feff(CALCULATIONS, element="Cu", edge="K"))
    normalized = read_feff(CALCULATIONS, target="normalized")
    assert len(absolute) == len(list(CALCULATIONS.glob("*/FEFF-XANES/*/xmu.dat"))) == 27
    for record, other in zip(absolute, normalized, strict=True):
        path = Path(record.source, "xmu.dat")
        table, text = np.loadtxt(path), path.read_text()
        xsedge = float(next(line for line in text.splitlines() if "xsedge" in line).split()[-1])
        assert record.id == f"{path.parts[-4]}_{path.parts[-2].removesuffix('_Cu')}"
        assert (record.element, record.edge) == ("Cu", "K")
        assert (record.code, record.version) == ("FEFF", "9.9.1")
        assert np.array_equal(record.energy, table[:, 0])
        assert np.array_equal(other.mu, table[:, 3])
        assert record.mu == pytest.approx(table[:, 3] * xsedge / 0.529177210903**2 * 1000)
        assert 0.6 < record.mu[-1] < 1.0
        assert record.fermi_level == float(text.split("Mu=")[1].split("eV")[0])
    for others in ({"element": "Zn"}, {"edge": "L3"}):
        assert [type(result) for result in read_feff(CALCULATIONS, **others)] == [PassedOver] * 27


def shell(atoms, site, r_max):
    """Sorted distances and elements of an atom's neighbors."""
    edge_index, shift = neighbors(atoms, r_max)
    mine = edge_index[1] == site
    source = edge_index[0][mine]
    vectors = atoms.positions[site] - atoms.positions[source] + shift[mine]
    pairs = zip(np.linalg.norm(vectors, axis=1), atoms.numbers[source], strict=True)
    return np.array(sorted(pairs))


@pytest.mark.parametrize("material", ["mp-1192806", "mp-16543", "mp-760590"])
def test_input_alone_gives_the_same_neighbors_as_the_crystal(tmp_path, material):
    shutil.copytree(FEFF_RUNS / material, tmp_path / material)
    crystal = only_record(tmp_path)
    (tmp_path / material / "POSCAR").unlink()
    cluster = only_record(tmp_path)
    assert cluster.id == crystal.id
    assert not cluster.atoms.pbc.any()
    assert crystal.atoms.pbc.all()
    a, b = (shell(r.atoms, r.site, 5.0) for r in (crystal, cluster))
    assert len(a) == len(b) > 10
    # feff.inp gives coordinates to six digits
    assert np.abs(a - b).max() < 1e-4


def test_contradictions_of_a_run_are_named(runs):
    """Crystal and cluster, site and crystal, folder's name and spectrum."""
    edit(runs / "mp-16543" / "POSCAR", lambda text: text.replace("1.0\n", "1.02\n", 1))
    assert re.search("neighbors .* site 16 .*POSCAR", only_reason(runs))
    for before, after, reason in (
        ("016_Cu", "000_Cu", "site 0 .*expected Cu"),
        ("000_Cu", "016_Zn", "name says Zn"),
    ):
        (runs / RUN.parent / before).rename(runs / RUN.parent / after)
        assert re.search(reason, only_reason(runs))


def exchange(text, one, other):
    """Exchange two columns of the table."""
    lines = [line.split() for line in text.splitlines()]
    for words in lines:
        if not words[0].startswith("#"):
            words[one], words[other] = words[other], words[one]
    return "".join(" ".join(words) + "\n" for words in lines)


def rows(*parts):
    """Keep these slices of the lines."""
    return lambda t: "".join(line for part in parts for line in t.splitlines(True)[part])


DAMAGE = {
    "cut within a line": (lambda t: t[: len(t) // 2 + 17], "truncated"),
    "cut after a line": (rows(slice(90)), "feff.inp asks for"),
    "no line end": (lambda t: t.rstrip("\n"), "line end"),
    "empty": (rows(), "empty"),
    "header only": (rows(slice(26)), "truncated"),
    "no header": (rows(slice(26, None)), "header"),
    "stars": (lambda t: t.replace(" 6.000 ", " ***** "), r"line 198.*'\*\*\*\*\*'"),
    "not a number": (lambda t: t.replace("5.920  1.0", "5.920  NaN"), "line 196: 'NaN"),
    "energies go back": (rows(slice(100), slice(98, None)), "energies"),
    "a digit of an energy": (lambda t: t.replace("9000.091", "9000.191", 1), "omega - e"),
    "a digit of mu": (lambda t: t.replace("5.920  1.0", "5.920  1.1"), "mu - mu0 - chi"),
    "mu0 before mu": (lambda t: exchange(t, 3, 4), "opposite to chi"),
    "k before mu": (lambda t: exchange(t, 2, 3), "k ="),
    "xsedge missing": (lambda t: t.replace("xsedge+", "xsedgy+"), "xsedge"),
    "xsedge zero": (lambda t: re.sub(r"(normalize mu\s+)\S+", r"\g<1>0.0", t), "xsedge is '0.0'"),
    "xsedge huge": (lambda t: re.sub(r"(normalize mu\s+)\S+", r"\g<1>1E999", t), "xsedge is '1E9"),
    "no such element": (lambda t: t.replace("Abs   Z=29", "Abs   Z=150"), "Z = 150"),
    "another absorber": (lambda t: t.replace("Abs   Z=29", "Abs   Z=30"), "Zn|Z = 30"),
}


@pytest.mark.parametrize("name", sorted(DAMAGE))
def test_damaged_spectrum_is_rejected_with_the_reason(runs, name):
    change, reason = DAMAGE[name]
    assert only_record(runs).id == "mp-16543_016"  # control
    edit(runs / RUN / "xmu.dat", change)
    assert re.search(reason, only_reason(runs))


def test_exponent_without_letter_is_fortrans_way_of_three_digits(runs):
    path = runs / RUN / "xmu.dat"
    lines = path.read_text().splitlines()
    words = lines[30].split()
    chi = f"{-float(words[4]):.5E}"  # mu - mu0
    lines[30] = "  ".join([*words[:3], "1.00000-101", words[4], chi])
    path.write_text("\n".join(lines) + "\n")
    assert 0 <= only_record(runs).mu.min() < 1e-90


def test_feff8_header_is_read(runs):
    """FEFF 8 writes the version in the first header line, one # a line, and xsedge+100."""

    def to_feff8(text):
        lines = [line.replace("# # ", "# ", 1) for line in text.splitlines()]
        lines[0] = "# Cu compound                                             Feff 8.40"
        return "\n".join(lines).replace("xsedge+ 50", "xsedge+100") + "\n"

    edit(runs / RUN / "xmu.dat", to_feff8)
    record = only_record(runs)
    assert (record.version, record.edge) == ("8.40", "K")


def test_fermi_level_is_a_number_or_unknown(runs):
    for word, level in (
        ("-7.500E+00eV", -7.5), ("-3.690E+00", -3.69), ("********", None),
        ("1-7.126E+00eV", None), ("-.", None),
    ):  # fmt: skip
        edit(runs / RUN / "xmu.dat", lambda t, word=word: re.sub(r"Mu=\S+", f"Mu={word}", t))
        assert only_record(runs).fermi_level == level


@pytest.mark.parametrize("share", [0.6, 1.0])
def test_disordered_crystal_is_rejected_before_a_database_forgets_it(runs, share):
    """ASE's database drops the occupancies, so later checks would not see them."""
    home = runs / "mp-16543"
    (home / "POSCAR").unlink()
    (runs / RUN / "feff.inp").unlink()
    (runs / RUN).rename(runs / RUN.parent / "000_Cu")
    text = cubic_cif(("Cu", 0.0, share), ("O", 0.5, 1.0), length=3.6)
    (home / "crystal.cif").write_text(text)
    if share == 1.0:
        assert only_record(runs).site == 0
        shutil.copy(home / "crystal.cif", home / "another.cif")
        assert "2 CIF files" in only_reason(runs)
    else:
        assert "crystal.cif: site Cu0 is disordered" in only_reason(runs)


@pytest.mark.parametrize(
    ("folder", "root"), [(RUN.parent, "."), (RUN.parent, "016_Cu"), (RUN, ".")]
)
def test_layout_is_seen_from_inside_it(runs, monkeypatch, folder, root):
    monkeypatch.chdir(runs / folder)
    assert only_record(root).id == "mp-16543_016"


def test_unfinished_run_is_reported_only_where_it_is_to_be_read(runs):
    (runs / "mp-16543" / "VASP" / "016_Cu").mkdir(parents=True)  # of another code
    (runs / RUN / "xmu.dat").unlink()
    for other in ({"element": "Zn"}, {"edge": "L3"}):
        assert [type(result) for result in read_feff(runs, **other)] == [PassedOver]
    assert "did not finish" in only_reason(runs, element="Cu", edge="K")
    (runs / "mp-16543" / "FEFF-XANES" / "017_Cu").mkdir()
    assert [type(result) for result in read_feff(runs)] == [Rejected, Rejected]


INPUT = """* a comment
TITLE  cuprous oxide
HOLE 1 1.0    ! K edge
RMULTIPLIER 2.0
XANES 5.0 0.05
POTENTIALS
 0 29 Cu
 1 8  O
ATOMS
 0.0 0.0 0.0 0 Cu 0.0
 0.5 0.0 0.0 1 O  1.0
# another comment
 0.0 0.0 0.75 1
END
nonsense that is not read
"""


@pytest.fixture
def changed_input(tmp_path):
    """Read the input with one replacement."""

    def read_changed(old="", new=""):
        assert old in INPUT
        path = tmp_path / "feff.inp"
        path.write_text(INPUT.replace(old, new, 1))
        return read_feff_input(path)

    return read_changed


def test_input_is_read_as_feff_reads_it(changed_input):
    inp = changed_input()
    assert (inp.edge, inp.element, inp.absorber, inp.k_max) == ("K", "Cu", 0, 5.0)
    assert inp.cards == "HOLE 1 1.0; XANES 5.0 0.05"
    assert inp.cluster.get_chemical_symbols() == ["Cu", "O", "O"]
    assert inp.cluster.get_distance(0, 1) == pytest.approx(1.0)
    assert inp.cluster.get_distance(0, 2) == pytest.approx(1.5)
    # without an atom of potential 0 the absorber is that at the origin
    inp = changed_input("0.0 0.0 0.0 0 Cu 0.0", "0.0 0.0 0.0 1 Cu 0.0")
    assert (inp.absorber, inp.cluster.get_chemical_symbols()) == (0, ["O", "O", "O"])


@pytest.mark.parametrize(
    ("lines", "k_max"),
    [
        (" e_grid -10 10 0.1\n k_grid 1.6 8 0.05", 8.0),
        (" e_grid -10 10 0.1\n k_grid last 8 0.05", 8.0),
        (" e_grid -10 40 0.5", None),
    ],
)
def test_own_energy_grid_takes_the_place_of_the_xanes_card(changed_input, lines, k_max):
    assert changed_input("POTENTIALS", f"EGRID\n{lines}\nPOTENTIALS").k_max == k_max


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("0.5 0.0 0.0 1 O  1.0", "0.5 0.0 x 1 O 1.0", "line 11: 'x' is not a number"),
        ("0.5 0.0 0.0 1 O  1.0", "0.5 0.0", "line 11: expected 4 numbers, found 2"),
        ("HOLE 1 1.0", "HOLE 77 1.0", "line 3: .*edge"),
        (" 1 8  O", " 2 8  O", "potential 1"),
        (" 1 8  O", " 1 200 O", "line 8: .*Z = 200"),
        ("0.5 0.0 0.0 1 O  1.0", "0.5 0.0 0.0 0 Cu 1.0", "2 atoms in ATOMS"),
    ],
)
def test_wrong_input_names_the_line(changed_input, old, new, message):
    with pytest.raises(RecordError, match=rf"feff\.inp: .*{message}"):
        changed_input(old, new)


def test_crystal_beside_an_unnamed_run_is_matched_to_the_cluster(plain):
    """A run folder with a CIF: the absorber is the site whose neighbors are the cluster's."""
    assert only_record(plain.parent).id == "my-run_000"
    crystal = read(FEFF_RUNS / "mp-16543" / "POSCAR", format="vasp")
    write(plain / "crystal.cif", crystal)
    record = only_record(plain)
    assert record.atoms.pbc.all()
    assert record.atoms[record.site].symbol == "Cu"
    expected = shell(crystal, 16, 4.0)
    assert np.abs(shell(record.atoms, record.site, 4.0) - expected).max() < 1e-4
    (plain / "crystal.cif").unlink()
    shutil.copy(FEFF_RUNS / "mp-1192806" / "POSCAR", plain)
    assert "any site" in only_reason(plain)


def test_spectrum_cut_after_a_line_is_noticed_without_its_input_too(tmp_path):
    shutil.copytree(CALCULATIONS / "mp-4886", tmp_path / "mp-4886")
    assert only_record(tmp_path)
    path = tmp_path / "mp-4886/FEFF-XANES/001_Cu/xmu.dat"
    edit(path, rows(slice(110)))
    assert re.search("Fermi level .* 50 eV", only_reason(tmp_path))


def test_runs_of_any_name_below_a_crystal_are_one_material(tmp_path):
    home = tmp_path / "mp-16543"
    shutil.copytree(FEFF_RUNS / RUN, home / "first run")
    shutil.copy(FEFF_RUNS / "mp-16543" / "POSCAR", home)
    record = only_record(tmp_path)
    assert (record.material, record.atoms.pbc.all()) == ("mp-16543", True)
    # the first of the sites with these neighbors; site 16 is one of them
    expected = shell(record.atoms, 16, 4.0)
    assert np.abs(shell(record.atoms, record.site, 4.0) - expected).max() < 1e-3
