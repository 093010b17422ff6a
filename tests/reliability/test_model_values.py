"""Model files whose checksum is right and whose content is not: refused in one line, nothing made.

Whoever writes a file writes its checksum too.
"""

import copy
import math

import pytest
import torch

from src.checkpoints.model_file import ModelFile, read_model_file, write_model_file
from src.checkpoints.pretrained import models
from src.checkpoints.torch_file import write_verified
from src.checkpoints.trained_model import ModelInfo, load_model, save_model
from src.errors import CheckpointError, ConfigError
from src.model.gnn import XANES_E3GNN

pytestmark = pytest.mark.reliability
GRID = [8990.0, 8992.5, 9000.0]
ALL = "members.0."


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A good model file and what it holds."""
    path = tmp_path_factory.mktemp("whole") / "model.pt"
    torch.manual_seed(0)
    network = XANES_E3GNN(num_layers=1, lmax=1, channels=8, num_basis=16)
    info = ModelInfo(
        element="Cu", edge="K", target="absolute", unit="1e-3 a0^2", reference_energy=8993.0,
        energy_grid=GRID, mean_spectrum=[0.1, 0.5, 1.0], elements=[8, 29], train_ids=["mp-1_000"],
        val_mse=0.1, card={"data": "a"},
    )  # fmt: skip
    save_model(path, network, info)
    load_model(path)  # control
    return read_model_file(path)


def refused(tmp_path, content, tensors, match):
    """Write a file and see it refused."""
    path = tmp_path / "bad.pt"
    write_model_file(path, ModelFile(content, tensors))
    with pytest.raises(CheckpointError, match=rf"bad\.pt: .*{match}"):
        load_model(path)


SIZES = [
    (name, value)
    for name in ("max_z", "num_layers", "channels", "num_radial", "num_basis", "radial_rank",
                 "num_amplitudes")
    for value in (7, 10**6, 10**30)
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), SIZES)
def test_a_size_that_is_not_that_of_the_weights_is_refused_before_it_is_made(
    whole, tmp_path, name, value
):
    """A million layers take hours to make, a million channels terabytes."""
    content = copy.deepcopy(whole.content)
    content["hyperparameters"][name] = value
    refused(tmp_path, content, whole.tensors, f"`{name}` is {value}, but its weights")


WRONG = ["x", [], [1, 2], {}, True, math.nan, math.inf, 1e300, -1e300, {"a": 1}, [math.nan], [[1]]]


@pytest.mark.parametrize("value", WRONG, ids=repr)
def test_an_argument_of_a_wrong_kind_is_refused(whole, tmp_path, value):
    for name in whole.content["hyperparameters"]:
        if (name, value) == ("avg_num_neighbors", 1e300):  # odd, and a number
            continue
        content = copy.deepcopy(whole.content)
        content["hyperparameters"][name], content["differences"] = value, [{}]
        refused(tmp_path, content, whole.tensors, f"`{name}` is |`emin`|is not what the other")


FIELDS = {
    "text": ("element", "edge", "target", "unit", "code", "pretrained_on", "started_from",
             "data_digest", "command", "note", "library_version"),
    "number": ("reference_energy", "extend_below", "val_mse"),
    "list": ("energy_grid", "mean_spectrum", "elements", "train_ids", "val_ids", "card"),
}  # fmt: skip
BAD = {
    "text": (5, [], {}, True, math.nan, "\x1b[2J", "a\nb", "\u202egnp", ["a"]),
    "number": ("x", [], {}, True, math.nan, math.inf, [1.0]),
    "list": ("x", 5, True, math.nan, [math.nan], [[1]], ["a\x1b"], {"a": "\x1b"}, {"a": 1}),
}


@pytest.mark.parametrize("kind", FIELDS)
def test_a_description_of_a_wrong_kind_is_refused(whole, tmp_path, kind):
    """It would be printed to terminals, compared with records, or taken for an energy."""
    for name in FIELDS[kind]:
        for value in BAD[kind]:
            content = copy.deepcopy(whole.content)
            content["info"][name] = value
            refused(tmp_path, content, whole.tensors, f"`{name}` is ")


CONTRADICTIONS = {
    "no such element": ({"element": "Xx"}, "`element` is 'Xx', expected a symbol"),
    "falling energies": ({"energy_grid": GRID[::-1]}, "`energy_grid` must be energies that incr"),
    "no energies": ({"energy_grid": []}, "`energy_grid` must be energies"),
    "a short mean": ({"mean_spectrum": [1.0]}, "`mean_spectrum` has 1 values, `energy_grid` 3"),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_a_description_that_contradicts_itself_is_refused(whole, tmp_path, name):
    changes, told = CONTRADICTIONS[name]
    content = copy.deepcopy(whole.content)
    content["info"].update(changes)
    refused(tmp_path, content, whole.tensors, told)


TYPES = [torch.float16, torch.bfloat16, torch.int32, torch.int64, torch.bool, torch.complex64,
         torch.uint8]  # fmt: skip


@pytest.mark.parametrize("dtype", TYPES)
def test_weights_of_another_type_are_refused(whole, tmp_path, dtype):
    """Torch would cut them to integers or drop an imaginary part without a word."""
    if dtype.is_complex:
        pytest.importorskip("safetensors", minversion="0.7", reason="writes no complex numbers")
    name = f"{ALL}embedding.weight"
    one = {**whole.tensors, name: whole.tensors[name].to(dtype)}
    every = {name: tensor.to(dtype) for name, tensor in whole.tensors.items()}
    for tensors in (one, every):
        refused(tmp_path, whole.content, tensors, f"is {dtype}, expected all of a member")


def test_weights_in_double_precision_are_taken(whole, tmp_path):
    """Control; but not some of them."""
    double = {name: tensor.double() for name, tensor in whole.tensors.items()}
    write_model_file(tmp_path / "good.pt", ModelFile(whole.content, double))
    assert load_model(tmp_path / "good.pt")[0].coefficient_mean.dtype == torch.float64
    name = f"{ALL}embedding.weight"
    mixed = {**whole.tensors, name: double[name]}
    refused(tmp_path, whole.content, mixed, "float64, expected all of a member")


@pytest.mark.parametrize("name", ["radial_basis.order", "spectral_basis.centers",
                                  "spectral_basis.widths"])  # fmt: skip
def test_a_basis_that_the_settings_do_not_make_is_refused(whole, tmp_path, name):
    """The file would say other energies than it has functions for."""
    tensors = {**whole.tensors, ALL + name: whole.tensors[ALL + name] + 1.0}
    refused(tmp_path, whole.content, tensors, f"{name} of member 0 is not what the other settings")


@pytest.mark.parametrize("name", ["members.1.embedding.weight", "other", "calibration.energy"])
def test_a_tensor_that_nothing_is_made_of_is_refused(whole, tmp_path, name):
    """Such as those of a member that the file does not count."""
    tensors = {**whole.tensors, name: torch.zeros(3)}
    refused(tmp_path, whole.content, tensors, f"without a meaning here: {name}")


@pytest.mark.parametrize("part", ["hyperparameters", "differences", "info", "calibration"])
def test_parts_of_a_wrong_kind_are_refused(whole, tmp_path, part):
    for value in (5, "x", [1], [], {"a": 1}, None):
        if (part, value) == ("calibration", None):
            continue
        content = {**whole.content, part: value}
        refused(tmp_path, content, whole.tensors, "")


@pytest.fixture(scope="module")
def calibrated():
    """What a calibrated model file holds."""
    return read_model_file(models()["cu-k-feff"])


ARRAYS = {
    "floor": ("floor", slice(3), "has the shape"), "law": ("law", slice(2), "has the shape"),
    "sites": ("novelty.sites", slice(0), "has the shape"),
    "mean": ("novelty.mean", slice(2), "has the shape"),
    "energy": ("energy", [1, 0, *range(2, 141)], "must increase"),
}  # fmt: skip


@pytest.mark.parametrize("name", ARRAYS)
def test_a_calibration_that_does_not_fit_together_is_refused(calibrated, tmp_path, name):
    array, part, told = ARRAYS[name]
    tensors = dict(calibrated.tensors)
    tensors[f"calibration.{array}"] = tensors[f"calibration.{array}"][part].clone()
    refused(tmp_path, calibrated.content, tensors, f"`{array}` of the calibration {told}")


@pytest.mark.parametrize("name", ["coverage", "ids", "threshold"])
def test_a_calibration_of_wrong_kinds_is_refused(calibrated, tmp_path, name):
    for value in ("x", math.nan, {}, True):
        content = copy.deepcopy(calibrated.content)
        content["calibration"][name] = value
        refused(tmp_path, content, calibrated.tensors, f"`{name}` is ")


def test_an_old_file_of_wrong_parts_is_refused(tmp_path):
    good = {"format": "e3gnn-xanes model 1", "hyperparameters": {}, "info": {}, "weights": {}}
    for name in ("hyperparameters", "info", "weights"):
        for value in (None, 5, [1]):
            write_verified(tmp_path / "old.pt", {**good, name: value})
            with pytest.raises(CheckpointError, match=rf"old\.pt: `{name}` is a "):
                load_model(tmp_path / "old.pt")
    write_verified(tmp_path / "old.pt", {**good, "weights": {"embedding.weight": 5}})
    with pytest.raises(CheckpointError, match=r"old\.pt: members\.0\.embedding\.weight is no tens"):
        load_model(tmp_path / "old.pt")


def test_a_radius_or_a_basis_beyond_all_use_is_refused():
    """A file, or an option, could ask for all the memory there is."""
    with pytest.raises(ConfigError, match="`r_max` is 1000000.0 but must be at most 50"):
        XANES_E3GNN(r_max=1e6)
    with pytest.raises(ConfigError, match="`emin` -10.0 and `emax` 1000000000.0 are more than"):
        XANES_E3GNN(emax=1e9)
