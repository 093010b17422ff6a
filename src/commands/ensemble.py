"""The command `ensemble`: trained networks to one model file."""

from pathlib import Path

from ..checkpoints.join import join_models
from ..checkpoints.trained_model import save_model
from ..errors import ConfigError
from ..model.ensemble import networks_of
from ..runtime.yaml_file import read_mapping
from .jobs import EnsembleJob
from .outputs import check_outputs

CARD = ("data", "licence", "accuracy")
"""What a card says."""


def run(job: EnsembleJob) -> None:
    """Join networks, and say how many."""
    card = None if job.card is None else read_card(job.card)
    check_outputs(job.output, None)
    model, info = join_models(job.models)
    info.card = card or info.card
    save_model(job.output, model, info)
    print(f"{job.output}: {len(networks_of(model))} members")


def read_card(path: Path) -> dict[str, str]:
    """Read what `models` prints of a model.

    Raises:
        ConfigError: missing, not YAML, or not the three lines of text wanted.
    """
    card = read_mapping(path)
    if set(card) != set(CARD):
        raise ConfigError(f"{path}: expected the entries {', '.join(CARD)}, found {sorted(card)}")
    for name, value in card.items():
        if not isinstance(value, str) or not " ".join(value.split()).isprintable():
            raise ConfigError(f"{path}: `{name}` is {str(value)[:40]!r}, expected a line of text")
    return {name: " ".join(card[name].split()) for name in CARD}
