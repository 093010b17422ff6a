"""Layers commute with rotations and reflections, in training mode too."""

import pytest
import torch
from e3nn import o3

from src.model.layers import EquivariantDropout, EquivariantLinear, EquivariantNorm, Gate
from src.model.spherical_harmonics import degree_of_component

pytestmark = pytest.mark.usefixtures("float64")
CHANNELS = 6


def irreps(lmax, channels=1):
    """Irreps of a feature array, channels of every degree."""
    return o3.Irreps([(channels, (l, (-1) ** l)) for l in range(lmax + 1)])


def rotate(feats, matrix, lmax):
    """Apply an orthogonal matrix to features."""
    return torch.einsum("ab,nbc->nac", irreps(lmax).D_from_matrix(matrix), feats)


LAYERS = {
    "linear": lambda lmax: EquivariantLinear(lmax, CHANNELS),
    "gate": lambda lmax: Gate(lmax, CHANNELS),
    "norm": lambda lmax: EquivariantNorm(lmax, CHANNELS),
    "dropout": lambda lmax: EquivariantDropout(lmax, 0.4),
}


@pytest.mark.parametrize("lmax", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("name", sorted(LAYERS))
@pytest.mark.parametrize("improper", [False, True])
def test_layer_commutes_with_rotation_and_reflection_in_training_mode(name, lmax, improper):
    torch.manual_seed(1)
    layer = LAYERS[name](lmax).train()
    matrix = o3.rand_matrix() * (-1 if improper else 1)
    feats = torch.randn(4, (lmax + 1) ** 2, CHANNELS)
    torch.manual_seed(2)
    rotated_after = rotate(layer(feats), matrix, lmax)
    torch.manual_seed(2)
    rotated_before = layer(rotate(feats, matrix, lmax))
    assert (rotated_after - rotated_before).abs().max() < 1e-9


def test_negative_control_plain_dropout_breaks_rotation():
    torch.manual_seed(1)
    layer = torch.nn.Dropout(0.4).train()
    matrix = o3.rand_matrix()
    feats = torch.randn(4, 9, CHANNELS)
    torch.manual_seed(2)
    after = rotate(layer(feats), matrix, 2)
    torch.manual_seed(2)
    before = layer(rotate(feats, matrix, 2))
    assert (after - before).abs().max() > 1e-2


def test_dropout_keeps_or_drops_whole_irreps_and_the_mean():
    torch.manual_seed(0)
    feats = torch.ones(4000, 9, 2)
    out = EquivariantDropout(2, 0.25).train()(feats)
    degree = degree_of_component(2)
    for l in range(3):
        block = out[:, degree == l]
        assert (block == block[:, :1]).all()
    assert set(out.unique().tolist()) == {0.0, 1.0 / 0.75}
    # standard error of the mean of 24,000 draws is 0.004
    assert out.mean() == pytest.approx(1.0, abs=0.02)


def test_norm_does_not_blow_up_features_that_symmetry_makes_vanish():
    feats = torch.randn(2, 9, CHANNELS)
    feats[:, 1:] *= 1e-13
    out = EquivariantNorm(2, CHANNELS)(feats)
    assert out[:, 1:].abs().max() < 1e-11
    alone = feats[:, 1:4] / feats[:, 1:4].square().mean((1, 2), keepdim=True).sqrt()
    assert alone.abs().max() > 0.5  # negative control: a norm of its own for l = 1


def test_norm_gives_unit_root_mean_square_to_large_features():
    feats = 100 * torch.randn(5, 9, CHANNELS)
    out = EquivariantNorm(2, CHANNELS)(feats)
    degree = degree_of_component(2)
    share = 1.0 / (2 * degree + 1.0)
    mean_square = (out.square() * share.view(1, -1, 1)).sum((1, 2)) / (3 * CHANNELS)
    torch.testing.assert_close(mean_square, torch.ones(5), rtol=1e-4, atol=0)
