"""Training of several networks one after the other, joined in one model at the end."""

import logging
from dataclasses import replace

import yaml

from ..checkpoints.join import join_models
from ..errors import ConfigError, MemberError, XanesError
from ..runtime.atomic_files import versions
from ..runtime.provenance import command_line
from .config import TrainJob
from .output import holds_training, keep_config
from .workflow import train_from_database

logger = logging.getLogger(__name__)


def train_members(job: TrainJob, config: str) -> None:
    """Train ``job.members`` networks in OUTPUT/member-0, .. and join them in OUTPUT/model.pt.

    Member k has the seed ``training.seed`` + k. With ``resume``, members continue where they were,
    and those that had not begun begin.

    Args:
        job: what to train.
        config: its settings as YAML.

    Raises:
        ConfigError: the folder already holds members, or none to resume.
        MemberError: a member failed.
    """
    folders = [job.output / f"member-{number}" for number in range(job.members)]
    begun = [folder for folder in folders if versions(folder / "last.ckpt")]
    if job.resume and not begun:
        raise ConfigError(
            f"{job.output}: nothing to resume, no member has a last.ckpt; members that ended before"
            " their first states begin without --resume"
        )
    if not job.resume and (begun or holds_training(job.output)):
        there = begun[0] if begun else job.output
        raise ConfigError(f"{there}: already holds a training; give --resume or another folder")
    settings = yaml.safe_load(config) | {"resume": False}
    for number, folder in enumerate(folders):
        training = replace(job.training, seed=job.training.seed + number)
        member = replace(
            job, output=folder, members=1, resume=folder in begun, training=training,
            model=dict(job.model),
        )  # fmt: skip
        own = {
            **settings,
            "members": 1,
            "training": {**settings["training"], "seed": training.seed},
        }
        logger.info("%s: seed %d", folder, training.seed)
        try:
            train_from_database(member, yaml.safe_dump(own, sort_keys=False))
        except XanesError as error:
            raise MemberError(f"{folder}: {error}") from error
        keep_config(job.output / "config.yaml", yaml.safe_dump(settings, sort_keys=False))
    model = join_models(folders)
    model.info.command = command_line() or model.info.command
    model.save(job.output / "model.pt")
