"""Clusters around an absorber: their symmetry and shells."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from src.structures.cluster import cut_cluster, find_shells, site_symmetry

DISTORTED = Atoms("CuCuN", [[1.9, 0, 0], [0.1, 1.97, -0.05], [0, 0, 0]], cell=[3.8] * 3, pbc=True)


@pytest.mark.parametrize(
    ("atoms", "n_operations"),
    [
        (bulk("Cu", "fcc", a=3.61), 48),
        (bulk("ZnS", "zincblende", a=5.41), 24),
        (bulk("Cu", "hcp", a=2.5, c=4.2), 12),
        (DISTORTED, 1),
        (Atoms("CuO2", [[0, 0, 0], [2, 0, 0], [-2, 0, 0]]), 1),
    ],
)
def test_site_symmetry(atoms, n_operations):
    cluster = cut_cluster(atoms, 0, 6.0)
    operations = site_symmetry(cluster)
    assert len({tuple(operation) for operation in operations}) == n_operations
    distances = cluster.atoms.get_all_distances()
    for operation in operations:
        mapped = distances[np.ix_(operation, operation)]
        assert np.abs(mapped - distances).max() < 1e-5
        assert operation[0] == 0
        assert (cluster.atoms.numbers[operation] == cluster.atoms.numbers).all()


def test_shells_of_copper():
    cluster = cut_cluster(bulk("Cu", "fcc", a=3.61), 0, 7.0)
    shells = find_shells(cluster, 5.2)
    nearest = 3.61 / np.sqrt(2)
    assert [len(shell.members) for shell in shells] == [12, 6, 24, 12]
    known = nearest * np.sqrt([1, 2, 3, 4])
    assert np.allclose([shell.distance for shell in shells], known)
    assert shells[0].label == "12 Cu 2.55"


def test_shells_part_elements_and_distances():
    atoms = Atoms("CuOONO", [[0, 0, 0], [2.0, 0, 0], [0, 2.05, 0], [0, 0, 2.02], [0, -2.3, 0]])
    labels = [shell.label for shell in find_shells(cut_cluster(atoms, 0, 5.0), 4.0)]
    assert labels == ["1 N 2.02", "2 O 2.02", "1 O 2.30"]
