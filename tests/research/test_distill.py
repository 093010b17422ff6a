"""Structures for the teacher, files of labels, and a student that learns them."""

import numpy as np
import pytest
import torch
from ase.build import bulk
from ase.data import covalent_radii

from research.distill import Student, label_graphs, pretrain
from research.teacher import (
    N_TARGETS,
    NONMETALS,
    Labeled,
    perturb,
    read_labels,
    structures_to_label,
    substitute,
    write_labels,
)
from src import XANES_E3GNN


@pytest.fixture
def salt():
    return bulk("CuO", "rocksalt", a=4.2, cubic=True)


def test_substitution_replaces_like_by_like_and_scales_the_cell(salt):
    rng = np.random.default_rng(0)
    for _ in range(50):
        changed = substitute(salt, rng, absorber=29)
        assert (changed.numbers != salt.numbers).any()
        for old, new in zip(salt.numbers, changed.numbers, strict=True):
            assert (old in NONMETALS) == (new in NONMETALS)
        ratio = covalent_radii[changed.numbers].mean() / covalent_radii[salt.numbers].mean()
        assert changed.get_volume() == pytest.approx(salt.get_volume() * ratio**3)
        fractional = changed.get_scaled_positions() - salt.get_scaled_positions()
        assert np.abs(fractional).max() < 1e-10


def test_perturbation_moves_atoms_by_the_amount_asked_for(salt):
    large = salt * 5
    moved = perturb(large, np.random.default_rng(0), displacement=0.03, strain=0.0)
    assert (moved.positions - large.positions).std() == pytest.approx(0.03, rel=0.05)
    strained = perturb(large, np.random.default_rng(0), displacement=0.0, strain=0.02)
    assert np.abs(strained.cell.array - large.cell.array).max() > 0.01


def test_all_kinds_of_structures_are_labeled_and_the_seed_fixes_them(salt):
    first, again = (list(structures_to_label([salt], 3, 29, seed=1)) for _ in range(2))
    assert len(first) == 1 + 1 + 3
    assert all((a.positions == b.positions).all() for a, b in zip(first, again, strict=True))
    other = list(structures_to_label([salt], 3, 29, seed=2))
    assert any((a.positions != b.positions).any() for a, b in zip(first, other, strict=True))


def labels(structures, seed=0):
    """Targets that depend on the element and the number of close neighbours."""
    table = np.random.default_rng(seed).normal(size=(100, N_TARGETS))
    return [Labeled(atoms, table[atoms.numbers]) for atoms in structures]


def test_labels_come_back_from_their_file(tmp_path, salt):
    written = labels(structures_to_label([salt], 3, 29, seed=1))
    write_labels(tmp_path / "labels.npz", written)
    for before, after in zip(written, read_labels(tmp_path / "labels.npz"), strict=True):
        assert (before.atoms.numbers == after.atoms.numbers).all()
        np.testing.assert_allclose(before.atoms.positions, after.atoms.positions)
        np.testing.assert_allclose(before.targets, after.targets, atol=1e-6)


def test_student_learns_the_labels(salt):
    """R2 rises; random labels can't be learned."""
    torch.manual_seed(0)
    items = labels(structures_to_label([salt, bulk("Cu", cubic=True)] * 10, 0, 29, seed=1))
    rng = np.random.default_rng(0)
    random = [Labeled(i.atoms, rng.normal(size=i.targets.shape)) for i in items]
    results = {}
    for name, data in (("real", items), ("random", random)):
        student = Student(XANES_E3GNN(num_layers=2, lmax=1, channels=16, r_max=3.0))
        reports = pretrain(student, label_graphs(data, 3.0), epochs=20)
        results[name] = np.mean(reports[-1].r2), reports[0].loss / reports[-1].loss
    assert results["real"][0] > 0.9
    assert results["real"][1] > 3
    assert results["random"][0] < 0.1  # negative control
