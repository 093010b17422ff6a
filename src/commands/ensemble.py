"""The command `ensemble`: trained networks to one model file."""

from pathlib import Path

import yaml

from ..checkpoint import save_model
from ..ensemble import networks_of
from ..errors import ConfigError
from ..files.join import join_models
from ..jobs import EnsembleJob

CARD = ("data", "licence", "accuracy")
"""What a card says."""


def run(job: EnsembleJob) -> None:
    """Join networks, and say how many."""
    card = None if job.card is None else read_card(job.card)
    model, info = join_models(job.models)
    info.card = card or info.card
    save_model(job.output, model, info)
    print(f"{job.output}: {len(networks_of(model))} members")


def read_card(path: Path) -> dict[str, str]:
    """Read what `models` prints of a model.

    Raises:
        ConfigError: missing, not YAML, or not the three lines wanted.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: no such file")
    try:
        card = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not a YAML file") from error
    if not isinstance(card, dict) or set(card) != set(CARD):
        found = sorted(card) if isinstance(card, dict) else type(card).__name__
        raise ConfigError(f"{path}: expected the entries {', '.join(CARD)}, found {found}")
    return {name: " ".join(str(card[name]).split()) for name in CARD}
