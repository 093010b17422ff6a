"""The propagator against e3nn's slow, independent tensor product."""

import math

import pytest
import torch
from e3nn import o3

from src.model.convolution import Propagator, coupling_paths

pytestmark = pytest.mark.usefixtures("float64")
CHANNELS = 6


def irreps(lmax, channels=1):
    """Irreps of a feature array, channels of every degree."""
    return o3.Irreps([(channels, (l, (-1) ** l)) for l in range(lmax + 1)])


def to_e3nn(feats, lmax):
    """(n, components, channels) to e3nn's channel-major layout, degree by degree."""
    parts = [feats[:, l**2 : (l + 1) ** 2].transpose(1, 2).flatten(1) for l in range(lmax + 1)]
    return torch.cat(parts, dim=1)


def from_e3nn(feats, lmax, channels):
    """Inverse of ``to_e3nn``."""
    parts, start = [], 0
    for l in range(lmax + 1):
        size = channels * (2 * l + 1)
        part = feats[:, start : start + size].view(-1, channels, 2 * l + 1)
        parts.append(part.transpose(1, 2))
        start += size
    return torch.cat(parts, dim=1)


def slow_messages(propagator, lmax_in, lmax, source_feats, radial, edge_vec):
    """Sum over slots of one fully connected tensor product an edge, weights of its own each.

    e3nn orders the instructions by loops of its own; "none" normalisation leaves the bare Wigner
    3j symbols, so sqrt(2 l3 + 1) goes into the weights.
    """
    channels = source_feats.shape[-1]
    product = o3.FullyConnectedTensorProduct(
        irreps(lmax_in, channels),
        irreps(lmax),
        irreps(lmax, channels),
        irrep_normalization="none",
        path_normalization="none",
        shared_weights=False,
        internal_weights=False,
    )
    paths = coupling_paths(lmax_in, lmax)
    n_targets, n_slots = radial.shape[:2]
    total = 0.0
    for slot in range(n_slots):
        weights = []
        for instruction in product.instructions:
            l1, l2, l3 = instruction.i_in1, instruction.i_in2, instruction.i_out
            ending = [path for path in paths if path[2] == l3]
            block = ending.index((l1, l2, l3)) * channels
            mixing = propagator.path_weight[l3][block : block + channels]
            filters = radial[:, slot] @ propagator.radial_weight[:, l2, l1]
            weight = math.sqrt(2 * l3 + 1) * filters.unsqueeze(2) * mixing
            weights.append(weight.flatten(1))
        harmonics = o3.spherical_harmonics(
            irreps(lmax), edge_vec[:, slot], normalize=True, normalization="component"
        )
        feats = to_e3nn(source_feats[:, slot], lmax_in)
        total = total + product(feats, harmonics, torch.cat(weights, dim=1))
    return from_e3nn(total, lmax, channels)


def propagator_inputs(lmax_in, lmax, seed=0):
    """A propagator with features, radial functions and vectors of three targets, five slots."""
    torch.manual_seed(seed)
    propagator = Propagator(lmax_in, lmax, CHANNELS, radial_rank=3)
    feats = torch.randn(3, 5, (lmax_in + 1) ** 2, CHANNELS, requires_grad=True)
    radial = torch.randn(3, 5, 3, requires_grad=True)
    vectors = torch.randn(3, 5, 3, requires_grad=True)
    return propagator, feats, radial, vectors


def fast_messages(propagator, lmax, feats, radial, vectors):
    """What the network computes."""
    harmonics = o3.spherical_harmonics(
        list(range(lmax + 1)), vectors, normalize=True, normalization="component"
    )
    n_targets, n_slots = radial.shape[:2]
    sources = torch.arange(n_targets * n_slots).view(n_targets, n_slots)
    return propagator(feats.flatten(0, 1), sources, [n_slots] * n_targets, radial, harmonics)


@pytest.mark.parametrize("lmax", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("from_scalars", [False, True])
def test_propagator_equals_fully_connected_tensor_product(lmax, from_scalars):
    lmax_in = 0 if from_scalars else lmax
    propagator, feats, radial, vectors = propagator_inputs(lmax_in, lmax)
    fast = fast_messages(propagator, lmax, feats, radial, vectors)
    slow = slow_messages(propagator, lmax_in, lmax, feats, radial, vectors)
    scale = slow.detach().abs().max()
    assert scale > 0.1
    assert (fast - slow).abs().max() < 1e-10 * scale
    probe = torch.randn_like(slow)
    wanted = [feats, radial, vectors, *propagator.parameters()]
    unused = {"allow_unused": True, "materialize_grads": True}  # vectors do not matter for lmax 0
    for a, b in zip(
        torch.autograd.grad((fast * probe).sum(), wanted, **unused),
        torch.autograd.grad((slow * probe).sum(), wanted, **unused),
        strict=True,
    ):
        assert (a - b).abs().max() <= 1e-10 * max(1.0, float(b.abs().max()))


def test_negative_control_one_wrong_coupling_weight_is_seen():
    propagator, feats, radial, vectors = propagator_inputs(2, 2)
    slow = slow_messages(propagator, 2, 2, feats, radial, vectors)
    with torch.no_grad():
        propagator.radial_weight[0, 2, 1, 0] += 1e-6
    fast = fast_messages(propagator, 2, feats, radial, vectors)
    assert (fast - slow).abs().max() > 1e-9
