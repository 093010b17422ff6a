"""Attention with the absorber as query against its formula, slot by slot."""

import pytest
import torch

from src.model.neighbor_lists import EdgeFeatures
from src.model.pooling import AbsorberAttention, bond_invariants

pytestmark = pytest.mark.usefixtures("float64")
CHANNELS, LMAX, SLOTS = 8, 2, 5


def inputs(seed=0):
    """Attention, scalars, neighbor features, radial basis, harmonics and envelope."""
    torch.manual_seed(seed)
    attention = AbsorberAttention(LMAX, CHANNELS, num_radial=4, num_heads=2)
    torch.nn.init.normal_(attention.null_key)
    tensors = (
        torch.randn(3, CHANNELS),
        torch.randn(3, SLOTS, 9, CHANNELS),
        torch.randn(3, SLOTS, 4),
        torch.randn(3, SLOTS, 9),
        torch.rand(3, SLOTS),
    )
    return attention, tensors


def attend(attention, scalars, feats, radial, sh, envelope):
    """Context of the absorbers."""
    bonds = bond_invariants(feats, sh, LMAX)
    return attention(scalars, bonds, EdgeFeatures(None, None, radial, sh, envelope))


def test_context_is_the_weighted_mean_of_values():
    """The docstring's formula, one absorber, one head and one neighbor after the other."""
    attention, (scalars, feats, radial, sh, envelope) = inputs()
    context = attend(attention, scalars, feats, radial, sh, envelope)
    bonds = torch.cat(
        [bond_invariants(feats, sh, LMAX), attention.radial_mlp(radial, envelope)], dim=-1
    )
    key_value = attention.key_value(bonds)
    for n in range(3):
        query = attention.query(scalars[n])
        for h in range(2):
            part = slice(4 * h, 4 * h + 4)
            null = torch.exp(query[part] @ attention.null_key[h] / 2.0)
            weights = [
                envelope[n, j] * torch.exp(query[part] @ key_value[n, j, :CHANNELS][part] / 2.0)
                for j in range(SLOTS)
            ]
            total = null + sum(weights)
            expected = sum(
                w / total * key_value[n, j, CHANNELS:][part] for j, w in enumerate(weights)
            )
            torch.testing.assert_close(context[n, part], expected, rtol=1e-10, atol=1e-12)


def test_neighbor_with_zero_envelope_does_not_count_and_others_do():
    attention, (scalars, feats, radial, sh, envelope) = inputs()
    envelope[:, 2] = 0.0
    before = attend(attention, scalars, feats, radial, sh, envelope)
    for slot, counts in ((2, False), (3, True)):
        changed = feats.clone()
        changed[:, slot] = torch.randn(3, 9, CHANNELS)
        after = attend(attention, scalars, changed, radial, sh, envelope)
        assert ((after - before).abs().max() > 1e-6) == counts


def test_no_neighbors_give_zero_context():
    attention, (scalars, feats, radial, sh, envelope) = inputs()
    none = [t[:, :0] for t in (feats, radial, sh, envelope)]
    feats, *edges = none
    assert (attend(attention, scalars, feats, *edges) == 0).all()


def test_bond_invariants_are_dot_products_degree_by_degree():
    _, (_, feats, _, sh, _) = inputs()
    found = bond_invariants(feats, sh, LMAX)
    vector = torch.einsum("njmc,njm->njc", feats[:, :, 1:4], sh[:, :, 1:4]) / 3**0.5
    torch.testing.assert_close(found[..., CHANNELS : 2 * CHANNELS], vector)
    assert found.shape == (3, SLOTS, 3 * CHANNELS)


@pytest.mark.parametrize("size", [1.0, 300.0])
def test_an_empty_slot_with_the_largest_logit_changes_nothing(size):
    """Its logit must not decide the shift, or all other exponentials underflow to 0 / 0."""
    attention, (scalars, feats, radial, sh, envelope) = inputs()
    envelope[:, -1] = 0.0
    wanted = attend(attention, size * scalars, *(x[:, :-1] for x in (feats, radial, sh, envelope)))
    for sign in (-1.0, 1.0):
        feats[:, -1] = sign * 1000.0
        found = attend(attention, size * scalars, feats, radial, sh, envelope)
        torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)
        (gradient,) = torch.autograd.grad(found.square().sum(), attention.null_key)
        assert bool(torch.isfinite(gradient).all())
