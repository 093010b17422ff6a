"""Distance to the training sites against SciPy, and features that symmetry leaves alone."""

from threading import Thread

import numpy as np
import pytest
import torch
from conftest import random_molecule
from e3nn import o3
from scipy.spatial.distance import cdist

from src.errors import CheckpointError
from src.model.ensemble import XANESEnsemble
from src.model.gnn import XANES_E3GNN
from src.uncertainty.novelty import (
    COMPONENTS,
    MOST_SITES,
    SHRINKAGE,
    Novelty,
    readout_features,
    sample_sites,
)


def clouds(n_features=6):
    """Training sites in an elongated cloud, and sites near and far."""
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(n_features, n_features)) * np.geomspace(10.0, 0.1, n_features)
    return (rng.normal(size=(40, n_features)) + 3.0) @ mixing, rng.normal(size=(9, 6)) @ mixing


def test_distance_is_mahalanobis_to_the_nearest_site():
    train, sites = clouds()
    covariance = np.cov(train.T)
    shrunk = (1 - SHRINKAGE) * covariance + SHRINKAGE * np.trace(covariance) / 6 * np.eye(6)
    expected = cdist(sites, train, "mahalanobis", VI=np.linalg.inv(shrunk)).min(axis=1)
    novelty = Novelty.fit(train)
    assert novelty.distance(sites) == pytest.approx(expected, rel=5e-3)  # sites kept in 16 bits
    assert novelty.distance(train).max() < 0.01
    ratio = cdist(sites, train).min(axis=1) / expected
    assert np.ptp(ratio) > 0.2 * ratio.mean()  # negative control: Euclid's distance is another
    with pytest.raises(CheckpointError, match="knows 6 features, the network has 5"):
        novelty.distance(np.zeros((1, 5)))


def test_size_is_bounded():
    rng = np.random.default_rng(1)
    novelty = Novelty.fit(rng.normal(size=(300, 100)))
    assert novelty.sites.shape == (300, COMPONENTS)
    assert novelty.sites.dtype == np.float16
    ids = [f"mp-{k}_000" for k in range(MOST_SITES + 100)]
    chosen = sample_sites(ids)
    assert len(set(chosen)) == MOST_SITES
    assert chosen == sorted(chosen, key=ids.index)
    assert sample_sites(ids) == chosen
    assert sample_sites(ids, seed=1) != chosen
    assert sample_sites(ids[:5]) == ids[:5]


def features_of(model, graph):
    """Features of a graph's absorbers."""
    with torch.inference_mode(), readout_features(model) as found:
        model(graph)
    return torch.cat(found)


def test_features_of_another_threads_prediction_are_left_out():
    model, graph = XANES_E3GNN(num_layers=2, channels=8).double().eval(), random_molecule()
    with torch.inference_mode(), readout_features(model) as found:
        other = Thread(target=model, args=(graph,))
        other.start()
        other.join()
        assert found == []
        model(graph)
    assert len(torch.cat(found)) == 2  # negative control


def test_features_do_not_turn_and_are_the_first_members():
    torch.manual_seed(0)
    members = [XANES_E3GNN(num_layers=2, channels=8, num_basis=8).double().eval() for _ in "ab"]
    graph, turned = random_molecule(), random_molecule()
    turned.pos = graph.pos @ o3.rand_matrix().double().T
    here = features_of(members[0], graph)
    assert here.shape == (2, (2 + 2) * 8)
    assert here.std(dim=1).min() > 1e-3
    assert torch.allclose(here, features_of(members[0], turned), atol=1e-9)
    moved = random_molecule()
    moved.pos[2] += 0.3  # negative control: another structure has other features
    assert not torch.allclose(here, features_of(members[0], moved), atol=1e-3)
    assert torch.equal(features_of(XANESEnsemble(members), graph), here)
    assert not members[0].readout._forward_pre_hooks  # nothing is left behind
