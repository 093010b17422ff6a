"""The symmetry checks pass a good network and catch a broken one."""

import numpy as np
import pytest
import torch

import check_equivariance
from src.checkpoints.model_info import ModelInfo
from src.checkpoints.trained_model import save_model
from src.model.gnn import XANES_E3GNN
from src.verification import symmetry
from src.verification.symmetry import TOLERANCE, break_equivariance, check_model, gradients, spread
from src.verification.symmetry_cases import (
    ANY_MODE,
    EVALUATION_ONLY,
    example_structures,
    reflection,
    rotation,
    special_sites,
    with_atom,
)

EVALUATED = {"batch", "cutoff", "slope", "sites"}


def network(lmax=2):
    """A small network."""
    torch.manual_seed(0)
    return XANES_E3GNN(num_layers=2, lmax=lmax, channels=8, num_basis=16, dropout=0.2)


@pytest.mark.parametrize("lmax", [0, 1, 2, 3, 4])
def test_good_network_passes_every_check_and_is_left_as_it_was(lmax):
    model = network(lmax).eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    random_state = torch.get_rng_state()
    deviations = list(check_model("good", model, 29))
    assert all(d.passed for d in deviations)
    assert {d.check for d in deviations} == {*ANY_MODE, *EVALUATION_ONLY, *EVALUATED}
    assert {d.mode for d in deviations} == {"training", "evaluation"}
    assert {d.dtype for d in deviations} == {torch.float32, torch.float64}
    assert not model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random_state)


def failures(model):
    """Checks that a network fails in float64, in any mode."""
    found = check_model("broken", model, 29, dtypes=[torch.float64])
    return {d.check for d in found if not d.passed}


@pytest.mark.parametrize("lmax", [1, 2, 3, 4])
def test_broken_layer_fails_where_structures_are_turned(lmax):
    """Sites too: a linear one is turned."""
    model = network(lmax)
    break_equivariance(model)
    assert failures(model) == {"rotation", "reflection", "sites"}


def test_broken_layer_is_caught_in_float32_and_in_training_mode():
    model = network()
    break_equivariance(model)
    failed = {(d.dtype, d.mode) for d in check_model("broken", model, 29) if not d.passed}
    assert failed == {(t, m) for t in TOLERANCE for m in ("training", "evaluation")}


def handedness(data):
    """Triple product of the first four atoms' bonds: turned it stays, mirrored it changes sign."""
    return torch.linalg.det(data.pos[1:4] - data.pos[:1]) if len(data.pos) > 3 else 0.0


def size_of_sum(data):
    """Length of the sum of an absorber's bonds, whose slope is not finite where they cancel."""
    first = data.edge_index[1] == 0
    source, target = data.edge_index[:, first]
    total = (data.pos[target] - data.pos[source]).sum(0)
    return total.square().sum().sqrt() if first.any() else 0.0


FAULTS = {
    "reflection": handedness,
    "translation": lambda data: data.pos.mean(),
    "wrapping": lambda data: data.edge_shift.norm(),
    "permutation": lambda data: (data.z * torch.arange(len(data.z))).sum(),
    "supercell": lambda data: len(data.z),
    "batch": lambda data: len(data.ptr) - 1,
    "cutoff": lambda data: data.num_edges,
    "slope": lambda data: (5.0 - (data.pos[-1] - data.pos[0]).norm()).relu(),
    "sites": size_of_sum,
}
"""For each check a quantity that the spectra must not depend on, or not so abruptly."""


@pytest.mark.parametrize("check", sorted(FAULTS))
def test_negative_control(check, monkeypatch):
    """Adding a little of the forbidden quantity to all spectra is caught by the check."""
    model, fault = network(), FAULTS[check]
    honest = model.predict_spectra
    monkeypatch.setattr(
        model, "predict_spectra", lambda data, energy: honest(data, energy) + 1e-3 * fault(data)
    )
    failed = failures(model)
    assert check in failed
    assert check != "reflection" or "rotation" not in failed


def test_envelope_without_slope_at_the_cutoff_jumps_in_slope_alone(monkeypatch):
    """A linear fade is continuous, but its slope is not."""
    monkeypatch.setattr(
        "src.model.gnn.polynomial_envelope", lambda length, r_max: (1.0 - length / r_max).relu()
    )
    failed = failures(network())
    assert "slope" in failed
    assert "cutoff" not in failed


def test_no_envelope_jumps(monkeypatch):
    monkeypatch.setattr(
        "src.model.gnn.polynomial_envelope", lambda length, r_max: (length < r_max).to(length)
    )
    assert "cutoff" in failures(network())


def test_network_that_ignores_the_structure_fails():
    """Equal spectra everywhere prove nothing."""
    model = network()
    model.set_target_statistics(torch.linspace(-10, 50, 61), torch.ones(61), 1.0)
    assert spread(model, torch.linspace(-10, 50, 61), 29) < 1e-12
    constant = check_model("constant", model, 29, dtypes=[torch.float64])
    assert not any(d.passed for d in constant)


def test_float32_network_in_float64_is_exact():
    """Nothing rounded to float32, such as coupling coefficients, is left after the conversion."""
    checks = ANY_MODE.keys() | EVALUATION_ONLY.keys() | {"batch", "sites"}
    for d in check_model("converted", network(4), 29, dtypes=[torch.float64]):
        if d.check in checks:
            assert d.value < 1e-12


def test_gradients_are_those_of_finite_differences():
    model = network().double().eval()
    energy = torch.linspace(-10, 50, 31, dtype=torch.float64)
    atoms, absorbers = example_structures(29)["cluster"]
    weights = torch.randn(2, 31, generator=torch.Generator().manual_seed(0)).double()

    def total(step):
        moved = atoms.copy()
        moved.positions[1, 2] += step
        graph = symmetry.batch_of(model, [(moved, absorbers)])
        return float((weights * model.predict_spectra(graph, energy).detach()).mean())

    slope = (total(1e-5) - total(-1e-5)) / 2e-5
    found = float(gradients(model, (atoms, absorbers), energy)[1, 2])
    assert found == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize(("name", "count"), [
    ("isolated", 0), ("one neighbor", 1), ("linear", 2), ("tetrahedral", 4), ("octahedral", 6),
])  # fmt: skip
def test_special_sites_have_known_shells(name, count):
    atoms, absorbers = special_sites(29)[name]
    assert absorbers == [0]
    bonds = atoms.positions[1:]
    assert len(bonds) == count
    assert np.linalg.norm(bonds, axis=1) == pytest.approx(2.0)
    angle = {"linear": 180.0, "tetrahedral": 109.4712206, "octahedral": 90.0}.get(name)
    if angle is not None:
        assert atoms.get_angle(1, 0, count if count == 2 else 3) == pytest.approx(angle)


def test_atom_crosses_the_cutoff_of_the_neighbor_beyond_the_absorbers():
    cluster = example_structures(29)["cluster"]
    atoms, absorbers = with_atom(cluster, 1, 5.0)
    assert atoms.get_distance(1, 6) == pytest.approx(5.0)
    assert all(atoms.get_distance(a, 6) > 5.5 for a in absorbers)


def test_rotations_are_proper_and_reflections_are_not():
    before, rng = example_structures(29)["crystal"], np.random.default_rng(0)
    volume = np.linalg.det(before[0].cell.array)
    for change, sign in ((rotation, 1), (reflection, -1)):
        after, _ = change(before, rng)
        assert np.linalg.det(after.cell.array) == pytest.approx(sign * volume)
        assert after.get_all_distances() == pytest.approx(before[0].get_all_distances())


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
    assert "0 exceeded" in capsys.readouterr().out
    assert check_equivariance.main(["--break"]) == 1
    assert "!" in capsys.readouterr().out


def test_script_checks_the_trained_model_where_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert len(check_equivariance.networks(None)) == 5
    save_model("best_model.pt", network(), ModelInfo())
    found = check_equivariance.networks(check_equivariance.DEFAULT)["best_model.pt"]
    assert found.hyperparameters["dropout"] > 0
    assert torch.equal(found.embedding.weight, network().embedding.weight)


def test_script_exits_2_for_a_missing_file(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        check_equivariance.main([str(tmp_path / "nothing.pt")])
    assert stop.value.code == 2
    message = capsys.readouterr().err
    assert "no such file" in message
    assert message.count("\n") == 1
