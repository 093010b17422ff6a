"""The command `models`: what ships with the package."""

from ..checkpoints.pretrained import models
from ..checkpoints.trained_model import TrainedModel
from ..reports.text import describe_shipped
from .jobs import ModelsJob


def run(_job: ModelsJob) -> None:
    """List the models that ship with the package."""
    found = models()
    if not found:
        print("no model ships with this version")
    for name, path in found.items():
        print(describe_shipped(name, TrainedModel.load(path)))
