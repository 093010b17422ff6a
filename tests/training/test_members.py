"""Members of an ensemble are what training one by one gives."""

import shutil

import pytest
import torch
from command import run
from hooks import Killed, at, die, hook_commands
from paths import CU_K

from src import workflow
from src.checkpoints.trained_model import load_model
from src.model.ensemble import networks_of

WORDS = [
    "--train", CU_K / "train.txt", "--val", CU_K / "val.txt", "--training.epochs=1",
    "--model.num_layers=1", "--model.lmax=0", "--model.channels=8", "--model.num_basis=16",
    "--training.max_edges=4000", "--training.device=cpu",
]  # fmt: skip


@pytest.fixture(scope="module")
def made(database, tmp_path_factory):
    """A database and two members."""
    folder = tmp_path_factory.mktemp("made")
    shutil.copy(database, folder)
    words = ["train", folder / "cu.db", *WORDS, "-o", folder / "both", "--members=2"]
    with pytest.MonkeyPatch.context() as patch:
        sets, measure = [], workflow.measure
        patch.setattr(workflow, "measure", lambda *a: (sets.append(a[1]), measure(*a))[1])
        assert run(*words, "--training.seed=4") == 0
    assert sets == ["train_dataset", "val_dataset"]  # once for both members
    return folder


def test_members_are_what_training_one_by_one_gives(made):
    first, second = (net.state_dict() for net in networks_of(load_model(made / "both")[0]))
    assert load_model(made / "both")[1].command.endswith("--members=2 --training.seed=4")
    settings = made / "both" / "member-1" / "config.yaml"
    assert run("train", "--config", settings, made / "cu.db", "-o", made / "alone") == 0
    alone = load_model(made / "alone")[0].state_dict()
    assert all(torch.equal(second[name], alone[name]) for name in alone)
    assert not torch.equal(first["embedding.weight"], alone["embedding.weight"])


def test_a_training_continues_and_new_members_may_join(made, capsys, monkeypatch):
    """Killed in the third of three members, of which two were there."""
    words = ["train", made / "cu.db", *WORDS, "-o", made / "both", "--training.seed=4"]
    assert run(*words, "--members=2") == 1
    assert "both: already contains a training" in capsys.readouterr().err
    kept = load_model(made / "both")[0].state_dict()
    with monkeypatch.context() as patch:
        hook_commands(patch, at(0, 0, die))
        with pytest.raises(Killed):
            run(*words, "--members=3", "--resume")
    capsys.readouterr()
    assert run(*words, "--members=3", "--resume") == 0
    log = capsys.readouterr().err
    for number in (1, 2, 3):
        assert f"member {number} of 3: seed {number + 3}, " in log
    assert "member 3 of 3: done in " in log
    assert "left" not in log  # nothing is known of members that are continued
    found = load_model(made / "both")[0]
    assert len(networks_of(found)) == 3
    assert all(torch.equal(found.state_dict()[name], kept[name]) for name in kept)
    words[words.index("-o") + 1] = made / "nowhere"
    assert run(*words, "--members=2", "--resume") == 1
    assert "nothing to resume" in capsys.readouterr().err


def test_a_failing_member_ends_the_command_with_its_message(made, capsys):
    words = ["train", made / "cu.db", *WORDS, "-o", made / "failed", "--members=2"]
    assert run(*words, "--training.lr=1e30", "--training.epochs=3") == 1
    (line,) = [x for x in capsys.readouterr().err.splitlines() if "error" in x]
    assert "failed/member-0: epoch 1, " in line
    assert not (made / "failed" / "model.pt").exists()
    assert not (made / "failed" / "member-1").exists()
