"""Which sites are calculated, and displaced copies of structures."""

import gzip
import sqlite3
from contextlib import closing

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.db import connect
from ase.io import write
from broken import DAMAGE, damage_row, occupied, oxide
from paths import CALCULATIONS

from src.calculation.plan import Copies, Structure, distorted, find_structures, make_plan
from src.dataset.split import check_split, split_by_hash
from src.errors import ConfigError, DatabaseError, StructureError
from src.structures.names import material_of

CUO = CALCULATIONS / "mp-1692" / "POSCAR"


def sites_of(plan):
    """Material and index of each site."""
    return [(site.material, site.site) for site in plan.sites]


def rocksalt():
    """NiO with four of each atom, all equivalent."""
    return bulk("NiO", "rocksalt", a=4.18, cubic=True)


def test_distinct_sites_of_an_element():
    pytest.importorskip("spglib")
    plan = make_plan([Structure("nio", rocksalt())], "Ni", None)
    assert sites_of(plan) == [("nio", 0)]
    assert plan.sites[0].edge == "K"
    broken = rocksalt()
    broken.positions[2] += 0.2
    assert len(make_plan([Structure("nio", broken)], "Ni", None).sites) > 1


def test_chosen_sites_and_frames_of_their_own(tmp_path):
    path = tmp_path / "many.extxyz"
    first, second = rocksalt(), molecule("H2O")
    first.info = {"material": "mp-1", "element": "Ni", "sites": "0 4"}
    second.info = {"material": "water", "absorber": 0}
    write(path, [first, second], format="extxyz")
    plan = make_plan(find_structures([path]), None, None)
    assert sites_of(plan) == [("mp-1", 0), ("mp-1", 4), ("water", 0)]
    assert [site.element for site in plan.sites] == ["Ni", "Ni", "O"]
    assert sites_of(make_plan(find_structures([path]), None, None, [1])) == [("water", 1)]
    plan = make_plan(find_structures([path]), "O", None)
    assert sites_of(plan) == [("water", 0)]
    assert "mp-1" in plan.refused[0]


def test_every_kind_of_file(tmp_path):
    cif, frames, database = (tmp_path / f"NiO.{end}" for end in ("cif", "xyz", "db"))
    write(cif, rocksalt())
    write(frames, [rocksalt(), rocksalt() * (2, 1, 1)], format="extxyz")
    with connect(database) as rows:
        rows.write(rocksalt(), material="mp-7", element="Ni", sites="0,2")
    read = list(find_structures([cif, frames, database, CUO]))
    assert [structure.name for structure in read] == ["NiO", "NiO-0", "NiO-1", "mp-7", "mp-1692"]
    assert read[3].sites == (0, 2)


def test_disordered_and_damaged_rows_of_a_database_are_refused(tmp_path):
    """As in a CIF; ASE keeps the occupancy of a row apart from its structure."""
    path = tmp_path / "rows.db"
    with connect(path) as rows:
        rows.write(oxide(0), data=occupied({"Cu": 1.0}))
        rows.write(oxide(1), data=occupied({"Cu": 0.5, "Zn": 0.5}))
        for _ in DAMAGE:
            rows.write(oxide(2))
    with closing(sqlite3.connect(path)) as connection:
        for row, (column, damage) in enumerate(DAMAGE.values(), start=3):
            damage_row(connection, row, column, damage)
        connection.commit()
    plan = make_plan(find_structures([path]), "Cu", None)
    assert sites_of(plan) == [("rows-1", 0)]
    assert "rows-2: site 0 is disordered (occupancy Cu 0.5, Zn 0.5)" in plan.refused[0]
    assert len(plan.refused) == 1 + len(DAMAGE)
    for row, reason in enumerate(plan.refused[1:], start=3):
        assert f"{path}: row {row}" in reason or f"rows-{row}" in reason


def test_another_sqlite_file_is_refused_and_not_changed(tmp_path):
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE notes (text)")
    before = path.read_bytes()
    (reason,) = find_structures([path])
    assert str(path) in str(reason)
    assert path.read_bytes() == before


def test_two_structures_of_one_name_are_told_apart_and_equal_ones_joined(tmp_path):
    for folder, atoms in (("a", rocksalt()), ("b", bulk("Ni")), ("c", rocksalt())):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder / "x.cif", atoms)
    read = list(find_structures([tmp_path / name / "x.cif" for name in "abc"]))
    assert [structure.name for structure in read] == ["x", "x-2", "x"]
    assert sites_of(make_plan(read, "Ni", None, [0])) == [("x", 0), ("x-2", 0)]


def test_structures_without_the_site_are_refused():
    nio = [Structure("nio", rocksalt())]
    for element, sites, reason in (
        ("Fe", None, "contains no Fe"),
        (None, None, "--element"),
        ("Ni", [5], "site 5 is O"),
        ("Ni", [80], "site 80"),
    ):
        plan = make_plan(nio, element, None, sites)
        assert plan.sites == []
        assert plan.refused[0].startswith("nio: ")
        assert reason in plan.refused[0]
    for element, edge in (("Xx", None), ("Ni", "M4")):  # not of one structure
        with pytest.raises(ConfigError, match=edge or element):
            make_plan([], element, edge)


def test_what_can_not_be_read_does_not_stop_the_others(tmp_path):
    (tmp_path / "bad.cif").write_text("data_x\n")
    (tmp_path / "cut.xyz.gz").write_bytes(gzip.compress(b"1\n\nCu 0 0 0\n")[:14])
    bad = [tmp_path / name for name in ("bad.cif", "none.xyz", "cut.xyz.gz")]
    plan = make_plan(find_structures([*bad, CUO]), "Cu", None)
    assert {reason.split(": ")[0] for reason in plan.refused} == {str(path) for path in bad}
    assert sites_of(plan) == [("mp-1692", 0)]


def test_distortion_has_the_size_asked_for():
    """Against the closed form: standard deviations of displacements, and of strains."""
    atoms = bulk("Cu", cubic=True) * (6, 6, 6)
    moved = distorted(atoms, 0.05, 0.0, [1])
    assert (moved.positions - atoms.positions).std() == pytest.approx(0.05, rel=0.05)
    assert np.array_equal(moved.cell, atoms.cell)
    cell, strains = bulk("Cu", cubic=True), []
    for seed in range(300):
        copy = distorted(cell, 0.0, 0.02, [seed])
        strain = np.linalg.solve(cell.cell.array, copy.cell.array) - np.eye(3)
        assert strain == pytest.approx(strain.T, abs=1e-12)
        scaled = copy.get_scaled_positions()
        assert scaled == pytest.approx(cell.get_scaled_positions(), abs=1e-12)
        strains.append(strain[np.triu_indices(3)])
    assert np.std(strains, axis=0) == pytest.approx([0.02] * 6, rel=0.15)


def test_copies_are_seeded_and_say_what_they_are():
    def copies(**more):
        options = Copies(2, 0.05, 0.02, **more)
        return make_plan([Structure("nio", rocksalt())], "Ni", None, [0, 2], options).sites

    names = ["nio", "nio", "nio+d0.05s0.02-1", "nio+d0.05s0.02-1"]
    names += ["nio+d0.05s0.02-2", "nio+d0.05s0.02-2"]
    assert [site.material for site in copies()] == names
    assert [site.id for site in copies()[-2:]] == ["nio+d0.05s0.02-2_000", "nio+d0.05s0.02-2_002"]
    for one, other in zip(copies(), copies(), strict=True):
        assert one.atoms == other.atoms
    assert copies()[2].atoms != copies(seed=1)[2].atoms
    assert copies()[2].atoms != copies()[4].atoms


def test_copies_stay_in_the_part_of_their_original():
    ids = [f"mp-{k}{copy}_000" for k in range(200) for copy in ("", "+d0.05-1", "+s0.02-2")]
    parts = split_by_hash(ids, {"train": 0.5, "val": 0.5})
    assert len({material_of(i) for i in ids}) == 200
    for part in parts.values():
        assert len(part) == 3 * len({material_of(i) for i in part})
    with pytest.raises(DatabaseError, match="mp-1"):
        check_split(["mp-1_000"], ["mp-1+d0.05-1_000"])
    check_split(["Cu2+O_000"], ["Cu2+S_000"])  # other names with a plus are no copies


@pytest.mark.parametrize(
    "values",
    [
        (3, 0.0, 0.0), (0, 0.1, 0.0), (-1, 0.1, 0.0), (1, -0.1, 0.0), (1, 2.0, 0.0),
        (1, 0.0, float("nan")), (1, 0.0, 0.3),
    ],
)  # fmt: skip
def test_copies_that_make_no_sense_are_refused(values):
    with pytest.raises(ConfigError):
        Copies(*values)


def test_frames_with_wrong_values_are_named(tmp_path):
    path = tmp_path / "x.xyz"
    for info in ({"sites": "one"}, {"element": "Xx"}, {"material": "a/b"}):
        atoms = Atoms("Ni", info=info)
        write(path, atoms, format="extxyz")
        (error,) = find_structures([path])
        assert isinstance(error, StructureError)
        assert str(path) in str(error)
