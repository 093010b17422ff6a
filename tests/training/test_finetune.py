"""Training that starts from another model: what is reused, what is new, what stays frozen."""

import logging

import pytest
import torch
from command import run
from hooks import Killed, at, die, hook_commands
from paths import CALCULATIONS, ZN_K

from src.checkpoints.model_info import ModelInfo
from src.checkpoints.trained_model import load_model, save_model
from src.errors import CheckpointError, ConfigError
from src.model.gnn import XANES_E3GNN
from src.training.config import EnergyConfig
from src.training.energy_window import Common
from src.training.finetune import (
    Start,
    freeze,
    load_start,
    merge_arguments,
    parts,
    take_weights,
    window_and_arguments,
)

SMALL = {"num_layers": 2, "lmax": 1, "channels": 8, "num_basis": 32}
ZN = ["--edge", "K", "--axis", "relative", "--energy", "-25", "94", "1"]


def random_model(**changes):
    """A small network without a zero in it."""
    torch.manual_seed(3)
    model = XANES_E3GNN(**{**SMALL, **changes})
    for weight in model.parameters():
        torch.nn.init.normal_(weight)
    model.coefficient_mean.normal_()
    return model


def start_of(model, **info):
    """A start from a network that is in no file."""
    return Start("old.pt", model, ModelInfo(**info))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A copper model and databases of copper and zinc."""
    folder = tmp_path_factory.mktemp("made")
    info = ModelInfo(element="Cu", edge="K", code="FEFF 9")
    save_model(folder / "cu.pt", random_model(), info)
    cu = ["--element", "Cu", "-o", folder / "cu.db"]
    assert run("dataset", CALCULATIONS / "mp-1225837", CALCULATIONS / "mp-1692", *cu) == 0
    for part in ("train", "val"):
        lists = ["-o", folder / "zn.db", "--id_list", folder / f"{part}.txt"]
        assert run("dataset", ZN_K / f"{part}.extxyz", *ZN, *lists) == 0
    return folder


def words(made, *more):
    """A short training on zinc that starts from the copper model."""
    split = ["--train", made / "train.txt", "--val", made / "val.txt"]
    quick = ["--training.epochs=2", "--training.max_edges=4000"]
    return ["train", made / "zn.db", *split, "--init_from", made / "cu.pt", *quick, *more]


def same_weights(*folders):
    """Whether two trainings left the same weights, bit for bit."""
    a, b = (load_model(folder)[0].state_dict() for folder in folders)
    return all(torch.equal(a[name], b[name]) for name in a)


def test_same_basis_reuses_all_but_the_statistics():
    old, new = random_model(), XANES_E3GNN(**SMALL, dropout=0.1)
    reused = take_weights(new, start_of(old))
    assert set(new.state_dict()) - set(reused) == {"coefficient_mean", "coefficient_scale"}
    for name, weight in new.state_dict().items():
        assert torch.equal(weight, old.state_dict()[name]) == (name != "coefficient_mean"), name


@pytest.mark.parametrize(
    "changes", [{"emax": 60.0}, {"num_basis": 40}, {"basis_scales": (0.2, 1.0)}]
)
def test_another_basis_reinitializes_the_head_and_keeps_the_body(changes):
    old, new = random_model(), XANES_E3GNN(**{**SMALL, **changes})
    reused = take_weights(new, start_of(old))
    assert set(new.state_dict()) - set(reused) == {
        "readout.4.weight", "readout.4.bias", "spectral_basis.centers", "spectral_basis.widths",
        "spectral_basis.step_center", "spectral_basis.step_log_width",
        "coefficient_mean", "coefficient_scale", "waves.inner_potential",
        "paths.single_out.weight", "paths.single_out.bias",
        "paths.pair_out.weight", "paths.pair_out.bias",
    }  # fmt: skip
    for name in reused:
        assert torch.equal(new.state_dict()[name], old.state_dict()[name])
    fresh = XANES_E3GNN(**{**SMALL, **changes}).spectral_basis.centers
    assert torch.equal(new.spectral_basis.centers, fresh)


def test_a_network_pretrained_without_spectra_gives_its_body_alone():
    reused = take_weights(XANES_E3GNN(**SMALL), start_of(random_model(), pretrained_on="atoms"))
    assert {name.split(".")[0] for name in reused} == {
        "embedding", "radial_basis", "layers", "attention",
    }  # fmt: skip


def test_layers_that_the_new_network_lacks_are_dropped():
    old, new = random_model(num_layers=3), XANES_E3GNN(**SMALL)
    dropped = set(old.state_dict()) - set(take_weights(new, start_of(old)))
    assert {name.split(".")[1] for name in dropped if name.startswith("layers")} == {"2"}


def test_contradiction_names_both_sides():
    start = start_of(random_model())
    with pytest.raises(ConfigError, match=r"`model.channels` is 16 but old.pt has 8"):
        merge_arguments({"channels": 16}, start)
    merged = merge_arguments({"dropout": 0.2, "num_basis": 64, "lmax": 1, "emin": None}, start)
    assert (merged["dropout"], merged["num_basis"], merged["channels"]) == (0.2, 64, 8)
    assert merged["emin"] == -10.0


@pytest.mark.parametrize(
    ("grid", "expected"),
    [((-25.0, 94.0), (-25.0, 94.0)), ((-8.0, 40.0), (-10.0, 50.0))],
)
def test_basis_keeps_its_range_if_that_covers_the_energies(grid, expected):
    common = Common(ModelInfo(element="Zn", edge="K"), True, *grid, 1.0)
    window, arguments = window_and_arguments(EnergyConfig(), common, {}, start_of(random_model()))
    assert (window.emin, window.emax) == (arguments["emin"], arguments["emax"]) == expected
    assert window.axis.n_scored == grid[1] - grid[0] + 1


def test_frozen_parts_are_named_by_whole_words():
    model = random_model(num_layers=11)
    reused = take_weights(model, start_of(random_model(num_layers=11)))
    frozen = freeze(model, ["layers.1", "embedding"], reused)
    assert {".".join(name.split(".")[:2]) for name in frozen} == {"layers.1", "embedding.weight"}
    for prefix in ("layer", "layers.99", "emb"):
        with pytest.raises(ConfigError, match=rf"'{prefix}' is not one of embedding, .*layers\.0"):
            freeze(model, [prefix], reused)
    with pytest.raises(ConfigError, match="leaves nothing to train"):
        freeze(model, parts(dict(model.named_parameters())), reused)
    new = random_model(emax=60.0)
    with pytest.raises(ConfigError, match=r"includes readout\.4\.weight, which is reinitialized"):
        freeze(new, ["readout.4"], take_weights(new, start_of(random_model())))


def test_training_changes_what_is_not_frozen_and_nothing_else(made, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    assert run(*words(made, "--freeze", "embedding", "layers.0", "-o", tmp_path / "zn")) == 0
    for text in ("starts from", "Cu K FEFF 9, weights sha256", "frozen: embedding, layers.0",
                 "does not cover the energies; a new one, -25 to 94 eV"):  # fmt: skip
        assert text in caplog.text
    old, (new, info) = load_model(made / "cu.pt")[0], load_model(tmp_path / "zn")
    assert info.started_from.startswith("Cu K FEFF 9")
    assert (info.element, info.reference_energy) == ("Zn", None)
    assert new.hyperparameters["avg_num_neighbors"] == old.hyperparameters["avg_num_neighbors"]
    changed = {
        name
        for name, weight in old.named_parameters()
        if weight.shape != new.get_parameter(name).shape
        or not torch.equal(weight, new.get_parameter(name))
    }
    changed_parts = {part for part in parts(changed) if part.startswith(("emb", "lay", "att"))}
    assert changed_parts == {"layers.1", "attention"}


def test_a_kept_head_gives_the_new_mean_and_the_old_deviation(made, tmp_path):
    """Before the first step: with lr near zero the averaged weights stay what they were."""
    more = ["--init_from", made / "cu.pt", "--training.epochs=1", "--training.lr=1e-30"]
    more += ["--val_fraction=0.5", "--split_seed=3", "-o", tmp_path / "again"]
    assert run("train", made / "cu.db", *more) == 0
    old, (new, info) = load_model(made / "cu.pt")[0], load_model(tmp_path / "again")
    assert torch.equal(new.readout[-1].weight, old.readout[-1].weight)
    assert not torch.equal(new.coefficient_mean, old.coefficient_mean)
    grid = torch.tensor(info.energy_grid, dtype=torch.float64) - info.reference_energy

    def distance(coefficients):  # 32 functions with a random step do not fit exactly
        mean = new.spectral_basis(grid.float()) @ coefficients
        return float((mean.detach() - torch.tensor(info.mean_spectrum)).abs().mean())

    assert distance(new.coefficient_mean) < 0.05
    assert distance(old.coefficient_mean) > 0.5


def test_an_interrupted_training_resumes_bit_for_bit(made, tmp_path, monkeypatch):
    more = ["--freeze", "layers.0", "--model.dropout=0.2", "-o"]
    assert run(*words(made, *more, tmp_path / "whole")) == 0
    with monkeypatch.context() as patch:
        hook_commands(patch, at(1, 0, die))
        with pytest.raises(Killed):
            run(*words(made, *more, tmp_path / "cut"))
    assert run(*words(made, *more, tmp_path / "cut", "--resume")) == 0
    assert same_weights(tmp_path / "whole", tmp_path / "cut")


def test_resuming_with_other_weights_is_refused(made, tmp_path, capsys):
    assert run(*words(made, "-o", tmp_path / "zn")) == 0
    again = words(made, "-o", tmp_path / "zn", "--resume")
    assert run(*again, "--freeze", "embedding") == 1
    assert "frozen was None, is ['embedding.weight']" in capsys.readouterr().err
    other = random_model()
    torch.nn.init.zeros_(other.embedding.weight)
    save_model(tmp_path / "other.pt", other, ModelInfo())
    assert run(*again, "--init_from", tmp_path / "other.pt") == 1
    assert "started_from was 'Cu K FEFF 9" in capsys.readouterr().err


def test_the_settings_that_are_kept_can_be_given_again(made, tmp_path):
    """They have only the user's arguments of the network, so they don't contradict the start."""
    assert run(*words(made, "--model.dropout=0.1", "-o", tmp_path / "a")) == 0
    config = tmp_path / "a" / "config.yaml"
    assert run("train", "--config", config, made / "zn.db", "-o", tmp_path / "b") == 0
    assert same_weights(tmp_path / "a", tmp_path / "b")


def test_a_start_that_is_missing_or_not_named_is_an_error(tmp_path, capsys):
    with pytest.raises(CheckpointError, match=r"no\.pt: no such file"):
        load_start(tmp_path / "no.pt")
    assert run("train", "x.db", "-o", "y", "--freeze", "embedding") == 2
    assert "`freeze` needs `init_from`" in capsys.readouterr().err
