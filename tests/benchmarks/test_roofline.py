"""What is counted, and to which part time is put down."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import roofline
from benchmarks.counts import coupling_counts, step_work
from benchmarks.crystals import RELATIVE_GRID, load_graphs, make_batches
from benchmarks.labels import BACKWARD, part, profile_parts
from benchmarks.timing import Options, quickly


@pytest.fixture(scope="module")
def batch():
    """Two crystals of the slice."""
    return make_batches(load_graphs(None, 2), 1000)[0]


def test_coupling_paths_and_coefficients_of_low_degrees():
    """L = 0: one. l <= 1: 00-0, 01-1, 10-1 (3 coefficients each), 11-0 (3)."""
    assert coupling_counts(0, 0) == (1, 1, 1)
    assert coupling_counts(1, 1) == (4, 8, 10)


def test_formulas_count_no_more_than_torch_in_matrix_products(batch):
    """Padding and dense Clebsch-Gordan coefficients make the implementation's number larger."""
    step = roofline.Step(batch)
    with FlopCounterMode(display=False) as counter:
        step()
    pieces = step_work(step.model, batch, len(RELATIVE_GRID))
    counted = sum(piece.forward_operations + piece.backward_operations for piece in pieces)
    assert 0.4 < counted / counter.get_total_flops() < 1.2


class Exponential(torch.nn.Module):
    """One operation that is not a matrix product."""

    def forward(self, x):
        return x.exp()


class TwoParts(torch.nn.Module):
    """One part multiplies matrices, the other takes exponentials."""

    def __init__(self):  # noqa: D107
        super().__init__()
        self.products, self.exponentials = torch.nn.Linear(30, 30), Exponential()

    def forward(self, x):
        return self.exponentials(self.products(x)) * 2.0


def test_operations_and_their_gradients_go_to_their_parts():
    model, x = TwoParts(), torch.rand(20, 30)

    def step():
        with part("loss"):
            loss = model(x).sum()
        with part(BACKWARD):
            loss.backward()

    timed = {key for key, seconds in profile_parts(model, step, repeats=1).items() if seconds > 0}
    assert ("products", "forward", "aten::linear") in timed
    assert ("products", "backward", "AddmmBackward0") in timed
    assert ("exponentials", "backward", "ExpBackward0") in timed
    assert ("network", "backward", "MulBackward0") in timed
    assert ("loss", "backward", "SumBackward0") in timed
    assert not any(name == "AddmmBackward0" and where != "products" for where, _, name in timed)


def test_quick_run_gives_parts_that_add_up_and_a_table(tmp_path, monkeypatch):
    monkeypatch.setattr(roofline, "peak_rates", lambda: (1e11, 1e10))  # measuring takes seconds
    options = quickly(Options(output=tmp_path))
    before = torch.get_num_threads()
    result = roofline.measure(options)
    torch.set_num_threads(before)
    (run,) = result["runs"]
    names = {row["part"] for row in run["parts"]}
    assert names > {"layers", "attention", "readout", "optimizer", "loss"}
    assert all(row["forward"] + row["backward"] > 0 for row in run["parts"])
    assert sum(row["roofline"] for row in run["parts"]) == pytest.approx(run["roofline"])
    assert 0 < run["roofline fused"] <= run["roofline"]
    assert "attention" in roofline.table(result)
    roofline.picture(result, tmp_path / "roofline.png")
    assert (tmp_path / "roofline.png").stat().st_size > 1000
