"""Two processes train as one does: the same gradients, batches, figures and failures."""

import pytest
import team
import torch

from src import run_training
from src.dataset.loader import share_out
from src.errors import ConfigError, PeerError
from src.runtime.distributed import Team, choose_device, processes
from src.runtime.torchrun import check_alone

TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-12}
"""Relative difference of gradients that rounding in another order of sums explains."""


def assert_close(found, wanted):
    """Weights that are equal up to rounding in float64, which AdamW's division enlarges."""
    for key, weight in wanted.items():
        assert (found[key] - weight).abs().max() < 1e-9, key


def far(found, wanted):
    """Relative distance of two vectors."""
    return float((found - wanted).norm() / wanted.norm())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", list(team.BATCHES))
def test_gradient_of_two_processes_is_that_of_one(pair, name, dtype):
    wanted, terms = team.single_gradient(dtype, team.BATCHES[name])
    found = [torch.load(pair / f"{name} {dtype} {rank}") for rank in range(2)]
    assert sorted(found[0]["part"] + found[1]["part"]) == team.BATCHES[name]
    for part in found:
        assert far(part["gradient"], wanted) < TOLERANCE[dtype]
        assert far(part["terms"], terms) < TOLERANCE[dtype]
    assert torch.equal(found[0]["gradient"], found[1]["gradient"])
    if name == "one graph":
        assert not found[1]["part"]


@pytest.mark.parametrize("name", list(team.BATCHES))
def test_negative_control_the_plain_mean_of_processes_is_another_gradient(pair, name):
    wanted, _ = team.single_gradient(torch.float64, team.BATCHES[name])
    found = torch.load(pair / f"{name} {torch.float64} 0")
    assert far(found["plain mean"], wanted) > 1e-2


def test_training_of_two_processes_follows_that_of_one(pair):
    one = torch.load(pair / "one")
    for rank in range(2):
        two = torch.load(pair / f"two {rank}")
        for a, b in zip(one["rows"], two["rows"], strict=True):
            assert {**b, "seconds": 0} == pytest.approx({**a, "seconds": 0}, rel=1e-9)
        assert_close(two["weights"], one["weights"])


def test_each_process_reads_its_part_of_every_batch_alone(pair):
    train, _ = team.data_sets()
    for rank in range(2):
        wanted = []
        for epoch in range(2):
            batches, num_edges = team.epoch_batches(train, epoch)
            wanted += [n for batch in batches for n in share_out(batch, num_edges, 2)[rank]]
        read = torch.load(pair / f"two {rank}")["read"]
        assert len(wanted) < 2 * len(train)
        assert read[len(train) :] == wanted  # before: the statistics, in one pass


def test_training_goes_on_with_another_number_of_processes(pair):
    whole = torch.load(pair / "whole weights")
    for rank in range(2):
        assert_close(torch.load(pair / f"from one {rank}"), whole)
    resumed = team.network(torch.float64)
    changes = team.settings(pair, "two", resume=True)
    run_training(resumed, *team.data_sets(), changes)
    assert_close(resumed.state_dict(), torch.load(pair / "two 0")["weights"])


def test_a_failure_of_one_process_ends_all_and_is_told_once(pair):
    assert torch.load(pair / "failed 0")[0] == "PeerError"
    assert torch.load(pair / "failed 1") == ("XanesError", "the disk is full of sand")


def test_a_loss_that_is_not_finite_is_seen_by_all(pair):
    first, second = (torch.load(pair / f"diverged {rank}") for rank in range(2))
    assert first == second
    assert first[0] == "LossError"
    assert "lower `lr`" in first[1]


def test_parts_of_a_batch_are_balanced_and_complete():
    num_edges = [100, 10, 10, 10, 70, 0, 0]
    parts = share_out([0, 1, 2, 3, 4, 5, 6], num_edges, 2)
    assert sorted(parts[0] + parts[1]) == list(range(7))
    assert {sum(num_edges[k] for k in part) for part in parts} == {100}
    assert share_out([3, 1, 2], num_edges, 1) == [[3, 1, 2]]
    assert [len(part) for part in share_out([4], num_edges, 3)] == [1, 0, 0]


def test_without_torchrun_a_process_is_alone(monkeypatch):
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    with processes("cpu") as alone:
        assert alone == Team()
    check_alone("anything")


def test_variables_and_devices_that_do_not_fit_are_named(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("RANK", raising=False)
    with (
        pytest.raises(ConfigError, match=r"WORLD_SIZE is 2, but RANK,.*torchrun"),
        processes("cpu"),
    ):
        pass
    for name in ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.setenv(name, "1")
    with pytest.raises(PeerError):
        check_alone("this")
    monkeypatch.setenv("RANK", "0")
    with pytest.raises(ConfigError, match="this is for one process"):
        check_alone("this")
    for wrong in ("gpu", "meta"):
        with pytest.raises(ConfigError, match="expected auto, cpu"):
            choose_device(wrong)
    with pytest.raises(ConfigError, match="needs GPU"):
        choose_device(f"cuda:{torch.cuda.device_count()}")
