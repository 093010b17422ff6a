"""Synthetic spectra against their formula, and the checks that are built on them."""

import subprocess
import sys

import numpy as np
import pytest
from ase import Atoms
from e3nn import o3
from paths import ROOT

import verify_model
from src.synthetic import (
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
    count = np.array([s.num_neighbors for s in sites])
    errors = []
    for k in range(300):
        best = order[count == count[k]].mean()
        errors.append((ANGULAR_HEIGHT * (order[k] - best) * angular_profile(ENERGY)) ** 2)
    assert angular_floor(sites, ENERGY) == pytest.approx(np.mean(errors))
    assert angular_floor(sites, ENERGY) > 1e-4


def test_distances_tell_nothing_about_angles():
    """Correlation of T with the mean distance: |r| < 4 / sqrt(n) for independent numbers."""
    sites = make_sites(2000, seed=1)
    six = [s for s in sites if s.num_neighbors == 6]
    mean = [np.linalg.norm(s.atoms.positions[1:], axis=1).mean() for s in six]
    r = np.corrcoef(mean, [s.angular for s in six])[0, 1]
    assert abs(r) < 4 / len(six) ** 0.5


def test_sites_depend_on_the_seed_alone():
    a, b, c = (make_sites(3, seed=s) for s in (5, 5, 6))
    for x, y in zip(a, b, strict=True):
        assert np.array_equal(x.atoms.positions, y.atoms.positions)
    assert not np.array_equal(a[0].atoms.positions, c[0].atoms.positions)


def test_blind_network_sees_distances_alone():
    """Turning one neighbour about the absorber leaves its output; the other network notices."""
    site = make_sites(1, seed=3)[0]
    bent = site.atoms.copy()
    bent.positions[1] = o3.rand_matrix().numpy() @ bent.positions[1]
    graphs = to_graphs([site, SyntheticSite(bent, 0.0)], ENERGY)
    for layers, lmax, notices in ((1, 0, False), (2, 2, True)):
        a, b = verify_model.predict(verify_model.make_network(layers, lmax).eval(), graphs)
        assert (float((a - b).abs().max()) > 1e-4) == notices


def test_verification_fails_when_nothing_was_learned(tmp_path, capsys):
    assert verify_model.verify(epochs=1, folder=tmp_path, n_train=40, n_val=20) is False
    assert "FAILED" in capsys.readouterr().out
    assert (tmp_path / "best_model.pt").is_file()
    assert (tmp_path / "verify_model.png").stat().st_size > 10_000


@pytest.mark.parametrize("options", [["--epochs", "0"], ["--epochs", "x"], ["--output", "nowhere"]])
def test_wrong_options_exit_2(options):
    with pytest.raises(SystemExit) as stop:
        verify_model.main(options)
    assert stop.value.code == 2


@pytest.mark.slow
def test_verification_passes_as_a_new_user_runs_it(tmp_path):
    done = subprocess.run(
        [sys.executable, ROOT / "verify_model.py"], cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout.decode()
    assert (tmp_path / "best_model.pt").is_file()
