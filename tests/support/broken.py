"""Structures that are broken in more than twenty ways: rows of a database, and files."""

import sqlite3

import ase.db
import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.io import write

EVERY = 100
"""One row of so many is broken."""


def oxide(seed):
    """CuO, shaken."""
    atoms = bulk("CuO", "rocksalt", a=4.2)
    atoms.rattle(0.05, seed=seed)
    return atoms


def changed(**arrays):
    """CuO with other numbers, positions, cell or periodicity."""
    atoms = oxide(0)
    for name, value in arrays.items():
        if name == "cell":
            atoms.cell[:] = value
        elif name == "pbc":
            atoms.pbc = value
        else:
            atoms.arrays[name][:] = value
    return atoms


def occupied(shares):
    """A row's data with the occupancy of site 0."""
    return {"occupancy": {"0": shares}}


NAN, INF = np.nan, np.inf
ROWS = {
    "no absorber": lambda: (bulk("Fe"), {}),
    "no atoms": lambda: (Atoms(), {}),
    "too close": lambda: (Atoms("Cu2", [[0, 0, 0], [0, 0, 0.05]]), {}),
    "same place": lambda: (Atoms("CuO", np.zeros((2, 3))), {}),
    "too close through the cell": lambda: (
        Atoms("Cu2", [[0, 0, 0], [3.97, 0, 0]], cell=[4, 4, 4], pbc=True), {}),
    "disordered": lambda: (oxide(0), occupied({"Cu": 0.5, "Zn": 0.5})),
    "vacancies": lambda: (oxide(0), occupied({"Cu": 0.9})),
    "occupancy that is no number": lambda: (oxide(0), occupied({"Cu": "?"})),
    "position NaN": lambda: (changed(positions=[[0, 0, NAN], [2, 2, 2]]), {}),
    "position infinite": lambda: (changed(positions=[[0, 0, 0], [INF, 2, 2]]), {}),
    "cell NaN": lambda: (changed(cell=NAN), {}),
    "cell infinite": lambda: (changed(cell=np.diag([INF, 4, 4])), {}),
    "cell of zeros": lambda: (changed(cell=0.0), {}),
    "flat cell": lambda: (changed(cell=[[4, 0, 0], [0, 4, 0], [4, 4, 0]]), {}),
    "cell in nanometres": lambda: (
        changed(cell=np.eye(3) * 0.42, positions=[[0, 0, 0], [0.21] * 3]), {}),
    "unknown element": lambda: (changed(numbers=[29, 0]), {}),
    "element too heavy": lambda: (changed(numbers=[29, 118]), {}),
}  # fmt: skip
DAMAGE = {
    "numbers cut": ("numbers", lambda blob: blob[:3]),
    "positions cut": ("positions", lambda blob: blob[:17]),
    "positions of other atoms": ("positions", lambda blob: blob + blob),
    "cell cut": ("cell", lambda blob: blob[:8]),
    "numbers that are none": ("numbers", lambda blob: np.array([29, -5], "<i4").tobytes()),
    "numbers beyond all": ("numbers", lambda blob: np.array([29, 500], "<i4").tobytes()),
    "data damaged": ("data", lambda blob: b"\x05\x00\x00\x00\x00\x00\x00\x00{{{{{"),
    "no numbers": ("numbers", lambda blob: None),
}
"""Columns of SQLite that are damaged, and how."""
WAYS = [*ROWS, *DAMAGE]


def damage_row(connection, row, column, damage):
    """Change a column of a row in the file itself."""
    ((blob,),) = connection.execute(f"SELECT {column} FROM systems WHERE id = {row}").fetchall()
    connection.execute(f"UPDATE systems SET {column} = ? WHERE id = {row}", (damage(blob),))


def write_database(path, n_structures):
    """Write structures of which one in a hundred is broken; give the way by row."""
    ways = {}
    with ase.db.connect(path, type="db") as database:
        for number in range(n_structures):
            way, data = None, {}
            atoms = oxide(number)
            if number % EVERY == EVERY // 2:
                way = WAYS[number // EVERY % len(WAYS)]
            if way in ROWS:
                atoms, data = ROWS[way]()
            with np.errstate(all="ignore"):  # of the volume
                row = database.write(atoms, data=data)
            if way is not None:
                ways[row] = way
    with sqlite3.connect(path) as connection:
        for row, way in ways.items():
            if way in DAMAGE:
                damage_row(connection, row, *DAMAGE[way])
    connection.close()
    return ways


CIF = """data_CuO
_cell_length_a 4.2
_cell_length_b 4.2
_cell_length_c 4.2
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_space_group_name_H-M_alt 'P 1'
loop_
_atom_site_label
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Cu1 0 0 0 1.0
O1 0.5 0.5 0.5 1.0
"""
POSCAR = "CuO\n1.0\n4.2 0 0\n0 4.2 0\n0 0 4.2\nCu O\n1 1\nDirect\n0 0 0\n0.5 0.5 0.5\n"
FILES = {
    "empty.cif": "",
    "words.cif": "no structure at all\n",
    "binary.cif": b"\x00\x01\xff\xfe" * 50,
    "letter.cif": CIF.replace("O1 0.5", "O1 0.x5"),
    "no_cell.cif": CIF.replace("_cell_length_a 4.2\n", ""),
    "no_atoms.cif": CIF.split("loop_")[0],
    "disordered.cif": CIF.replace("Cu1 0 0 0 1.0", "Cu1 0 0 0 0.5"),
    "unknown_element.cif": CIF.replace("O1 ", "Qq1 "),
    "zero_cell.cif": CIF.replace("_cell_length_a 4.2", "_cell_length_a 0"),
    "overlap.cif": CIF.replace("O1 0.5 0.5 0.5", "O1 0.001 0 0"),
    "no_copper.cif": CIF.replace("Cu1", "Fe1"),
    "empty.poscar.vasp": "",
    "cut.vasp": POSCAR[:-12],
    "counts.vasp": POSCAR.replace("\n1 1\n", "\n1 x\n"),
    "too_few.vasp": POSCAR.replace("\n1 1\n", "\n1 2\n"),
    "too_many.vasp": POSCAR + "0.2500 0.2500 0.2500\n",
    "nan.vasp": POSCAR.replace("0.5 0.5 0.5", "nan 0.5 0.5"),
    "flat.vasp": POSCAR.replace("0 0 4.2", "0 4.2 0"),
    "cut.xyz": "3\n\nCu 0 0 0\nO 2 0 0\n",
    "letters.xyz": "2\n\nCu 0 0 0\nO 2 zero 0\n",
    "inf.xyz": "2\n\nCu 0 0 0\nO inf 0 0\n",
    "no_ending": "neither this nor that\n",
    "broken.json": "{",
    "missing.cif": None,
}
"""Files by name and content; None: there is none."""


def write_files(folder, n_good):
    """Write good files and broken ones, mixed; give all paths and the broken ones."""
    good = []
    for number in range(n_good):
        good.append(folder / f"good-{number:04d}.cif")
        write(good[-1], oxide(number))
    broken = []
    for name, content in FILES.items():
        broken.append(folder / name)
        if content is not None:
            broken[-1].write_bytes(content if isinstance(content, bytes) else content.encode())
    mixed = list(good)
    for number, path in enumerate(broken):
        mixed.insert((number * 7) % (len(mixed) + 1), path)
    return mixed, broken
