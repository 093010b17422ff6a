"""Labels of POSCAR, and files without them."""

import pytest
from ase import Atoms
from ase.io import write

from src.errors import StructureError
from src.structures.files import read_structures

POSCAR = """{title}
1.0
4.2 0 0
0 4.2 0
0 0 4.2
{symbols}1 2
Direct
0 0 0
0.5 0.5 0.5
0.5 0 0
"""


def read_text(folder, title="x", symbols=""):
    (folder / "POSCAR").write_text(POSCAR.format(title=title, symbols=symbols))
    (atoms,) = read_structures(folder / "POSCAR")
    return list(atoms.symbols)


@pytest.mark.parametrize(
    ("line", "symbols"),
    [
        ("Cu O", "CuO"), ("Cu2+ O2-", "CuO"), ("Cu1 O1", "CuO"), ("Cu_pv O_s", "CuO"),
        ("CU D", "CuH"), ("Cu_pv/6a2f546d O/0f1", "CuO"), ("Co O ! a comment", "CoO"),
        ("Fe_sv_GW C", "FeC"),
    ],
)  # fmt: skip
def test_labels_are_elements(tmp_path, line, symbols):
    first, second = Atoms(symbols).symbols
    assert read_text(tmp_path, symbols=f"{line}\n") == [first, second, second]


@pytest.mark.parametrize(
    ("line", "message"),
    [("Cu Qq", "line 6: 'Qq' is not an element"), ("Cu0.5Zn0.5 O", "line 6: 'Cu0.5Zn0.5'"),
     ("Cu", "1 elements, but 2 counts"), ("Cu O Zn", "3 elements, but 2 counts")],
)  # fmt: skip
def test_other_labels_are_refused(tmp_path, line, message):
    with pytest.raises(StructureError, match=rf"POSCAR: .*{message}"):
        read_text(tmp_path, symbols=f"{line}\n")


@pytest.mark.parametrize("title", ["Cu O", "Cu1 O2", "CuO2"])
def test_version_4_has_its_elements_in_the_title(tmp_path, title):
    assert read_text(tmp_path, title) == ["Cu", "O", "O"]


@pytest.mark.parametrize("title", ["relaxed", "No oxygen, I think", "Cu O Zn", "Cu", ""])
def test_version_4_without_elements_asks_for_them(tmp_path, title):
    with pytest.raises(StructureError, match="POSCAR: line 6: no elements.*add a line with the 2 "):
        read_text(tmp_path, title)
    (tmp_path / "POTCAR").write_text("  TITEL = PAW_PBE Cu_pv\n  TITEL = PAW_PBE O\n")
    assert read_text(tmp_path, title) == ["Cu", "O", "O"]


@pytest.mark.parametrize("vasp5", [True, False])
def test_what_ase_writes_is_read(tmp_path, vasp5):
    atoms = Atoms("CuO2", [[0, 0, 0], [2, 0, 0], [0, 2.1, 0]], cell=[4, 4.2, 5], pbc=True)
    write(tmp_path / "POSCAR", atoms, format="vasp", vasp5=vasp5)
    (again,) = read_structures(tmp_path / "POSCAR")
    assert list(again.symbols) == list(atoms.symbols)
    assert abs(again.positions - atoms.positions).max() < 1e-9
