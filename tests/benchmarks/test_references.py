"""The networks we compare with are what they claim: invariant, local in the cell, trainable."""

import functools

import pytest
import torch
from conftest import random_crystal, random_molecule
from e3nn import o3

from benchmarks.references import ChannelwiseReference, FullyConnectedReference
from src import SpectrumLoss
from src.dataset.batch import collate_graphs

ENERGY = torch.linspace(-5.0, 30.0, 36, dtype=torch.float64)
SMALL = {
    "fully connected": lambda: FullyConnectedReference("8x0e+4x1o+2x2e", num_layers=2),
    "channel-wise": lambda: ChannelwiseReference(channels=8, num_layers=2),
}
pytestmark = pytest.mark.usefixtures("float64")


@functools.cache
def network(kind):
    """A small network of a kind, made once; in float64 if that is the default."""
    torch.manual_seed(0)
    return SMALL[kind]()


@pytest.fixture(params=SMALL)
def model(request):
    """A small network of each kind."""
    return network(request.param)


def turned(graph, matrix):
    """The graph in a rotated or mirrored frame."""
    copy = graph.clone()
    copy.pos, copy.edge_shift = graph.pos @ matrix.T, graph.edge_shift @ matrix.T
    return copy


def test_spectra_do_not_depend_on_the_frame(model, crystal):
    shear = torch.eye(3)
    shear[0, 1] = 0.05
    rotation = o3.rand_matrix()
    with torch.no_grad():
        mu = model.predict_spectra(crystal, ENERGY)
        rotated, mirrored, sheared = (
            (model.predict_spectra(turned(crystal, matrix), ENERGY) - mu).abs().max()
            for matrix in (rotation, -rotation, shear)
        )
    assert mu.shape == (2, len(ENERGY))
    assert max(rotated, mirrored) < 1e-9 * mu.abs().max()
    assert sheared > 1e-6 * mu.abs().max()  # negative control


def test_batch_equals_single_graphs(model):
    graphs = [random_crystal(), random_molecule()]
    with torch.no_grad():
        single = torch.cat([model.predict_spectra(graph, ENERGY) for graph in graphs])
        batched = model.predict_spectra(collate_graphs(graphs), ENERGY)
    assert (single - batched).abs().max() < 1e-9


def test_a_step_reaches_every_weight_and_lowers_the_loss(model, crystal):
    target, criterion = torch.rand(2, len(ENERGY)), SpectrumLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
    losses = []
    for _ in range(2):
        loss = criterion(model.predict_spectra(crystal, ENERGY), target, ENERGY).total
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[1] < losses[0]
    for name, weight in model.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.abs().max() > 0, name


def test_full_size_is_the_one_that_others_use():
    """64x0e + 32x1o + 16x2e needs 19,200 weights an edge; 64 channels a degree need 11 x 64."""
    connected = FullyConnectedReference(num_layers=2)
    assert [layer.product.weight_numel for layer in connected.layers] == [10240, 19200]
    channelwise = ChannelwiseReference(num_layers=2)
    assert [layer.product.weight_numel for layer in channelwise.layers] == [192, 704]
