"""FDMNES runs: real ones, space groups, molecules, and what is wrong with them."""

import re
import shutil

import numpy as np
import pytest
from ase.io import write
from ase.spacegroup import crystal
from paths import DATA, FDMNES

from src.cli import main
from src.dataset.database import Database
from src.dataset.record import Record, Rejected
from src.readers.fdmnes import read_fdmnes, read_run
from src.readers.fdmnes_input import read_input


@pytest.fixture
def run_folder(tmp_path):
    """A copy of a real run that may be spoiled."""
    shutil.copytree(FDMNES / "run_0", tmp_path / "run_0")
    return tmp_path / "run_0"


def reason_of(folder):
    """Why the single run of a folder gave no record."""
    (rejected,) = read_fdmnes(folder)
    assert isinstance(rejected, Rejected), rejected
    return rejected.reason


def edit(folder, old, new):
    """Change the input; the text must be there."""
    path = folder / "fdmnes_in.txt"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return path


def test_real_runs_are_means_over_all_absorbers():
    records = {record.id: record for record in read_fdmnes(FDMNES)}
    assert sorted(records) == ["run_0_mean", "run_1_mean", "run_9_mean"]
    for name, record in records.items():
        folder = FDMNES / name.removesuffix("_mean")
        table = np.loadtxt(folder / f"{folder.name}_conv.txt", skiprows=1)
        lines = (folder / "fdmnes_in.txt").read_text().splitlines()
        titanium = [line for line in lines if line.startswith("22 ")]
        assert record.energy == pytest.approx(4966.0 + table[:, 0])
        assert len(record.mean_over) == len(titanium)
        expected = table[:, 1] / len(titanium) / 28.0028 * 1000
        assert record.mu == pytest.approx(expected, rel=1e-4)
        assert (record.element, record.edge, record.target) == ("Ti", "K", "absolute")
        # Ti 4966 .. 5016 eV: the edge step is some 450 cm^2/g (xraydb, Elam's table), or
        # 450 x 47.867 g/mol / N_A = 0.036 Mbarn = 1.28e-3 a0^2
        assert record.mu[-1] == pytest.approx(1.28, rel=0.35)


def test_raw_values_are_sums_over_the_cell():
    """Why spectra are divided by the number of absorbers: raw sums and background grow with it."""
    steps = {}
    for name, count in (("run_9", 2), ("run_0", 4)):
        head = (FDMNES / name / f"{name}.txt").read_text().splitlines()[0].split()
        steps[name] = float(head[4]) / count
    assert steps["run_9"] == pytest.approx(steps["run_0"], rel=1e-6)


def test_symmetry_is_applied_where_a_space_group_is_given(run_folder):
    """Rutile from its two distinct atoms: six atoms, as ASE makes it from the same table."""
    path = run_folder / "fdmnes_in.txt"
    cell = "4.594 4.594 2.959 90 90 90\n22 0 0 0\n8 0.305 0.305 0.0\n"
    text = path.read_text().split("Crystal")[0]
    path.write_text(f"{text}SPGROUP\n P42/mnm ! rutile\nCrystal\n{cell}\nEnd\n")
    ours = read_input(path)
    expected = crystal(["Ti", "O"], [(0, 0, 0), (0.305, 0.305, 0)], spacegroup=136,
                     cellpar=[4.594, 4.594, 2.959, 90, 90, 90])  # fmt: skip
    assert ours.atoms.get_chemical_formula() == "O4Ti2"
    assert np.allclose(
        np.sort(ours.atoms.get_all_distances(mic=True).ravel()),
        np.sort(expected.get_all_distances(mic=True).ravel()),
    )
    assert ours.absorbers == [0, 1]
    edit(run_folder, "Z_absorber\n22", "Absorber\n2")  # of the atoms in the file
    assert ours.atoms[read_input(path).absorbers[0]].symbol == "O"


def with_cif(folder, change=lambda atoms: None, name="Sim\\\\TiO2"):
    """Write the crystal of a run as CIF and name it in the input in place of the atoms."""
    path = folder / "fdmnes_in.txt"
    atoms = read_input(path).atoms
    change(atoms)
    write(folder / "TiO2.cif", atoms)
    text = re.sub(r"(?s)\nCrystal\n.*?\n\s*\n", f"\nCif_file\n{name}\n\n", path.read_text())
    path.write_text(text)


def test_crystal_of_a_cif(run_folder):
    """The same record as from the atoms; the CIF that was moved is next to the input."""
    expected = read_run(run_folder / "fdmnes_in.txt")
    with_cif(run_folder)
    (record,) = read_fdmnes(run_folder)
    assert np.array_equal(record.mu, expected.mu)
    assert record.mean_over == expected.mean_over
    assert record.atoms.numbers.tolist() == expected.atoms.numbers.tolist()
    assert record.atoms.positions == pytest.approx(expected.atoms.positions, abs=1e-6)
    (run_folder / "TiO2.cif").unlink()
    assert "TiO2.cif: no such file" in reason_of(run_folder)


def test_cif_of_another_cell_is_refused(run_folder):
    with_cif(run_folder, lambda atoms: atoms.set_cell(1.01 * atoms.cell, scale_atoms=True))
    assert "run_0.txt has 204.95" in reason_of(run_folder)


@pytest.mark.parametrize(
    ("keywords", "absorbers"), [("", "Ce4"), ("Z_absorber\n8\n", "O8"), ("Absorber\n2\n", "O")]
)
def test_absorbers_in_a_cif_with_symmetry(keywords, absorbers, tmp_path):
    """`Absorber` counts the two atoms that the file lists, Ce and O."""
    shutil.copy(DATA / "feff_other/ceo2/CeO2.cif", tmp_path)
    (tmp_path / "in.txt").write_text(f"Filout\nx\n{keywords}Cif_file\nCeO2.cif\nEnd\n")
    inp = read_input(tmp_path / "in.txt")
    assert inp.atoms[inp.absorbers].get_chemical_formula() == absorbers


def test_molecules_and_single_absorbers(run_folder):
    path = edit(run_folder, "Crystal\n", "Molecule\n")
    path.write_text(re.sub(r"3\.77299303 .*", "1.0 1.0 1.0 90 90 90", path.read_text()))
    path.write_text(path.read_text().replace("Z_absorber\n22", "absorber\n2 3"))
    ours = read_input(path)
    assert not ours.atoms.pbc.any()
    assert ours.absorbers == [1, 2]
    assert ours.atoms.positions[0] == pytest.approx([0.25, 0.987873, 0.364147])


@pytest.mark.parametrize(("z", "kind"), [(1, Record), (118, Record), (119, Rejected)])
def test_all_elements_are_read(run_folder, z, kind):
    path = run_folder / "fdmnes_in.txt"
    path.write_text(re.sub(r"^8 ", f"{z} ", path.read_text(), flags=re.MULTILINE))
    (read,) = read_fdmnes(run_folder)
    assert isinstance(read, kind)
    assert z in read.atoms.numbers if kind is Record else "119" in read.reason


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Filout\nrun_0", "", "no raw spectrum, fdmnes_out.txt"),
        ("Z_absorber\n22", "Z_absorber\n22 8", "`Z_absorber` of several elements"),
        ("Z_absorber\n22", "Z_absorber\n26", "`Z_absorber` 26 is no atom's number"),
        ("Z_absorber\n22", "Absorber\n99", "`Absorber` 99 is not within 1 to 12"),
        ("Z_absorber\n22", "Z_absorber\n8", "the absorber is Z 8, but the output is of Z 22"),
        ("Convolution\nEnd", "", "without `End`; is it truncated"),
        ("Edge\nK", "Edge\nN8", "`Edge` is 'N8'"),
        ("Crystal\n", "Crystal_p\n", "line 20: `Crystal_p`, a protein's structure"),
        ("Crystal\n", "", "expected one `Crystal` or `Molecule`"),
        ("22 0.25 0.987873 0.364147", "22 0.25 ***** 0.364147", r"'\*\*\*\*\*' is not a number"),
        ("22 0.25 0.987873 0.364147", "22 0.25 0.987873", "expected Z x y z"),
        ("22 0.25 0.987873 0.364147", "22.5 0.25 0.98 0.36", "expected Z x y z"),
        ("3.77299303 5.98683477", "3.77299303 -5.98683477", "all positive"),
        ("22 0.25 0.987873 0.364147", "22 0.75 0.012127 0.635853", "0.000 Angstrom apart|share"),
        ("22 0.25 0.987873 0.364147", "22 0.25 0.987873 0.364147 1", "expected Z x y z"),
        ("Green", "Gren", "line 16: `Gren` is no keyword"),
        ("3.77299303", "3.87299303", "the cell has 210.38 .* run_0.txt has 204.95"),
        ("22 0.25 0.987873 0.364147", "8 0.25 0.987873 0.364147", "3 atoms absorb, but .* for 4"),
        ("Green", "Spgroup\nXyz\nGreen", "is not known"),
    ],
)
def test_what_is_wrong_with_an_input_is_named(run_folder, old, new, message):
    edit(run_folder, old, new)
    assert re.search(message, reason_of(run_folder))


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("run_0_conv.txt", None, "no convoluted spectrum"),
        ("run_0.txt", None, "no raw spectrum"),
        ("run_0.txt", lambda t: t.replace("4966.000", "ABCD.000"), "expected numbers and"),
        ("run_0_conv.txt", lambda t: t.replace("-19.0000", "-18.5000"), "run_0.txt, .* -19 eV"),
        ("run_0_conv.txt", lambda t: t.replace("E-04", "-104", 1), "is not a number"),
        ("run_0_conv.txt", lambda t: t[: len(t) // 2].rsplit("\n", 1)[0], "no line end"),
        ("run_0_conv.txt", lambda t: "".join(t.splitlines(True)[:99]), "but run_0.txt at 50 eV"),
        ("run_0.txt", lambda t: t.replace("4966.000", "4866.000"), "but Ti K is at 4966 eV"),
        ("fdmfile.txt", lambda t: "1\n", "expected a number and as many names"),
        ("fdmfile.txt", lambda t: f"1\n{'x' * 300}\n", "name too long"),
        ("run_0_conv.txt", lambda t: "", "no energies"),
    ],
)
def test_what_is_wrong_with_the_output_is_named(run_folder, name, change, message):
    path = run_folder / name
    if change is None:
        path.unlink()
    else:
        path.write_text(change(path.read_text()))
    assert re.search(message, reason_of(run_folder))


@pytest.mark.parametrize(
    "text",
    [
        "Dpos 0.3 0. 0.", "DPOS 0. 0. 1.", "Extract old_bav.txt", "Polarisation 0 0 1", "XES",
        "Rxs 1 0 0 1 1 0.", "Photoemission", "Doping 23 1", "Magnetism", "Axe_spin 0 0 1",
        "Helm_cos 1. 2.", "Atomes 22", "Film_Cif_file TiO2", "TDDFT", "Calculation a.txt",
        "No_dipole", "Parameter Par_abc", "NRIXS 3 6", "Film_t", "Temperature", "Xan_atom",
        "Abs_before", "Fdmx", "Selec_core 1", "Unit_cell",
    ],
)  # fmt: skip
def test_keywords_that_change_what_was_calculated_are_refused_by_name(run_folder, text):
    word, *values = text.split(None, 1)
    edit(run_folder, "Green", "\n".join([word, *values, "Green"]))
    assert re.search(f"line 16: `{word}`, .* is not supported", reason_of(run_folder))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Z_absorber\n22", ""),  # the first atom's element
        ("Green", "Jump\nDpos\n0.3 0. 0.\nEnd\nEnd_jump\nGreen"),
        ("Edge\nK", "! seuil du m\udce9tal\nSEUIL of the absorber\n k1"),  # Latin-1
        ("Filout\nrun_0", "TiO2 at the Ti edge\nFilout\n run_0.txt"),
        ("Filout\nrun_0", "\ufeffFilout\nrun_0"),
        ("8 0.75 0.962318", "Jump\n8 0.1 0.1 0.1\nEndjump\n\n8 0.75 0.962318"),
        ("SCF", "SCF\nSpinorbit\nDensity\nCheck_conv\nPoint_group\nC1\nNonexcited\nS02\n1"),
    ],
)
def test_keywords_that_do_not_change_the_record(run_folder, old, new):
    expected = read_run(run_folder / "fdmnes_in.txt")
    path = run_folder / "fdmnes_in.txt"
    text = path.read_text().replace(old, new, 1)
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    (record,) = read_fdmnes(run_folder)
    assert record.digest == expected.digest


def scale(path, factor):
    """Write a table with other values."""
    title, *rows = path.read_text().splitlines()
    rows = [f"{float(e):10.4f} {factor * float(mu):.7E}" for e, mu in map(str.split, rows)]
    path.write_text("\n".join([title, *rows, ""]))


def test_a_spectrum_per_atom_is_not_divided_again(run_folder):
    """Run 0 has four absorbers, so per atom the values are a fourth."""
    expected = read_run(run_folder / "fdmnes_in.txt")
    scale(run_folder / "run_0_conv.txt", 0.25)
    assert re.search(r"run_0_conv.txt: 0\.2\d* times .* has no `Per_atom`", reason_of(run_folder))
    edit(run_folder, "Convolution", "Convolution\nPer_atom")
    (record,) = read_fdmnes(run_folder)
    assert record.mu == pytest.approx(expected.mu, rel=1e-6)
    scale(run_folder / "run_0_conv.txt", 4.0)
    assert "the input has `Per_atom`" in reason_of(run_folder)


def test_an_atom_of_absorber_stands_for_all_equivalent_ones(run_folder):
    """The four Ti of run 0 are equivalent: `natomsym_f` is 4, whichever of them is listed."""
    expected = read_run(run_folder / "fdmnes_in.txt")
    edit(run_folder, "Z_absorber\n22", "Absorber\n3")
    (record,) = read_fdmnes(run_folder)
    assert (record.id, record.site, record.mean_over) == ("run_0_002", 2, None)
    assert record.mu == pytest.approx(expected.mu, rel=1e-12)
    ours = run_folder.parent / "mp-1/FDMNES/002_Ti"  # where `calculate` writes
    shutil.copytree(run_folder, ours)
    assert [record.id for record in read_fdmnes(ours)] == ["mp-1_002"]
    path = run_folder / "run_0.txt"
    path.write_text(path.read_text().replace(", natomsym_f, abs_u_iso", ""))
    assert "does not say for how many equivalent atoms" in reason_of(run_folder)


def test_absorbers_with_other_weights_than_their_mean_are_refused(tmp_path):
    """Sites of run 1 stand for 4 atoms each: two listed are as good as all, three are not."""
    folder = tmp_path / "run_1"
    shutil.copytree(FDMNES / "run_1", folder)
    expected = read_run(folder / "fdmnes_in.txt")
    edit(folder, "Z_absorber\n22", "Absorber\n1 5")
    (record,) = read_fdmnes(folder)
    assert record.mean_over == (0, 4)
    assert record.mu == pytest.approx(expected.mu, rel=1e-12)
    edit(folder, "Absorber\n1 5", "Absorber\n1 2 5")
    assert "lists 3 atoms, but the raw spectra stand for 4 + 4" in reason_of(folder)


def test_header_lines_and_energies_below_the_raw_spectrum(run_folder):
    """`Header` as FDMNES 2022 writes it (xraylarch's FDMNES_2022_Mo2C_out.dat), and `Estart`."""
    expected = read_run(run_folder / "fdmnes_in.txt")
    lines = "# FDMNES program, Revision 20th of January 2022\n#    Date = 21 01 2022\n"
    extra = "#   4966.0   1.25   15.0   0.0 = E_edge, Gamma_hole, Gamma_max, E_cut\n"
    for name, above in (("run_0.txt", lines), ("run_0_conv.txt", lines + extra)):
        path = run_folder / name
        older = path.read_text().replace("natomsym_f", "natomsym").replace("ninit,", "ninitl,")
        path.write_text(above + older)
    path.write_text(path.read_text().replace("<xanes>    \n", "<xanes>    \n  -21.0000  2.1E-04\n"))
    (record,) = read_fdmnes(run_folder)
    assert record.energy[0] == 4945.0
    assert np.array_equal(record.mu[1:], expected.mu)


def test_energies_of_the_photon(run_folder):
    expected = read_run(run_folder / "fdmnes_in.txt")
    for name, skip in (("run_0.txt", 2), ("run_0_conv.txt", 1)):
        lines = (run_folder / name).read_text().splitlines()
        rows = [f"{4966 + float(e):.4f} {mu}" for e, mu in map(str.split, lines[skip:])]
        (run_folder / name).write_text("\n".join([*lines[:skip], *rows, ""]))
    assert "but the Ti K edge is at 4966 eV" in reason_of(run_folder)
    edit(run_folder, "Green", "Energpho\nGreen")
    (record,) = read_fdmnes(run_folder)
    assert record.energy == pytest.approx(expected.energy, abs=1e-6)


def test_edges_of_two_levels_have_an_energy_for_each(run_folder):
    """As FDMNES names them, `Epsii(1..2)`; Ti L3 is at 453.8 eV, L2 6.4 eV above (Williams)."""
    path = run_folder / "run_0.txt"
    head, rest = path.read_text().split("\n", 1)
    values, names = head.split("=")
    words = ["453.800", "22", "2", "2", *values.split()[4:7], "2", "2", "460.2", "453.8"]
    names = names.replace("Epsii", "Epsii(1..2)")
    path.write_text(f"{' '.join(words + values.split()[10:])} = {names}\n{rest}")
    edit(run_folder, "Edge\nK", "Edge\nL23")
    (record,) = read_fdmnes(run_folder)
    assert (record.edge, record.energy[0]) == ("L23", 433.8)
    path.write_text(path.read_text().replace("(1..2)", ""))
    assert "the cell has 204.95" in reason_of(run_folder)


@pytest.mark.parametrize(
    ("names", "keywords", "chosen"),
    [
        (["run_0_EF-2p5_conv.txt"], "", 0),
        (["run_0_EF-2p5_conv.txt", "run_0_EF-2_Gm20_conv.txt"], "Efermi\n-2.\nGamma_max\n20", 1),
        (["run_0_Gm20_conv.txt", "run_0_conv.txt"], "", 1),
        (["run_0_conv.txt", "best.txt"], "Conv_out\nbest", 1),
        (["run_0_EF-2p5_conv.txt", "run_0_EF-3_conv.txt"], "Efermi\n0.", None),
    ],
)
def test_names_of_the_convoluted_spectrum(run_folder, names, keywords, chosen):
    expected = read_run(run_folder / "fdmnes_in.txt")
    first = run_folder / "run_0_conv.txt"
    text = first.read_text()
    first.unlink()
    for k, name in enumerate(names):
        (run_folder / name).write_text(text)
        scale(run_folder / name, 1.0 + 0.1 * (k != chosen))
    edit(run_folder, "Convolution", f"Convolution\n{keywords}")
    (result,) = read_fdmnes(run_folder)
    if chosen is None:
        assert "several convoluted spectra, run_0_EF-2p5_conv.txt, run_0_EF-3" in result.reason
    else:
        assert result.mu == pytest.approx(expected.mu, rel=1e-6)


def test_layout_of_the_distribution(run_folder):
    """`Filout` counts from the folder of fdmfile.txt; the input is elsewhere."""
    expected = read_run(run_folder / "fdmnes_in.txt")
    inputs = run_folder / "Sim/Test/in"
    inputs.mkdir(parents=True)
    edit(run_folder, "Filout\nrun_0", "Filout\nSim\\Test\\TiO2").rename(inputs / "TiO2_inp.txt")
    for end in (".txt", "_conv.txt"):
        (run_folder / f"run_0{end}").rename(run_folder / f"Sim/Test/TiO2{end}")
    (run_folder / "fdmfile.txt").write_text("! Inputs\n\n 1\nSim/Test/in/TiO2_inp\n! other\n")
    (record,) = read_fdmnes(run_folder)
    assert (record.id, record.mean_over) == ("TiO2_mean", expected.mean_over)
    assert np.array_equal(record.mu, expected.mu)


def test_a_database_keeps_them_and_the_format_is_found(tmp_path, capsys):
    out = tmp_path / "ti.db"
    assert main(["dataset", str(FDMNES), "-o", str(out)]) == 0
    assert "FDMNES runs" in capsys.readouterr().out
    again = Database(out).record("run_0_mean")
    first = read_run(FDMNES / "run_0" / "fdmnes_in.txt")
    assert again.mean_over == first.mean_over
    assert again.digest == first.digest
    assert main(["dataset", str(FDMNES), "-o", str(out)]) == 0
    assert "0 added, 3 unchanged" in capsys.readouterr().out
