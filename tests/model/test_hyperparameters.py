"""Hyperparameters: what is refused, and a network that is rebuilt from them."""

import inspect
from dataclasses import fields
from math import inf, nan

import pytest
import torch
from conftest import random_molecule

from src.errors import ConfigError
from src.model.gnn import XANES_E3GNN
from src.model.hyperparameters import Hyperparameters


@pytest.mark.parametrize(
    ("name", "values"),
    [
        *((name, (0, 1.5, "1")) for name in ("max_z", "num_layers", "channels", "num_radial")),
        *((name, (0, 1.5, True)) for name in ("radial_rank", "num_heads")),
        ("lmax", (5, -1)), ("r_max", (-1.0, 0.0, nan, inf, 50.1)), ("num_heads", (5,)),
        ("avg_num_neighbors", (0.0, inf)), ("dropout", (1.0, -0.1, nan)), ("num_basis", (3, 0)),
        ("basis_scales", ((), (0.1, -0.5), (0.1, 0.0), (0.1, inf), (nan,))),
        ("emin", (50.0, 60.0, -inf, nan, -9950.1)), ("emax", (-10.0, inf, nan, "50")),
        ("num_amplitudes", (-1, 1.5)),
    ],
)  # fmt: skip
def test_a_value_that_can_not_be_is_refused_by_name(name, values):
    for value in values:
        with pytest.raises(ConfigError, match=f"`{name}`"):
            XANES_E3GNN(**{name: value})


def test_negative_control_values_at_the_border_are_taken():
    Hyperparameters(max_z=1, num_layers=1, lmax=0, channels=1, num_heads=1, num_radial=1, dropout=0)
    Hyperparameters(lmax=4, r_max=50.0, num_basis=4, num_amplitudes=0, emin=-9950.0, dropout=0.99)


def test_constructor_takes_the_fields_by_name_and_by_place_with_their_defaults():
    parameters = inspect.signature(XANES_E3GNN).parameters
    assert {name: one.default for name, one in parameters.items()} == {
        entry.name: entry.default for entry in fields(Hyperparameters)
    }
    assert XANES_E3GNN(40, 1).hyperparameters == XANES_E3GNN(num_layers=1, max_z=40).hyperparameters
    with pytest.raises(TypeError, match="num_layer'"):
        XANES_E3GNN(num_layer=4)


def test_hyperparameters_rebuild_the_network():
    """Every constructor argument is kept, with a value that is not its default."""
    arguments = {
        "max_z": 40, "num_layers": 3, "lmax": 1, "channels": 12, "r_max": 4.5, "num_radial": 7,
        "num_basis": 31, "basis_scales": [0.2, 1.0], "emin": -5.0, "emax": 30.0,
        "avg_num_neighbors": 9.0, "dropout": 0.2, "radial_rank": 5, "num_heads": 3,
        "num_amplitudes": 6,
    }  # fmt: skip
    defaults = XANES_E3GNN().hyperparameters
    assert set(arguments) == set(defaults)
    assert all(arguments[name] != defaults[name] for name in arguments)
    model = XANES_E3GNN(**arguments)
    assert model.hyperparameters == arguments
    twin = XANES_E3GNN(**model.hyperparameters)
    twin.load_state_dict(model.state_dict())
    energy = torch.linspace(-5.0, 30.0, 36)
    a, b = (m.eval().predict_spectra(random_molecule(), energy) for m in (model, twin))
    assert torch.equal(a, b)
