"""Training of several networks in processes of their own, joined in one model at the end."""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import yaml

from ..checkpoints.join import join_models
from ..checkpoints.trained_model import save_model
from ..dataset.location import DatabaseURL
from ..errors import ConfigError, MemberError
from ..runtime.atomic_files import write_text_durably
from ..runtime.command_line import command_line
from ..runtime.generations import versions
from .config import TrainJob
from .output import holds_training, keep_config

logger = logging.getLogger(__name__)

CONSOLE = "console.txt"
"""What the process of a member prints, in the member's folder."""
POLL_SECONDS = 0.2


def train_members(job: TrainJob, config: str) -> None:
    """Train ``job.members`` networks in OUTPUT/member-0, .. and join them in OUTPUT/model.pt.

    Each is trained by the same command in a process of its own, with seed ``training.seed`` plus
    its number. With ``resume``, members go on where they were, and those that had not begun begin.

    Args:
        job: what to train.
        config: its settings as YAML.

    Raises:
        ConfigError: the folder already holds members, or none to resume.
        MemberError: a member failed; the others are ended.
    """
    folders = [job.output / f"member-{number}" for number in range(job.members)]
    prepare(job, folders)
    if not job.resume:
        keep_config(job.output / "config.yaml", config)
    commands = [member_command(job, config, k, folder) for k, folder in enumerate(folders)]
    at_once = min(job.parallel or _cores(), job.members)
    run_all(commands, folders, at_once, member_environment(job, at_once))
    if job.resume:  # the members have not refused these settings
        write_text_durably(job.output / "config.yaml", config)
    model, info = join_models(folders)
    info.command = command_line() or info.command
    save_model(job.output / "model.pt", model, info)


def prepare(job: TrainJob, folders: list[Path]) -> None:
    """Make the folders, or check that they hold what a training can go on from.

    Raises:
        ConfigError: they already hold a training, or none to resume.
    """
    begun = [folder for folder in folders if versions(folder / "last.ckpt")]
    if job.resume and not begun:
        raise ConfigError(
            f"{job.output}: nothing to resume, no member has a last.ckpt; members that ended before"
            " their first states begin without --resume"
        )
    if not job.resume and (begun or holds_training(job.output)):
        there = begun[0] if begun else job.output
        raise ConfigError(f"{there}: already holds a training; give --resume or another folder")
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)


def member_command(job: TrainJob, config: str, number: int, folder: Path) -> list[str]:
    """Words that train one member; its settings are written to a file beside its folder."""
    settings: dict[str, Any] = yaml.safe_load(config)
    resume = bool(versions(folder / "last.ckpt"))
    settings |= {"members": 1, "parallel": None, "resume": resume}
    settings.pop("output", None)
    settings.pop("database", None)
    settings["training"]["seed"] = job.training.seed + number
    written = folder / "settings.yaml"
    write_text_durably(written, yaml.safe_dump(settings, sort_keys=False))
    words = ["train", str(job.database), "--config", str(written), "--output", str(folder)]
    return [sys.executable, "-m", "src", *words]


def member_environment(job: TrainJob, at_once: int) -> dict[str, str]:
    """Variables of the members' processes: threads, and the password of the database."""
    environment = dict(os.environ)
    if at_once > 1:
        environment.setdefault("OMP_NUM_THREADS", "1")
    if isinstance(job.database, DatabaseURL) and job.database.password is not None:
        environment["PGPASSWORD"] = job.database.password  # words can be seen by all users
    return environment


def run_all(
    commands: list[list[str]], folders: list[Path], at_once: int, environment: Mapping[str, str]
) -> None:
    """Run commands, some at a time, each with a file of what it prints.

    Args:
        commands: words of each.
        folders: folder of each, for ``CONSOLE``.
        at_once: most processes at a time.
        environment: variables of all of them; ``LOCAL_RANK`` is added, so that each takes the next
            GPU where there are several.

    Raises:
        MemberError: one failed; the others are ended.
    """
    waiting = list(enumerate(zip(commands, folders, strict=True)))
    running: dict[Path, subprocess.Popen[bytes]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                number, (words, folder) = waiting.pop(0)
                gpu = {"LOCAL_RANK": str(number % max(torch.cuda.device_count(), 1))}
                with (folder / CONSOLE).open("wb") as console:
                    running[folder] = subprocess.Popen(
                        words, stdout=console, stderr=console, env={**environment, **gpu}
                    )
                logger.info("%s: started", folder)
            time.sleep(POLL_SECONDS)
            ended = [folder for folder, process in running.items() if process.poll() is not None]
            for folder in ended:
                check_ended(folder, running.pop(folder).returncode)
    finally:
        for process in running.values():
            process.terminate()
        for process in running.values():
            process.wait()


def check_ended(folder: Path, code: int) -> None:
    """Say that a member is trained.

    Raises:
        MemberError: it failed; its message is repeated.
    """
    if code == 0:
        logger.info("%s: trained", folder)
        return
    lines = (folder / CONSOLE).read_text(errors="replace").splitlines()
    said = [line.partition("error: ")[2] for line in lines if ": error: " in line]
    reason = said[-1] if said else f"ended with code {code}, see {folder / CONSOLE}"
    raise MemberError(f"{folder}: {reason}")


def _cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
