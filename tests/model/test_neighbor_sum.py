"""The blocked neighbor sum against its formula written out as plain tensor algebra."""

import pytest
import torch

from src.model import neighbor_sum as module
from src.model.neighbor_sum import blocks_of_atoms, neighbor_sum

N_ATOMS, CHANNELS, RANK = 7, 3, 4


def formula(source_feats, sources, radial, edge_sh, radial_weight):
    """B by one einsum over weights that are repeated for every component."""
    degree = torch.tensor([0, 1, 1, 1, 2, 2, 2, 2, 2, *[3] * 7, *[4] * 9])
    rows, columns = degree[: edge_sh.shape[2]], degree[: source_feats.shape[1]]
    weight = radial_weight[:, rows][:, :, columns]
    return torch.einsum("njk,nja,njbc,kabc->nabc", radial, edge_sh, source_feats[sources], weight)


def inputs(lmax_in, lmax, counts=(5, 0, 3, 6, 1), seed=0):
    """Random arguments with padding of zeros; some atoms are the neighbor of several."""
    generator = torch.Generator().manual_seed(seed)

    def random(*shape):
        return torch.randn(*shape, generator=generator)

    n_slots = max(counts)
    used = torch.arange(n_slots) < torch.tensor(counts).unsqueeze(1)
    sources = torch.randint(0, N_ATOMS, used.shape, generator=generator) * used
    return {
        "source_feats": random(N_ATOMS, (lmax_in + 1) ** 2, CHANNELS).requires_grad_(),
        "sources": sources,
        "radial": (random(*used.shape, RANK) * used.unsqueeze(-1)).requires_grad_(),
        "edge_sh": random(*used.shape, (lmax + 1) ** 2).requires_grad_(),
        "radial_weight": random(RANK, lmax + 1, lmax_in + 1, CHANNELS).requires_grad_(),
    }, list(counts)


@pytest.fixture(params=[1, 2000, 1 << 20])
def block_bytes(request, monkeypatch):
    """Blocks of one atom, of a few, and of all."""
    monkeypatch.setattr(module, "CPU_BLOCK_BYTES", request.param)


@pytest.mark.usefixtures("float64", "block_bytes")
@pytest.mark.parametrize(("lmax_in", "lmax"), [(0, 0), (0, 3), (1, 1), (2, 2), (4, 4)])
def test_equals_formula_in_value_and_every_gradient(lmax_in, lmax):
    values, counts = inputs(lmax_in, lmax)
    fast, slow = neighbor_sum(counts=counts, **values), formula(**values)
    assert (fast - slow).abs().max() < 1e-10 * slow.abs().max()
    probe = torch.randn_like(slow)
    wanted = [x for x in values.values() if x.requires_grad]
    used = (torch.arange(max(counts)) < torch.tensor(counts).unsqueeze(1)).unsqueeze(-1)
    for name, a, b in zip(
        [name for name, x in values.items() if x.requires_grad],
        torch.autograd.grad((fast * probe).sum(), wanted),
        torch.autograd.grad((slow * probe).sum(), wanted),
        strict=True,
    ):
        if name == "radial":  # the padding's gradient is arbitrary; the mask before it drops it
            a, b = a * used, b * used
        assert (a - b).abs().max() < 1e-10 * b.abs().max(), name


@pytest.mark.usefixtures("float64")
def test_gradients_that_are_not_wanted_change_nothing():
    values, counts = inputs(2, 2)
    values["edge_sh"] = values["edge_sh"].detach()
    probe = torch.randn(5, 9, 9, CHANNELS)
    (neighbor_sum(counts=counts, **values) * probe).sum().backward()
    plain, _ = inputs(2, 2)
    (formula(**plain) * probe).sum().backward()
    for name in ("source_feats", "radial_weight"):
        assert torch.allclose(values[name].grad, plain[name].grad, rtol=1e-10)


@pytest.mark.usefixtures("float64")
def test_negative_control_one_neighbor_too_few_is_seen():
    values, counts = inputs(2, 2)
    counts[3] -= 1  # the longest list
    assert (neighbor_sum(counts=counts, **values) - formula(**values)).abs().max() > 1e-3


@pytest.mark.usefixtures("float64")
def test_no_atoms_to_update():
    values, _ = inputs(1, 1)
    for name in ("sources", "radial", "edge_sh"):
        values[name] = values[name][:0]
    total = neighbor_sum(counts=[], **values)
    assert total.shape == (0, 4, 4, CHANNELS)
    total.sum().backward()


@pytest.mark.usefixtures("float64")
def test_no_neighbors_at_all_gives_zero_and_no_gradient():
    values, counts = inputs(1, 1, counts=(0, 0))
    total = neighbor_sum(counts=counts, **values)
    assert total.shape == (2, 4, 4, CHANNELS)
    assert not total.any()
    total.sum().backward()
    assert not values["radial_weight"].grad.any()


def test_autocast_rounds_products_by_less_than_a_percent_and_not_by_nothing():
    values, counts = inputs(2, 2)
    exact = neighbor_sum(counts=counts, **values)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = neighbor_sum(counts=counts, **values)
    assert rounded.dtype == torch.float32
    error = float((rounded - exact).detach().norm() / exact.detach().norm())
    assert 1e-4 < error < 1e-2  # bfloat16 keeps 8 bits


def test_blocks_hold_every_atom_once_and_their_widest_list(monkeypatch):
    monkeypatch.setattr(module, "CPU_BLOCK_BYTES", 100)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    counts = [3, 4, 1, 0, 30, 2, 2]
    blocks = blocks_of_atoms(counts, 10, "cpu")
    atoms = [atom for block, _ in blocks for atom in range(block.start, block.stop)]
    assert atoms == list(range(7))
    for block, width in blocks:
        assert width == max(counts[block])
        assert (block.stop - block.start) * width * 10 <= 100 or block.stop - block.start == 1
