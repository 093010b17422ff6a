"""The symmetry checks pass a good network and catch a broken one."""

import numpy as np
import pytest
import torch

import check_equivariance
from src.checkpoint import ModelInfo, save_model
from src.model.gnn import XANES_E3GNN
from src.symmetry import (
    ANY_MODE,
    EVALUATION_ONLY,
    break_equivariance,
    check_model,
    example_structures,
    random_rotation,
)


def network(lmax=2):
    """A small network."""
    torch.manual_seed(0)
    return XANES_E3GNN(num_layers=2, lmax=lmax, channels=8, num_basis=16, dropout=0.2)


def test_good_network_passes_every_check():
    found = list(check_model("good", network(), 29))
    assert all(d.passed for d in found)
    assert {d.check for d in found} == {*ANY_MODE, *EVALUATION_ONLY, "batch", "cutoff"}
    assert {d.mode for d in found} == {"training", "evaluation"}
    assert {d.dtype for d in found} == {torch.float32, torch.float64}


@pytest.mark.parametrize("lmax", [1, 2, 3, 4])
def test_broken_layer_fails_rotation_and_reflection(lmax):
    model = network(lmax)
    break_equivariance(model)
    failed = {d.check for d in check_model("broken", model, 29) if not d.passed}
    assert failed == {"rotation", "reflection"}


def test_broken_batch_permutation_and_cutoff_are_caught():
    """A readout that adds the number of atoms sees every change of the graph's size."""
    model = network()

    def count_atoms(_module, inputs, output):
        return output + 1e-3 * inputs[1].shape[1]

    model.attention.register_forward_hook(count_atoms)
    failed = {d.check for d in check_model("counts", model, 29) if not d.passed}
    assert {"batch", "cutoff"} <= failed


def test_network_keeps_its_type_and_mode():
    model = network().eval()
    list(check_model("kept", model, 29))
    assert model.coefficient_mean.dtype == torch.float32
    assert not model.training


def test_random_rotations_are_rotations():
    matrix = random_rotation(np.random.default_rng(0))
    assert matrix @ matrix.T == pytest.approx(np.eye(3))
    assert np.linalg.det(matrix) == pytest.approx(1.0)


@pytest.mark.parametrize("change", sorted(ANY_MODE | EVALUATION_ONLY))
def test_every_change_does_change_the_structure(change):
    """Otherwise the check compares a structure with itself."""
    crystal = example_structures(29)["crystal"]
    atoms, absorbers = (ANY_MODE | EVALUATION_ONLY)[change](crystal, np.random.default_rng(0))
    assert [atoms.numbers[i] for i in absorbers] == [29, 29]
    if len(atoms) == len(crystal[0]):
        moved = np.abs(atoms.positions - crystal[0].positions).max()
        assert moved > 0.1


def test_script_exits_0_for_good_and_1_for_broken(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    good = {"good": network()}
    monkeypatch.setattr(check_equivariance, "networks", lambda _path: good)
    assert check_equivariance.main([]) == 0
    assert "0 beyond" in capsys.readouterr().out
    assert check_equivariance.main(["--break"]) == 1
    assert "!" in capsys.readouterr().out


def test_script_checks_the_trained_model_where_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert len(check_equivariance.networks(None)) == 5
    save_model("best_model.pt", network(), ModelInfo())
    assert "best_model.pt" in check_equivariance.networks(check_equivariance.DEFAULT)


def test_script_exits_2_for_a_missing_file(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        check_equivariance.main([str(tmp_path / "nothing.pt")])
    assert stop.value.code == 2
    assert "no such file" in capsys.readouterr().err
