"""CIF in every setting, with disorder, and with what contradicts itself."""

import re

import numpy as np
import pytest
from ase.geometry import get_distances
from ase.io import read, write
from ase.spacegroup import crystal
from paths import DATA

from src.errors import StructureError
from src.structures.files import read_structures
from src.structures.graph import check_atoms, check_distances

ORTHORHOMBIC, CUBIC, HEXAGONAL = (5.5, 5.6, 7.7, 90, 90, 90), (8.4,) * 3 + (90,) * 3, (
    2.95, 2.95, 4.68, 90, 90, 120,
)  # fmt: skip
MONOCLINIC, TRICLINIC = (5, 6, 7, 90, 100, 90), (6, 7, 8, 85, 95, 100)
CELLS = [f"_cell_length_{axis}" for axis in "abc"]
CELLS += [f"_cell_angle_{angle}" for angle in ("alpha", "beta", "gamma")]
NAME, NUMBER, HALL = (
    f"_{tag}"
    for tag in ("space_group_name_H-M_alt", "space_group_IT_number", "space_group_name_Hall")
)
OPS = "_space_group_symop_operation_xyz"
GENERAL = ["Cu1 Cu 0.1 0.2 0.3", "O1 O 0.35 0.1 0.2"]
PEROVSKITE = ["La La 0.99 0.03 0.25", "Cu Cu 0.5 0 0", "O1 O 0.07 0.49 0.25", "O2 O 0.72 0.28 0.04"]
SPINEL = ["Cu Cu 0.125 0.125 0.125", "Fe Fe 0.5 0.5 0.5", "O O 0.2549 0.2549 0.2549"]
SPINEL_1 = ["Cu Cu 0 0 0", "Fe Fe 0.625 0.625 0.625", "O O 0.3799 0.3799 0.3799"]
ALLOY = (3.61,) * 3 + (90,) * 3


def text(cell, symmetry, rows, columns="label type_symbol fract_x fract_y fract_z", name="x"):
    """A data block; ``symmetry`` are lines of its head."""
    lines = [f"{tag} {value}" for tag, value in zip(CELLS, cell, strict=True)]
    loop = ["loop_", *(f"_atom_site_{column}" for column in columns.split()), *rows]
    return "\n".join([f"data_{name}", *lines, *symmetry, *loop, ""])


def read_text(folder, content):
    (folder / "x.cif").write_text(content)
    return read_structures(folder / "x.cif")


def same_atoms(a, b, within=1e-3):
    """Whether two structures of one cell have the same atoms, in any order."""
    _, apart = get_distances(a.positions, b.positions, cell=a.cell, pbc=True)
    near = (apart < within) & (a.numbers[:, None] == b.numbers)
    return len(a) == len(b) and bool((near.sum(axis=1) == 1).all())


@pytest.mark.parametrize(
    ("cell", "symmetry", "rows", "formula"),
    [
        # 4 general positions; 4 on mirrors, 4 on centers, 8 general
        (ORTHORHOMBIC, [f"{NAME} 'P b n m'", f"{NUMBER} 62"], PEROVSKITE, "Cu4La4O12"),
        (MONOCLINIC, [f"{NAME} 'P 21/n'"], GENERAL, "Cu4O4"),
        (MONOCLINIC, [f"{NAME} 'P 2(1)/n'"], GENERAL, "Cu4O4"),
        (MONOCLINIC, [f"{NAME} 'I 2/a'", f"{NUMBER} 15"], GENERAL, "Cu8O8"),
        ((5, 6, 7, 90, 90, 100), [f"{NAME} 'P 21/m'"], GENERAL, "Cu4O4"),
        (MONOCLINIC, [f"{HALL} '-P 2yn'"], GENERAL, "Cu4O4"),
        (TRICLINIC, [f"{NAME} 'C -1'", f"{NUMBER} 2"], GENERAL, "Cu4O4"),
        (ORTHORHOMBIC, [f"{NUMBER} 62"], GENERAL, "Cu8O8"),
        (ORTHORHOMBIC, [f"{NAME} 'P 21/n 21/m 21/a'"], GENERAL, "Cu8O8"),
        (CUBIC, [f"{NAME} 'F d -3 m :2'"], SPINEL, "Cu8Fe16O32"),
        (CUBIC, [f"{NAME} 'F d -3 m Z'"], SPINEL, "Cu8Fe16O32"),
        (CUBIC, [f"{NAME} 'F d -3 m :1'"], SPINEL_1, "Cu8Fe16O32"),
        (CUBIC, [f"{NAME} Fd-3m", "_chemical_formula_sum 'Cu Fe2 O4'"], SPINEL, "Cu8Fe16O32"),
        (CUBIC, [f"{NUMBER} 227", "_chemical_formula_sum CuFe2O4"], SPINEL_1, "Cu8Fe16O32"),
        (HEXAGONAL, [f"{NAME} 'R -3 m :H'"], ["Cu Cu 0 0 0"], "Cu3"),
        (HEXAGONAL, [f"{NAME} 'R -3 m'"], ["Cu Cu 0 0 0"], "Cu3"),
        ((4, 4, 4, 70, 70, 70), [f"{NAME} 'R -3 m :R'"], ["Cu Cu 0 0 0"], "Cu"),
        ((4, 4, 4, 70, 70, 70), [f"{NAME} 'R -3 m'"], ["Cu Cu 0 0 0"], "Cu"),
        (CUBIC, ["_symmetry_equiv_pos_as_xyz x,y,z"], GENERAL, "CuO"),
        (TRICLINIC, [OPS, ";", "x,y,z", "-x,-y,-z", ";"], GENERAL, "Cu2O2"),
    ],
)  # fmt: skip
def test_atoms_in_a_setting(tmp_path, cell, symmetry, rows, formula):
    """Numbers of atoms are multiplicities of International Tables A."""
    (atoms,) = read_text(tmp_path, text(cell, symmetry, rows))
    assert atoms.get_chemical_formula() == formula
    check_atoms(atoms)


@pytest.mark.parametrize(("setting", "rows"), [(1, SPINEL_1), (2, SPINEL)])
def test_positions_are_those_of_ases_table_of_space_groups(tmp_path, setting, rows):
    fields = [row.split() for row in rows]
    expected = crystal(
        [symbol for _, symbol, *_ in fields],
        [[float(x) for x in xyz] for _, _, *xyz in fields],
        spacegroup=227, setting=setting, cellpar=CUBIC,
    )  # fmt: skip
    (atoms,) = read_text(tmp_path, text(CUBIC, [f"{NAME} 'F d -3 m :{setting}'"], rows))
    assert same_atoms(atoms, expected)
    (other,) = read_text(tmp_path, text(CUBIC, [f"{NAME} 'F d -3 m :{3 - setting}'"], rows))
    assert not same_atoms(other, expected)  # negative control


def test_positions_are_those_of_the_listed_operators(tmp_path):
    """P b n m as ASE reads it with operators, and, without them, takes it for P n m a."""
    name = [f"{NAME} 'P b n m'", f"{NUMBER} 62"]
    listed = """loop_
_symmetry_equiv_pos_as_xyz
x,y,z\n-x,-y,z+1/2\nx+1/2,-y+1/2,-z\n-x+1/2,y+1/2,-z+1/2
-x,-y,-z\nx,y,-z+1/2\n-x+1/2,y+1/2,z\nx+1/2,-y+1/2,z+1/2"""
    (tmp_path / "listed.cif").write_text(text(ORTHORHOMBIC, [*name, listed], PEROVSKITE))
    (atoms,) = read_text(tmp_path, text(ORTHORHOMBIC, name, PEROVSKITE))
    assert same_atoms(atoms, read(tmp_path / "listed.cif"))
    assert same_atoms(read_structures(tmp_path / "listed.cif")[0], atoms)
    assert len(read(tmp_path / "x.cif")) == 28  # negative control


@pytest.mark.parametrize(
    ("symmetry", "rows", "message"),
    [
        ([f"{NAME} 'F d -3 m'"], ["C C 0 0 0"], "F d -3 m:1 or F d -3 m:2"),
        ([f"{NAME} 'P x y z'"], GENERAL, "'P x y z' is unknown"),
        ([f"{NAME} 'F m -3 m'", f"{NUMBER} 227"], GENERAL, "number 225, .* number 227"),
        ([f"{NAME} 'R -3 m :H'"], GENERAL, "does not fit the cell"),
        (["loop_", OPS, "x,y,z", "-x,-y,z", "x,-y,-z"], GENERAL, "not a group: -x,y,-z"),
        (["loop_", OPS, "x,y,z", "x+1/5,y,z"], GENERAL, r"operator 'x\+1/5,y,z'"),
        ([f"{NAME} 'F m -3 m'", f"{OPS} x,y,z"], ["Cu Cu 0 0 0"], "1 atoms, .* gives 4"),
        (["_chemical_formula_sum 'Cu2 O'"], GENERAL, "formula is Cu2 O, but the atoms are CuO"),
        (["_cell_length_a 5"], GENERAL, "two values of _cell_length_a"),
        ([], ["Cu1 Cu ? 0.5 0"], "site Cu1: _atom_site_fract_x is '?'"),
        ([], ["Q1 Q 0 0.5 0"], "site Q1: 'Q' is not an element"),
        (["_cell_modulation_dimension 1"], GENERAL, "modulated"),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_refused(tmp_path, symmetry, rows, message):
    with pytest.raises(StructureError, match=rf"x\.cif: .*{message}"):
        read_text(tmp_path, text(CUBIC, symmetry, rows))


@pytest.mark.parametrize(
    ("rows", "shares"),
    [
        (["M1 '0.6Cu + 0.4Zn' 0 0 0 1"], "M1 .*Cu 0.6, Zn 0.4"),
        (["M1 '0.6(1)Cu2+ + 0.4(1)Zn2+' 0 0 0 1"], "M1 .*Cu 0.6, Zn 0.4"),
        (["M1 Cu0.6Zn0.4 0 0 0 ."], "M1 .*Cu 0.6, Zn 0.4"),
        (["Cu1 Cu 0 0 0 0.6", "Zn1 Zn 0 0 0 0.4"], "Cu1/Zn1 .*Cu 0.6, Zn 0.4"),
        (["Cu1 Cu 0 0 0 1", "Zn1 Zn 0 0.5 0.5 1"], "Cu1/Zn1 .*Cu 1, Zn 1"),  # a centering away
        (["Cu1 Cu 0 0 0 0.6"], "Cu1 .*Cu 0.6"),
        (["M1 Cu,Zn 0 0 0 1"], "M1: 'Cu,Zn' names Cu and Zn"),
    ],
)
def test_disorder_is_refused_with_site_and_elements(tmp_path, rows, shares):
    columns = "label type_symbol fract_x fract_y fract_z occupancy"
    with pytest.raises(StructureError, match=shares):
        check_atoms(read_text(tmp_path, text(ALLOY, [f"{NAME} 'F m -3 m'"], rows, columns))[0])


@pytest.mark.parametrize(
    "rows",
    [
        ["Cu1 Cu 0 0 0 ."],
        ["Cu1 Cu . 0 . ?"],  # 0 is a coordinate's default
        ["Cu1 Cu2+ 0 0 0 1", "Cu2 Cu 0.5 0.5 0 1"],  # one atom twice
        ["Cu1 Cu+ 0 0 0 0.5", "Cu2 Cu2+ 0 0 0 0.5", "Zn1 Zn 0 0 0 0"],  # mixed valence
    ],
)
def test_full_sites_are_ordered(tmp_path, rows):
    columns = "label type_symbol fract_x fract_y fract_z occupancy"
    (atoms,) = read_text(tmp_path, text(ALLOY, [f"{NAME} 'F m -3 m'"], rows, columns))
    check_atoms(atoms)
    assert atoms.get_chemical_formula() == "Cu4"


@pytest.mark.parametrize("digits", [2, 3, 4, 9])
def test_rounded_special_position_is_one_atom_on_it(tmp_path, digits):
    """Hexagonal close packing has c/a near 1.633 and two atoms."""
    row = f"Zn1 Zn {1 / 3:.{digits}f} {2 / 3:.{digits}f} 0.25"
    (atoms,) = read_text(tmp_path, text(HEXAGONAL, [f"{NAME} 'P 63/m m c'"], [row]))
    assert len(atoms) == 2
    nearest = atoms.get_distance(0, 1, mic=True)
    assert nearest == pytest.approx(np.hypot(2.95 / np.sqrt(3), 4.68 / 2), abs=1e-9)


def test_atoms_near_a_special_position_are_not_merged(tmp_path):
    """0.06 of 5 Angstrom from a mirror at z = 0 on either side: a pair 0.6 Angstrom apart."""
    (atoms,) = read_text(tmp_path, text(ORTHORHOMBIC, [f"{NAME} 'P m m m'"], ["H1 H 0 0 0.04"]))
    assert len(atoms) == 2
    check_distances(atoms)


@pytest.mark.parametrize(
    ("label", "formula", "symbol"),
    [
        ("Cu1", "", "Cu"), ("Cu2+", "", "Cu"), ("CuM1", "", "Cu"), ("D1", "", "H"),
        ("CU1", "Cu", "Cu"), ("CU1", "C", "C"), ("Ca1", "C", "C"), ("Ow1", "", "O"),
        ("O1A", "", "O"), ("CU1", "", None), ("Me1", "", None),
        ("WatA", "", "O"), ("H2O3w", "", "H"), ("CuZn1", "", None),
        ("Cu/Zn", "", None), ("Va1", "", None),
    ],
)  # fmt: skip
def test_element_of_a_label(tmp_path, label, formula, symbol):
    head = [f"_chemical_formula_sum {formula}"] if formula else []
    content = text(CUBIC, head, [f"{label} 0 0 0"], "label fract_x fract_y fract_z")
    if symbol:
        assert read_text(tmp_path, content)[0].get_chemical_formula() == symbol
    else:
        with pytest.raises(StructureError, match=rf"site {label}: .*'{label}'"):
            read_text(tmp_path, content)


def test_blocks_without_atoms_are_passed_over(tmp_path, caplog):
    """Also if their syntax is another's; Windows' line ends, byte-order mark, other letters."""
    blocks = [
        "data_global\n_author 'Müller'\n", "data_pattern\nloop_\n_a\n_b\n1 2 3\n",
        text(ALLOY, [f"{NAME} 'F m -3 m'"], ["Cu Cu 0 0 0"], name="y"),
        text(ALLOY, [], ["O O 0 0 0", "H H ? ? ?"], name="y"),
    ]  # fmt: skip
    (tmp_path / "x.cif").write_bytes(
        "\ufeff".encode() + "\r\n".join("".join(blocks).split("\n")).encode()
    )
    frames = read_structures(tmp_path / "x.cif")
    assert [atoms.get_chemical_formula() for atoms in frames] == ["Cu4", "O"]
    assert "data_y: no symmetry operators and no space group; taken as P 1" in caplog.text
    assert "no H has a position" in caplog.text


@pytest.mark.parametrize("path", sorted((DATA / "cif").glob("*.cif")), ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore:crystal system")  # ASE's
def test_published_structures_are_as_ase_reads_their_operators(path, tmp_path):
    """With the operators, without them, and from what ASE writes; see tests/data/README.md."""
    content, expected = path.read_text(), read(path)
    named = re.sub(r"loop_\s+_symmetry_equiv_pos_as_xyz\s(.*,.*\s)+", "", content)
    assert len(named) < len(content)
    write(tmp_path / "again.cif", expected)
    again = (tmp_path / "again.cif").read_text()
    for version in (content, named, again):
        assert same_atoms(read_text(tmp_path, version)[0], expected)
