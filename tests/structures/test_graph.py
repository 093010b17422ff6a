"""Graphs against a brute-force image sum, and structures that must be refused."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from conftest import brute_force_graph

from src.errors import ConfigError, StructureError
from src.structures.graph import atoms_to_graph, check_atoms, check_distances

TRICLINIC = [[4.1, 0.2, -0.3], [0.9, 3.8, 0.1], [-0.4, 0.7, 4.5]]


def structures():
    """Structures of every kind of periodicity, with awkward cells and unwrapped atoms."""
    rng = np.random.default_rng(0)
    fractions = rng.uniform(-1.5, 1.5, (5, 3))
    yield "triclinic", Atoms("Cu2O2S", scaled_positions=fractions, cell=TRICLINIC, pbc=True)
    yield "one atom a cell", bulk("Cu")
    yield "needle", Atoms("CuO", [[0, 0, 0], [1.2, 1.1, 9]], cell=[2.4, 2.6, 30], pbc=True)
    yield "slab", Atoms("CuO", [[0, 0, 0], [1.2, 1.1, 1]], cell=[2.4, 2.6, 0], pbc=[1, 1, 0])
    yield "molecule", Atoms("CuO2S", rng.uniform(-3, 3, (4, 3)))


def described(source, target, vectors):
    """Edges as a sorted array of source, target and vector."""
    rows = np.column_stack([source, target, np.round(vectors, 6) + 0.0])
    return rows[np.lexsort(rows.T[::-1])]


@pytest.mark.parametrize(("name", "atoms"), list(structures()))
@pytest.mark.usefixtures("float64")
def test_edges_are_those_of_the_image_sum(name, atoms):
    graph = atoms_to_graph(atoms, [0], 5.0)
    cell = np.array(atoms.cell)
    if name == "slab":
        cell[2, 2] = 1e3  # images along c are out of reach
    slow = brute_force_graph(
        atoms.numbers, atoms.positions, [0], None if name == "molecule" else cell
    )
    edges = []
    for g in (graph, slow):
        source, target = g.edge_index
        vectors = (g.pos[target] - g.pos[source] + g.edge_shift).numpy()
        edges.append(described(source, target, vectors))
    assert edges[0].shape == edges[1].shape
    assert len(edges[0]) > 3
    assert np.abs(edges[0] - edges[1]).max() < 2e-6


def test_fields_have_the_documented_shapes_and_types():
    graph = atoms_to_graph(bulk("CuZn", "cesiumchloride", a=2.95), [1, 0], 4.0)
    assert graph.z.tolist() == [29, 30]
    assert graph.pos.shape == (2, 3)
    assert graph.cell.shape == (1, 3, 3)
    assert graph.edge_index.dtype == torch.long
    assert graph.absorber_mask.tolist() == [True, True]
    assert graph.r_max == 4.0
    atoms = bulk("Cu")
    atoms.arrays["numbers"] = atoms.numbers.astype(np.int32)
    for dtype, expected in ((None, torch.float32), (torch.float64, torch.float64)):
        graph = atoms_to_graph(atoms, [0], 3.0, dtype=dtype)
        assert {graph.pos.dtype, graph.cell.dtype, graph.edge_shift.dtype} == {expected}
        assert (graph.z.dtype, graph.absorber_mask.dtype) == (torch.long, torch.bool)
    assert graph.num_edges == 12  # its own images
    assert (graph.edge_index == 0).all()


def changed(**changes):
    """A good crystal with one thing wrong."""
    atoms = Atoms("CuO", [[0, 0, 0], [1.9, 0, 0]], cell=[4.0, 4.0, 4.0], pbc=True)
    for name, value in changes.items():
        if name == "cell":
            atoms.cell = value
        elif name == "info":
            atoms.info.update(value)
        else:
            setattr(atoms, name, value)
    return atoms


SLANTED = [[10, 0, 0], [-10001, 10, 0], [0, 0, 10]]
BAD = {
    "empty": (Atoms(), "no atoms"),
    "NaN position": (changed(positions=[[0, 0, 0], [np.nan, 0, 0]]), "position of atom 1"),
    "infinite position": (changed(positions=[[np.inf, 0, 0], [1, 0, 0]]), "position of atom 0"),
    "NaN cell": (changed(cell=[[np.nan, 0, 0], [0, 4, 0], [0, 0, 4]]), "cell is not finite"),
    "singular cell": (changed(cell=[[4, 0, 0], [8, 0, 0], [0, 0, 4]]), "singular"),
    "no cell": (changed(cell=np.zeros((3, 3))), "singular"),
    "too close": (changed(positions=[[0, 0, 0], [0.05, 0, 0]]), "0.050 Angstrom"),
    "too close through the cell": (changed(positions=[[0, 0, 0], [3.98, 0, 0]]), "0.020 Angstrom"),
    "too dense for memory": (bulk("Cu", a=0.36), "wrong unit"),
    "far away": (
        Atoms("CuO2", [[0, 0, 0], [0, 0, -10000.5], [0, 0, 10000.1]]),
        r"atom 1 is at \[0.0, 0.0, -10000.5\] Angstrom, beyond 10000; wrong unit\?",
    ),
    "far cell": (
        Atoms("Cu", cell=SLANTED, pbc=True),
        r"the cell \[\[10.0, .*\]\] is beyond 10000 Angstrom",
    ),
    "Z = 0": (changed(numbers=[29, 0]), "atom 1 has atomic number 0"),
    "Z above max_z": (changed(numbers=[1, 101]), r"atom 1 .* number 101, expected 1 to 100"),
    "half occupied": (changed(info={"occupancy": {"0": {"Cu": 0.5}}}), "Cu 0.5"),
    "shared": (changed(info={"occupancy": {"0": {"Fe": 0.5, "Co": 0.5}}}), "Fe 0.5, Co 0.5"),
    "no number": (changed(info={"occupancy": {"0": {"Cu": "*****"}}}), "is not a number"),
}


@pytest.mark.parametrize("name", sorted(BAD))
def test_structure_that_can_not_be_used_is_refused_with_the_reason(name):
    atoms, message = BAD[name]
    with pytest.raises(StructureError, match=message):
        atoms_to_graph(atoms, [0], 5.0)


def test_negative_control_good_structures_pass():
    for atoms in (
        changed(),
        changed(numbers=[1, 118]),
        changed(info={"occupancy": {"0": {"Cu": 1.0}, "1": {"O": 1.0}}}),
        changed(info={"occupancy": {"0": {"Cu": 0.9995}}}),  # what rounding leaves
        changed(info={"occupancy": 1.0}),  # another program's note
        Atoms("Cu", cell=[0, 0, 0]),
        Atoms("H", cell=[0.9, 0, 0], pbc=[True, False, False]),
        Atoms("H", cell=[0.5, 1, 1], pbc=True),  # the densest
        bulk("C", a=3.0),  # diamond is 5.7 Angstrom^3 an atom; under pressure half of that
        Atoms("CuO", [[1e4, 0, -1e4], [0, 1e4, 0]]),  # vesin's boxes are too many beyond
        Atoms("Cu", cell=[1e4, 10, 10], pbc=True),
    ):
        check_atoms(atoms)


@pytest.mark.parametrize(
    ("absorbers", "message"),
    [([], "no absorber"), ([2], "absorber 2 is not within"), ([-1], "absorber -1 is not within")]
    + [([index], f"absorber {index!r} is not a whole number") for index in (0.5, "0", True)],
)
def test_absorber_that_is_absent_or_no_whole_number_is_refused(absorbers, message):
    with pytest.raises(StructureError, match=message):
        atoms_to_graph(changed(), absorbers, 5.0)


def test_borders_of_elements_distances_and_densities():
    """Less than 0.1 Angstrom, through the cell too, and less than 0.5 Angstrom^3 an atom."""
    with pytest.raises(StructureError, match=r"atomic number 100, expected 1 to 99"):
        check_atoms(changed(numbers=[1, 100]), max_z=99)
    with pytest.raises(StructureError, match=r"atomic number 119, expected 1 to 118"):
        check_atoms(changed(numbers=[1, 119]))
    check_distances(Atoms("H2", [[0, 0, 0], [0.1, 0, 0]]))
    with pytest.raises(StructureError, match=r"0\.100 Angstrom apart, less than 0\.2 Angstrom"):
        check_distances(Atoms("H2", [[0, 0, 0], [0.1, 0, 0]]), closest=0.2)
    with pytest.raises(StructureError, match=r"0\.099 Angstrom"):
        check_distances(Atoms("H2", [[0, 0, 0], [0.099, 0, 0]]))
    shared = Atoms("CuO", positions=[[0.02, 0, 0], [3.98, 0, 0]], cell=[4, 4, 4], pbc=True)
    with pytest.raises(StructureError, match=r"0\.040 Angstrom apart"):
        check_distances(shared)
    shared.pbc = False
    check_distances(shared)
    pair = Atoms("H2", [[0, 0, 0], [0.5, 0, 0]], cell=[1.01, 1, 1], pbc=True)
    check_atoms(pair)
    pair.cell[0, 0] = 0.99
    with pytest.raises(StructureError, match="2 atoms in a cell of 0.99 Angstrom"):
        check_atoms(pair)


@pytest.mark.parametrize("r_max", [-1.0, 0.0, float("nan"), float("inf")])
def test_cutoff_that_is_no_length_is_refused(r_max):
    assert atoms_to_graph(Atoms("H2", [[0, 0, 0], [0.74, 0, 0]]), [0], 0.8).num_edges == 2
    with pytest.raises(ConfigError, match=f"`r_max` is {r_max} "):
        atoms_to_graph(bulk("Cu"), [0], r_max)
