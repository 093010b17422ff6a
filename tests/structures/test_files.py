"""Structure files whose damage ASE passes over."""

import numpy as np
import pytest
from ase.io import read, write
from paths import CALCULATIONS

from src.errors import StructureError
from src.structures.files import read_structures

POSCAR = CALCULATIONS / "mp-4886" / "POSCAR"  # Nd Cu O2


@pytest.fixture
def files(tmp_path):
    """The same structure as POSCAR, CIF and extended xyz."""
    (tmp_path / "POSCAR").write_bytes(POSCAR.read_bytes())
    for name in ("a.cif", "a.extxyz"):
        write(tmp_path / name, read(POSCAR))
    return tmp_path


def test_whole_files_are_what_ase_reads(files):
    for name in ("POSCAR", "a.cif", "a.extxyz"):
        (atoms,) = read_structures(files / name)
        assert atoms.get_chemical_formula() == "CuNdO2"
        assert np.allclose(atoms.cell.lengths(), read(POSCAR).cell.lengths(), atol=1e-6)


def test_poscar_with_more_coordinates_than_atoms(files):
    lines = (files / "POSCAR").read_text().splitlines()
    lines[6] = lines[6].replace("2", "1")
    (files / "POSCAR").write_text("\n".join(lines))
    assert len(read(files / "POSCAR")) == 3  # ASE alone reads three of the four
    with pytest.raises(StructureError, match="POSCAR: line 12: .* 3 atoms"):
        read_structures(files / "POSCAR")


def test_xyz_that_announces_more_atoms_than_any_file_has(tmp_path):
    """A number of thousands of digits is none for Python."""
    for count in ("9" * 5000, "99999999"):
        (tmp_path / "a.xyz").write_text(f"{count}\n\nCu 0 0 0\n")
        with pytest.raises(StructureError, match=r"a\.xyz"):
            read_structures(tmp_path / "a.xyz")


@pytest.mark.parametrize("name", ["_cell_length_b", "_cell_angle_gamma"])
def test_cif_with_a_part_of_its_cell(files, name):
    lines = (files / "a.cif").read_text().splitlines(keepends=True)
    (files / "a.cif").write_text("".join(line for line in lines if not line.startswith(name)))
    assert read(files / "a.cif").cell.rank == 0  # ASE alone takes the fractions as Angstrom
    with pytest.raises(StructureError, match=rf"a\.cif: .*{name}"):
        read_structures(files / "a.cif")
