"""FDMNES runs: real ones, space groups, molecules, and what is wrong with them."""

import re
import shutil

import numpy as np
import pytest
from ase.spacegroup import crystal
from paths import FDMNES

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
        ("Filout\nrun_0", "", "no `Filout`"),
        ("Z_absorber\n22", "", "says which atoms absorb"),
        ("Z_absorber\n22", "Z_absorber\n26", "`Z_absorber` 26 is no atom's number"),
        ("Z_absorber\n22", "Absorber\n99", "`Absorber` 99 is not within 1 to 12"),
        ("Z_absorber\n22", "Z_absorber\n8", "the absorber is Z 8, but the output is of Z 22"),
        ("Convolution\nEnd", "", "without `End`; is it truncated"),
        ("Edge\nK", "Edge\nN7", "`Edge` is 'n7'"),
        ("Crystal\n", "Crystal_p\n", "`crystal_p`, a protein's structure"),
        ("Crystal\n", "", "expected one `Crystal` or `Molecule`"),
        ("22 0.25 0.987873 0.364147", "22 0.25 ***** 0.364147", r"'\*\*\*\*\*' is no number"),
        ("22 0.25 0.987873 0.364147", "22 0.25 0.987873", "expected Z x y z"),
        ("22 0.25 0.987873 0.364147", "22.5 0.25 0.98 0.36", "expected Z x y z"),
        ("3.77299303 5.98683477", "3.77299303 -5.98683477", "all positive"),
        ("22 0.25 0.987873 0.364147", "22 0.75 0.012127 0.635853", "0.000 Angstrom apart|share"),
        ("Green", "Energpho\nGreen", "`energpho`, energies of the photon"),
        ("3.77299303", "3.87299303", "the cell has 210.38 .* run_0.txt has 204.95"),
        ("22 0.25 0.987873 0.364147", "8 0.25 0.987873 0.364147", "3 atoms absorb, but .* for 4"),
        ("Green", "Spgroup\nXyz\nGreen", "is not known"),
    ],
)
def test_what_is_wrong_with_an_input_is_named(run_folder, old, new, message):
    edit(run_folder, old, new)
    (rejected,) = read_fdmnes(run_folder)
    assert isinstance(rejected, Rejected)
    assert re.search(message, rejected.reason)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("run_0_conv.txt", None, "no convoluted spectrum"),
        ("run_0.txt", None, "no raw spectrum"),
        ("run_0.txt", lambda t: t.replace("4966.000", "ABCD.000"), "expected numbers and"),
        ("run_0_conv.txt", lambda t: t.replace("-19.0000", "-29.0000"), "run_0.txt, .* -29 eV"),
        ("run_0_conv.txt", lambda t: t.replace("E-04", "-104", 1), "is no number"),
        ("run_0_conv.txt", lambda t: t[: len(t) // 2].rsplit("\n", 1)[0], "no line end"),
        ("run_0_conv.txt", lambda t: "".join(t.splitlines(True)[:99]), "but run_0.txt at 50 eV"),
        ("run_0.txt", lambda t: t.replace("4966.000", "4866.000"), "but Ti K is at 4966 eV"),
        ("fdmfile.txt", lambda t: "1\n", "expected a number and as many names"),
        ("run_0_conv.txt", lambda t: "", "no table"),
    ],
)
def test_what_is_wrong_with_the_output_is_named(run_folder, name, change, message):
    path = run_folder / name
    if change is None:
        path.unlink()
    else:
        path.write_text(change(path.read_text()))
    (rejected,) = read_fdmnes(run_folder)
    assert isinstance(rejected, Rejected)
    assert re.search(message, rejected.reason)


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
