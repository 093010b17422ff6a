"""The command `models`: what ships with the package."""

from ..checkpoint import load_model
from ..files.registry import models
from ..jobs import ModelsJob
from ..report import describe_shipped


def run(_job: ModelsJob) -> None:
    """List the models that ship with the package."""
    found = models()
    if not found:
        print("no model ships with this version")
    for name, path in found.items():
        print(describe_shipped(name, *load_model(path)))
