"""From three CIF files to a model of their edge and a spectrum, by the how-to's commands."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from calculating import feff
from command import run
from paths import ROOT

from src.checkpoints.trained_model import load_model

PAGE = ROOT / "docs" / "howto" / "calculate.md"


def commands():
    """The commands of the walk: the first block of the page that calculates."""
    text = PAGE.read_text(encoding="utf-8")
    (block,) = re.findall(r"((?:    e3gnn-xanes .*gan.*\n){4})", text)
    return [shlex.split(line)[1:] for line in block.splitlines()]


def walk(repository, *more, **changes):
    """Run the commands, some options changed."""
    calculate, dataset, train, predict = commands()
    cifs = sorted(Path().glob(calculate[1]))
    assert len(cifs) == 3
    calculate = [calculate[0], *cifs, *calculate[2:], *more]
    for name, value in changes.items():
        words = next(words for words in (calculate, train) if f"--{name}" in words)
        words[words.index(f"--{name}") + 1] = value
    assert run(*calculate) == 0
    assert run(*dataset) == 0
    assert run(*train) == 0
    assert run(*predict) == 0
    model, info = load_model(repository / "ga_k")
    assert (info.element, info.edge, info.code) == ("Ga", "K", "FEFF 10.0.0")
    assert not {i.split("+")[0] for i in info.train_ids} & {i.split("+")[0] for i in info.val_ids}
    energy, mu = np.loadtxt(repository / "GaN.dat")[:, :2].T
    assert 10360 < energy[0] < 10400
    assert np.isfinite(mu).all()
    assert (repository / "GaN.png").stat().st_size > 1000
    return info


def test_walk_with_recorded_outputs(repository):
    changes = {"copies": "1", "training.epochs": "2"}
    info = walk(repository, *feff(repository), **changes)
    assert len(info.train_ids) + len(info.val_ids) == 6


@pytest.mark.slow
def test_walk_with_feff(repository):
    """FEFF itself on small radii: the how-to says what can be learned from its spectra."""
    pytest.importorskip("feff10")
    radii = ["--scf_radius", "3", "--fms_radius", "3"]
    info = walk(repository, *radii, **{"copies": "1", "training.epochs": "20"})
    assert info.val_mse is not None
