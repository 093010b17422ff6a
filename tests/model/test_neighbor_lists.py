"""Receptive fields and padded neighbor lists against loops."""

import pytest
import torch

from src.model.neighbor_lists import gather_rows, pad_edges, plan_messages, receptive_fields


def random_edges(n_atoms=12, n_edges=40, seed=0):
    """Random directed edges, some atoms without any."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, n_atoms - 2, (2, n_edges), generator=generator)


def test_padded_lists_hold_every_edge_of_an_atom_once():
    edges = random_edges()
    atoms = torch.tensor([0, 3, 7, 11])
    listed, mask = pad_edges(edges[1], atoms, 12)
    for row, atom in enumerate(atoms.tolist()):
        assert sorted(listed[row][mask[row]].tolist()) == [
            e for e in range(40) if edges[1, e] == atom
        ]
    assert not mask[3].any()


def test_no_edges_at_all():
    listed, mask = pad_edges(torch.empty(0, dtype=torch.long), torch.arange(3), 3)
    assert listed.shape == mask.shape == (3, 0)


@pytest.mark.parametrize("num_layers", [1, 2, 3])
def test_receptive_field_is_reached_by_walking_edges_backwards(num_layers):
    edges = random_edges(n_atoms=30, n_edges=45)
    absorbers = torch.zeros(30, dtype=torch.bool)
    absorbers[[2, 5]] = True
    fields = receptive_fields(edges, absorbers, num_layers)
    assert len(fields) == num_layers + 1
    reached = {2, 5}
    for field in reversed(fields):
        assert set(field.nonzero().squeeze(1).tolist()) == reached
        reached |= {int(s) for s, t in edges.T.tolist() if t in reached}


def test_layers_read_the_rows_their_predecessor_wrote():
    edges = random_edges(n_atoms=30, n_edges=60, seed=3)
    absorbers = torch.zeros(30, dtype=torch.bool)
    absorbers[[1, 4]] = True
    atoms, _, padding_mask, layers = plan_messages(edges, absorbers, 3)
    for layer in layers:
        updated = atoms[layer.targets]
        mask = padding_mask[layer.rows]
        listed = atoms[layer.sources]
        for row, atom in enumerate(updated.tolist()):
            expected = sorted(edges[0][edges[1] == atom].tolist())
            assert sorted(listed[row][mask[row]].tolist()) == expected
        atoms = updated
    assert atoms.tolist() == [1, 4]


def test_gradient_of_gathered_rows_is_summed_in_order_on_several_threads():
    """To the last digit of float32, against a loop; another order gives other digits."""
    torch.manual_seed(0)
    rows = torch.randn(20, 130, requires_grad=True)
    index, weight = torch.randint(20, (50, 60)), torch.randn(50, 60, 130)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        gathered = gather_rows(rows, index)
        assert torch.equal(gathered, rows[index])
        gathered.backward(weight)
    finally:
        torch.set_num_threads(before)
    ordered, reverse = torch.zeros(20, 130), torch.zeros(20, 130)
    pairs = list(zip(index.flatten().tolist(), weight.flatten(0, 1), strict=True))
    for row, values in pairs:
        ordered[row] += values
    for row, values in pairs[::-1]:
        reverse[row] += values
    assert torch.equal(rows.grad, ordered)
    assert not torch.equal(rows.grad, reverse)  # negative control
