"""What is around a site, in structures where it is known, and against ASE's neighbor list."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc111
from ase.neighborlist import neighbor_list

from src.structures.environments import environments
from src.structures.graph import structure_graph


def around(atoms, *sites):
    """Environments of sites within 5 Angstrom."""
    return environments(structure_graph(atoms, sites or [0], 5.0, 100))


@pytest.mark.parametrize(
    ("atoms", "site", "coordination", "elements", "nearest"),
    [
        (bulk("Cu", "fcc", a=3.615), 0, 12, {"Cu"}, {"Cu": 3.615 / 2**0.5}),
        (bulk("ZnS", "zincblende", a=5.41), 0, 4, {"Zn", "S"}, {"S": 5.41 * 3**0.5 / 4}),
        (bulk("NiO", "rocksalt", a=4.17), 0, 6, {"Ni", "O"}, {"O": 2.085}),
        (bulk("NiO", "rocksalt", a=4.17) * (2, 2, 2), 2, 6, {"Ni", "O"}, {"O": 2.085}),
        (Atoms("CuO", [[0, 0, 0], [0, 0, 1.9]]), 0, 1, {"O"}, {"O": 1.9}),
        (Atoms("CuO", [[0, 0, 0], [0, 0, 3.0]]), 0, 0, {"O"}, {"O": 3.0}),
        (Atoms("CuO", [[0, 0, 0], [0, 0, 6.0]]), 0, 0, set(), {}),
        (Atoms("FCuO", [[0, 0, 1.92], [0, 0, 0], [1.9, 0, 0]]), 1, 2, {"F", "O"},
         {"O": 1.9, "F": 1.92}),  # as good as equally near
        (Atoms("FCuO", [[0, 0, 2.0], [0, 0, 0], [1.9, 0, 0]]), 1, 2, {"F", "O"}, {"O": 1.9}),
    ],
)  # fmt: skip
def test_known_structures(atoms, site, coordination, elements, nearest):
    (found,) = around(atoms, site)
    assert (found.coordination, found.elements) == (coordination, elements)
    assert found.nearest == pytest.approx(nearest)
    assert list(found.nearest) == list(nearest)
    assert found.element == atoms[site].symbol


def test_absorbers_of_one_graph_are_told_apart():
    atoms = Atoms("CuOCuSS", [[0, 0, 0], [1.9, 0, 0], [20, 0, 0], [22.2, 0, 0], [17.8, 0, 0]])
    first, second = around(atoms, 0, 2)
    assert (first.elements, first.neighbors, first.asymmetry) == ({"O"}, 1, 1.0)
    assert (second.elements, second.neighbors) == ({"S"}, 2)
    assert second.asymmetry == pytest.approx(0.0, abs=1e-9)


def test_neighbors_and_asymmetry_of_a_slab_are_those_of_its_vectors():
    slab = fcc111("Cu", (1, 1, 5), a=3.61, vacuum=8)
    found = around(slab, *range(5))
    first, vectors = neighbor_list("iD", slab, 5.0)
    for site, one in enumerate(found):
        mine = vectors[first == site]
        assert one.neighbors == len(mine)
        directions = mine / np.linalg.norm(mine, axis=1, keepdims=True)
        assert one.asymmetry == pytest.approx(np.linalg.norm(directions.mean(axis=0)), abs=1e-6)
    assert found[4].asymmetry > 0.3 > found[3].asymmetry  # the surface, and below it
    (inside,) = around(bulk("Cu", a=3.61))
    assert inside.asymmetry < 1e-9
