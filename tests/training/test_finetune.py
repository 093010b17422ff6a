"""Training that starts from another model: what is reused, what is new, what stays frozen."""

import logging

import pytest
import torch
from command import run
from hooks import Killed, at, die, hook_commands
from paths import CALCULATIONS, ZN_K

from src.checkpoints.trained_model import ModelInfo, load_model, save_model
from src.errors import ConfigError
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
QUICK = ["--training.epochs=2", "--training.max_edges=4000"]
ZN = ["--edge", "K", "--axis", "relative", "--energy", "-25", "94", "1"]


def random_model(**changes):
    """A small network without a zero in it."""
    torch.manual_seed(3)
    model = XANES_E3GNN(**{**SMALL, **changes})
    for weight in model.parameters():
        torch.nn.init.normal_(weight)
    model.coefficient_mean.normal_()
    return model


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A copper model and databases of copper and zinc."""
    folder = tmp_path_factory.mktemp("made")
    save_model(
        folder / "cu.pt",
        random_model(),
        ModelInfo(element="Cu", edge="K", code="FEFF 9"),
    )
    cu = ["--element", "Cu", "-o", folder / "cu.db"]
    assert run("dataset", CALCULATIONS / "mp-1225837", CALCULATIONS / "mp-1692", *cu) == 0
    for part in ("train", "val"):
        lists = ["-o", folder / "zn.db", "--id_list", folder / f"{part}.txt"]
        assert run("dataset", ZN_K / f"{part}.extxyz", *ZN, *lists) == 0
    return folder


def start_of(model):
    """A start from a network that is in no file."""
    return Start("old.pt", model, ModelInfo())


def test_same_basis_takes_over_all_but_the_statistics():
    old, new = random_model(), XANES_E3GNN(**SMALL, dropout=0.1)
    transfer = take_weights(new, start_of(old))
    assert transfer.anew == transfer.left_out == ["coefficient_mean", "coefficient_scale"]
    for name, weight in new.state_dict().items():
        assert torch.equal(weight, old.state_dict()[name]) == (name != "coefficient_mean"), name


@pytest.mark.parametrize(
    "changes", [{"emax": 60.0}, {"num_basis": 40}, {"basis_scales": (0.2, 1.0)}]
)
def test_another_basis_makes_the_head_anew_and_keeps_the_body(changes):
    """The body's features, seen through a head of ones, are those of the old network."""
    old, new = random_model(), XANES_E3GNN(**{**SMALL, **changes})
    transfer = take_weights(new, start_of(old))
    assert set(transfer.anew) == {
        "readout.4.weight", "readout.4.bias", "spectral_basis.centers", "spectral_basis.widths",
        "spectral_basis.step_center", "spectral_basis.step_log_width",
        "coefficient_mean", "coefficient_scale", "waves.inner_potential",
        "paths.single_out.weight", "paths.single_out.bias",
        "paths.pair_out.weight", "paths.pair_out.bias",
    }  # fmt: skip
    assert sorted(transfer.anew) == sorted(transfer.left_out)
    for name in transfer.reused:
        assert torch.equal(new.state_dict()[name], old.state_dict()[name])
    fresh = XANES_E3GNN(**{**SMALL, **changes}).spectral_basis.centers
    assert torch.equal(new.spectral_basis.centers, fresh)


def test_network_that_never_learned_spectra_gives_its_body_alone():
    old, new = random_model(), XANES_E3GNN(**SMALL)
    transfer = take_weights(new, Start("old.pt", old, ModelInfo(pretrained_on="atoms")))
    assert {name.split(".")[0] for name in transfer.anew} == {
        "readout", "paths", "waves", "spectral_basis", "coefficient_mean", "coefficient_scale",
    }  # fmt: skip
    assert {name.split(".")[0] for name in transfer.reused} == {
        "embedding", "radial_basis", "layers", "attention",
    }  # fmt: skip


def test_every_tensor_is_accounted_for():
    old, new = random_model(num_layers=3), XANES_E3GNN(**SMALL)
    transfer = take_weights(new, start_of(old))
    assert sorted(transfer.reused + transfer.anew) == sorted(new.state_dict())
    assert sorted(transfer.reused + transfer.left_out) == sorted(old.state_dict())
    assert {name.split(".")[1] for name in transfer.left_out if name.startswith("layers")} == {"2"}


def test_contradiction_names_both_sides():
    start = start_of(random_model())
    with pytest.raises(ConfigError, match=r"`model.channels` is 16 but old.pt has 8; leave it out"):
        merge_arguments({"channels": 16}, start)
    merged = merge_arguments({"dropout": 0.2, "num_basis": 64, "lmax": 1, "emin": None}, start)
    assert (merged["dropout"], merged["num_basis"], merged["channels"]) == (0.2, 64, 8)
    assert merged["emin"] == -10.0


@pytest.mark.parametrize(
    ("grid", "expected"),
    [((-25.0, 94.0), (-25.0, 94.0)), ((-8.0, 40.0), (-10.0, 50.0))],
)
def test_basis_keeps_its_range_where_that_reaches(grid, expected):
    common = Common(ModelInfo(element="Zn", edge="K"), True, *grid, 1.0)
    window, arguments = window_and_arguments(EnergyConfig(), common, {}, start_of(random_model()))
    assert (window.emin, window.emax) == (arguments["emin"], arguments["emax"]) == expected
    assert window.axis.n_scored == grid[1] - grid[0] + 1


def test_frozen_parts_are_named_by_whole_words():
    model = random_model(num_layers=11)
    transfer = take_weights(model, start_of(random_model(num_layers=11)))
    frozen = freeze(model, ["layers.1", "embedding"], transfer)
    assert {".".join(name.split(".")[:2]) for name in frozen} == {"layers.1", "embedding.weight"}
    for prefix in ("layer", "layers.99", "emb"):
        with pytest.raises(ConfigError, match=r"is not one of embedding, .*layers\.0, layers\.1"):
            freeze(model, [prefix], transfer)
    with pytest.raises(ConfigError, match="leaves nothing to train"):
        freeze(model, parts(dict(model.named_parameters())), transfer)
    new = random_model(emax=60.0)
    with pytest.raises(ConfigError, match=r"would freeze readout\.4\.weight, which is made anew"):
        freeze(new, ["readout.4"], take_weights(new, start_of(random_model())))


def test_training_moves_what_is_not_frozen_and_nothing_else(made, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    words = ["train", made / "zn.db", "--train", made / "train.txt", "--val", made / "val.txt"]
    words += ["--init_from", made / "cu.pt", "--freeze", "embedding", "layers.0", *QUICK]
    assert run(*words, "-o", tmp_path / "zn") == 0
    told = "\n".join(caplog.messages)
    assert "starts from" in told
    assert "Cu K FEFF 9, weights sha256" in told
    assert "frozen: " in told
    assert "does not reach the energies; a new one, -25 .. 94 eV" in told
    old, (new, info) = load_model(made / "cu.pt")[0], load_model(tmp_path / "zn")
    assert info.started_from.startswith("Cu K FEFF 9")
    assert (info.element, info.reference_energy) == ("Zn", None)
    assert new.hyperparameters["avg_num_neighbors"] == old.hyperparameters["avg_num_neighbors"]
    moved = {
        name
        for name, weight in old.named_parameters()
        if weight.shape != new.get_parameter(name).shape
        or not torch.equal(weight, new.get_parameter(name))
    }
    assert not [name for name in moved if name.startswith(("embedding", "layers.0"))]
    assert [name for name in moved if name.startswith("layers.1")]
    assert [name for name in moved if name.startswith("attention")]


def test_head_that_is_kept_gives_the_new_mean_and_the_old_deviation(made, tmp_path):
    """Before the first step: with lr near zero the averaged weights stay what they were."""
    words = ["train", made / "cu.db", "--val_fraction=0.5", "--split_seed=3"]
    words += ["--init_from", made / "cu.pt", "--training.epochs=1", "--training.lr=1e-30"]
    assert run(*words, "-o", tmp_path / "again") == 0
    old, (new, info) = load_model(made / "cu.pt")[0], load_model(tmp_path / "again")
    assert torch.equal(new.readout[-1].weight, old.readout[-1].weight)
    assert not torch.equal(new.coefficient_mean, old.coefficient_mean)
    grid = torch.tensor(info.energy_grid, dtype=torch.float64) - info.reference_energy

    def distance(coefficients):  # 32 functions with a random step do not fit exactly
        mean = new.spectral_basis(grid.float()) @ coefficients
        return float((mean.detach() - torch.tensor(info.mean_spectrum)).abs().mean())

    assert distance(new.coefficient_mean) < 0.05
    assert distance(old.coefficient_mean) > 0.5


def test_interrupted_training_goes_on_as_if_it_had_not_been(made, tmp_path, monkeypatch):
    split = ["--train", made / "train.txt", "--val", made / "val.txt"]
    words = ["train", made / "zn.db", *split, "--init_from", made / "cu.pt", "--freeze", "layers.0"]
    words += [*QUICK, "--model.dropout=0.2"]
    assert run(*words, "-o", tmp_path / "whole") == 0
    with monkeypatch.context() as patch:
        hook_commands(patch, at(1, 0, die))
        with pytest.raises(Killed):
            run(*words, "-o", tmp_path / "parts")
    assert run(*words, "-o", tmp_path / "parts", "--resume") == 0
    twins = [load_model(tmp_path / name)[0].state_dict() for name in ("whole", "parts")]
    assert all(torch.equal(twins[0][name], twins[1][name]) for name in twins[0])


def test_resuming_otherwise_is_refused(made, tmp_path, capsys):
    words = ["train", made / "zn.db", "--train", made / "train.txt", "--val", made / "val.txt"]
    words += [*QUICK, "-o", tmp_path / "zn", "--init_from", made / "cu.pt"]
    assert run(*words) == 0
    assert run(*words, "--freeze", "embedding", "--resume") == 1
    assert "frozen was None, is ['embedding.weight']" in capsys.readouterr().err
    other = random_model()
    torch.nn.init.zeros_(other.embedding.weight)
    save_model(tmp_path / "other.pt", other, ModelInfo())
    assert run(*words, "--init_from", tmp_path / "other.pt", "--resume") == 1
    assert "started_from was 'Cu K FEFF 9" in capsys.readouterr().err


def test_settings_left_behind_can_be_given_again(made, tmp_path, capsys):
    """They hold what the user gave of the network, so that they do not contradict the file."""
    words = ["train", made / "zn.db", "--train", made / "train.txt", "--val", made / "val.txt"]
    words += ["--init_from", made / "cu.pt", "--model.dropout=0.1", *QUICK]
    assert run(*words, "-o", tmp_path / "a") == 0
    config = tmp_path / "a" / "config.yaml"
    assert run("train", "--config", config, made / "zn.db", "-o", tmp_path / "b") == 0
    twins = [load_model(tmp_path / name)[0].state_dict() for name in "ab"]
    assert all(torch.equal(twins[0][name], twins[1][name]) for name in twins[0])
    capsys.readouterr()
    assert run(*words, "-o", tmp_path / "c", "--model.channels=64") == 1
    assert "`model.channels` is 64 but" in capsys.readouterr().err


def test_frozen_parts_need_a_model_to_start_from(capsys):
    assert run("train", "x.db", "-o", "y", "--freeze", "embedding") == 2
    assert "`freeze` needs `init_from`" in capsys.readouterr().err


def test_start_that_is_missing_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"no\.pt: no such file"):
        load_start(tmp_path / "no.pt")
