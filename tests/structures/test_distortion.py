"""Distorted structures, against distances worked out independently by ASE."""

import numpy as np
import pytest
from ase.build import bulk, molecule
from paths import ROOT

from src.errors import StructureError
from src.structures.distortion import Distortion, distort, surroundings
from src.structures.files import named_structures

OXIDE = named_structures(ROOT / "docs" / "examples" / "copper" / "CuO.vasp")[0][1]
SITE = 4
"""A copper atom of it."""


def nearest(atoms, site, count):
    """Distances of the nearest atoms to a site, in a supercell that is large enough."""
    large = atoms * (3, 3, 3) if atoms.pbc.any() else atoms
    site += 13 * len(atoms) if atoms.pbc.any() else 0  # the cell in the middle
    return np.sort(large.get_distances(site, range(len(large))))[1 : count + 1]


def test_isotropic_strain_scales_every_distance():
    strained = distort(OXIDE, Distortion(isotropic=2.0))
    assert nearest(strained, SITE, 12) == pytest.approx(1.02 * nearest(OXIDE, SITE, 12))
    water = molecule("H2O")
    strained = distort(water, Distortion(isotropic=-1.0))
    assert nearest(strained, 0, 2) == pytest.approx(0.99 * nearest(water, 0, 2))


def test_uniaxial_strain_changes_one_lattice_vector():
    strained = distort(OXIDE, Distortion(uniaxial=3.0, along=1))
    assert strained.cell.lengths() / OXIDE.cell.lengths() == pytest.approx([1, 1.03, 1])
    assert strained.cell.angles() == pytest.approx(OXIDE.cell.angles())
    assert strained.get_scaled_positions() == pytest.approx(OXIDE.get_scaled_positions())


@pytest.mark.parametrize("which", [0, 1, 2])
def test_only_the_distances_of_the_moved_shell_change(which):
    cluster, shells = surroundings(OXIDE, SITE)
    shell = shells[which]
    moved = distort(OXIDE, Distortion(moved=shell.members, shift=0.1), SITE)
    after = surroundings(moved, SITE)[0]
    expected = cluster.distance.copy()
    expected[list(shell.members)] += 0.1
    near = np.sort(expected)[: len(expected) - 8]
    assert after.distance[: len(near)] == pytest.approx(near, abs=1e-6)


def test_neighbor_that_is_an_image_of_the_site_moves_alone():
    copper = bulk("Cu")  # one atom, whose neighbors are all its images
    moved = distort(copper, Distortion(moved=(1,), shift=-0.2), 0)
    bond = copper.cell.lengths()[0]
    assert surroundings(moved, 0)[0].distance[1:13] == pytest.approx([bond - 0.2, *11 * [bond]])


def test_neighbors_without_a_site_or_that_are_not_there_are_refused():
    with pytest.raises(StructureError, match="choose a site"):
        distort(OXIDE, Distortion(moved=(1,), shift=0.1))
    with pytest.raises(StructureError, match="no neighbors"):
        distort(OXIDE, Distortion(moved=(10_000,), shift=0.1), SITE)
