"""Faults in trainings, through their hook ``on_batch(epoch, batch)``."""

from dataclasses import replace

from src import workflow


class Killed(BaseException):
    """Stands for the end of the process."""


def die():
    """End the training as a kill does, without a further word to any file."""
    raise Killed


def at(epoch, batch, act):
    """Hook that acts before one batch."""

    def hook(*where):
        if where == (epoch, batch):
            act()

    return hook


def hook_commands(monkeypatch, hook):
    """Give a hook to the trainings that commands start."""
    run_training = workflow.run_training

    def hooked(model, train_dataset, val_dataset, config, *measured):
        config = replace(config, on_batch=hook)
        return run_training(model, train_dataset, val_dataset, config, *measured)

    monkeypatch.setattr(workflow, "run_training", hooked)
