"""The command `models`: the models that ship with the package."""

from dataclasses import dataclass

EXAMPLE = "models"
COMMON = ()


@dataclass
class Options:
    """None."""


def run(_job: Options) -> None:
    """List the models that ship with the package."""
    from ..checkpoints.pretrained import models
    from ..checkpoints.trained_model import TrainedModel
    from ..reports.text import describe_shipped

    shipped = models()
    if not shipped:
        print("no model ships with this version")
    for name, path in shipped.items():
        print(describe_shipped(name, TrainedModel.load(path)))
