"""Synthetic spectra against their formula."""

import numpy as np
import pytest
from ase import Atoms

from src.verification.synthetic import (
    ANGULAR_HEIGHT,
    HEIGHTS,
    SyntheticSite,
    angular_floor,
    angular_order,
    angular_profile,
    make_sites,
    spectrum,
    to_graphs,
)

ENERGY = np.arange(-10.0, 40.0, 0.5)


def test_angular_order_of_known_geometries():
    square = np.array([[1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0.0]])
    tetrahedron = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / 3**0.5
    # square: four right angles of P2 = -1/2 and two straight ones of 1; tetrahedron: cos = -1/3
    assert angular_order(square) == pytest.approx((4 * -0.5 + 2 * 1.0) / 4)
    assert angular_order(tetrahedron) == pytest.approx(6 * (1.5 / 9 - 0.5) / 4)


def test_bending_at_fixed_distances_changes_the_spectrum_by_the_known_term():
    def site(angle):
        directions = np.array([[1, 0, 0], [np.cos(angle), np.sin(angle), 0]])
        atoms = Atoms("CuOS", np.vstack([[0, 0, 0], directions * [[2.0], [2.3]]]))
        return SyntheticSite(atoms, angular_order(directions))

    a, b = spectrum(site(np.pi / 2), ENERGY), spectrum(site(np.pi), ENERGY)
    expected = ANGULAR_HEIGHT * (1.0 - -0.5) / 2 * angular_profile(ENERGY)
    assert b - a == pytest.approx(expected)


def test_two_body_term_is_a_gaussian_for_each_neighbour():
    near = SyntheticSite(Atoms("CuO", [[0, 0, 0], [2.2, 0, 0]]), 0.0)
    step = 0.5 + np.arctan(ENERGY / 1.5) / np.pi
    bump = HEIGHTS[8] * np.exp(-((ENERGY - 8.0) ** 2) / 8)
    assert spectrum(near, ENERGY) == pytest.approx(step + bump)


def test_floor_is_the_error_of_the_best_guess_from_the_number_of_neighbours():
    sites = make_sites(300, seed=0)
    order = np.array([s.angular for s in sites])
    count = np.array([(len(s.atoms) - 1) for s in sites])
    errors = []
    for k in range(300):
        best = order[count == count[k]].mean()
        errors.append((ANGULAR_HEIGHT * (order[k] - best) * angular_profile(ENERGY)) ** 2)
    assert angular_floor(sites, ENERGY) == pytest.approx(np.mean(errors))
    assert angular_floor(sites, ENERGY) > 1e-4


def test_distances_tell_nothing_about_angles():
    """Correlation of T with the mean distance: |r| < 4 / sqrt(n) for independent numbers."""
    sites = make_sites(2000, seed=1)
    six = [s for s in sites if (len(s.atoms) - 1) == 6]
    mean = [np.linalg.norm(s.atoms.positions[1:], axis=1).mean() for s in six]
    r = np.corrcoef(mean, [s.angular for s in six])[0, 1]
    assert abs(r) < 4 / len(six) ** 0.5


def test_sites_depend_on_the_seed_alone():
    a, b, c = (make_sites(3, seed=s) for s in (5, 5, 6))
    for x, y in zip(a, b, strict=True):
        assert x.atoms == y.atoms
    assert not np.array_equal(a[0].atoms.positions, c[0].atoms.positions)


def test_every_third_site_is_a_crystal_with_the_same_motif():
    """Distances through the cell's sides are those of the motif, so its formula holds there."""
    sites = make_sites(60, seed=7)
    assert [bool(s.atoms.pbc.all()) for s in sites] == [k % 3 == 2 for k in range(60)]
    split = 0
    for site in sites[2::3]:
        atoms = site.atoms
        vectors = atoms.get_distances(0, range(1, len(atoms)), mic=True, vector=True)
        distances = np.linalg.norm(vectors, axis=1)
        assert distances.min() >= 1.8 - 1e-9
        assert distances.max() <= 2.6 + 1e-9
        assert angular_order(vectors / distances[:, None]) == pytest.approx(site.angular)
        molecule = Atoms(atoms.numbers, np.vstack([np.zeros(3), vectors]))
        same = spectrum(SyntheticSite(molecule, site.angular), ENERGY)
        assert spectrum(site, ENERGY) == pytest.approx(same)
        split += np.abs(atoms.positions[1:] - atoms.positions[0] - vectors).max() > 0.1
    assert split > 5  # else wrapping was never needed


def test_absorber_reaches_its_neighbors_and_no_images():
    """Distances to images would tell a network that is blind to angles about them."""
    sites = make_sites(300, seed=8)
    for site, graph in zip(sites, to_graphs(sites, ENERGY), strict=True):
        assert int((graph.edge_index[1] == 0).sum()) == len(site.atoms) - 1


def test_targets_are_the_spectra():
    sites = make_sites(4, seed=9)
    for site, graph in zip(sites, to_graphs(sites, ENERGY), strict=True):
        assert graph.y.shape == (1, len(ENERGY))
        assert graph.y[0].numpy() == pytest.approx(spectrum(site, ENERGY), abs=1e-6)
