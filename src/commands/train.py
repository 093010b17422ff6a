"""The command `train`: a database to a model, or to an ensemble of several networks."""

from collections.abc import Callable
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ArgumentParser, Namespace

from ..dataset.location import DatabaseURL
from ..model.hyperparameters import Hyperparameters
from ..runtime.provenance import hide_passwords
from ..training.config import TrainJob as Options

TOGETHER = True


def add_arguments(parser: ArgumentParser) -> None:
    """Add the network's constructor arguments as a group."""
    measured = {"avg_num_neighbors", "emin", "emax"}
    parser.add_class_arguments(Hyperparameters, "model", skip=measured)
    for name, end, usual in (("emin", "lowest", -10.0), ("emax", "highest", 50.0)):
        text = f"{end} energy of the basis, eV relative to the reference energy. None: {usual:g},"
        text += " or that of the records where all share one even grid"
        parser.add_argument(f"--model.{name}", type=float | None, default=None, help=text)


def complete(values: Namespace, given: Callable[[], Namespace]) -> None:
    """With `init_from`, keep only the network's arguments that the user gave; a file has others."""
    if values.init_from is not None:
        named = given().get("model") or Namespace()
        values.model = Namespace(**{k: v for k, v in vars(values.model).items() if k in named})


def run(job: Options) -> None:
    """Train a model; its settings are kept next to it as YAML."""
    from ..runtime.distributed import check_alone, launched_rank

    config = hide_passwords(yaml.safe_dump(_plain(job), sort_keys=False))
    if job.members > 1:
        check_alone("a training of several members")
        from ..workflow import train_members

        train_members(job, config)
        print(f"{job.output / 'model.pt'}: written, {job.members} members; each has its folder")
        return
    from ..workflow import train_from_database

    train_from_database(job, config)
    if launched_rank() == 0:
        print(f"{job.output / 'model.pt'}: written; training.png shows how it went")


def _plain(value: Any) -> Any:
    """Settings as YAML has them."""
    if isinstance(value, Path | DatabaseURL):
        return str(value)
    if is_dataclass(value):
        value = vars(value)
    if isinstance(value, dict):
        return {name: _plain(entry) for name, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, list | tuple) else value
