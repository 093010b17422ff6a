"""The command `ensemble`: trained networks to one model file."""

from dataclasses import dataclass, field
from pathlib import Path

from ..errors import ConfigError
from ..runtime.options import MODEL_FIRST
from ..runtime.yaml_file import read_mapping

CARD = ("data", "licence", "accuracy")
"""What a card says."""

EXAMPLE = "ensemble cu_k cu_k2 -o both.pt"
COMMON = ("output", "card")


@dataclass
class Options:
    """Which networks, and where to."""

    models: list[Path] = field(metadata=MODEL_FIRST)
    """Model files or training folders; one alone is written again, such as with a card."""
    output: Path
    """Model file to write."""
    card: Path | None = None
    """YAML file of what `models` prints: data, licence, accuracy, a line of text each."""


def run(job: Options) -> None:
    """Join networks, and say how many."""
    from ..checkpoints.join import join_models
    from ..model.ensemble import networks_of
    from ..runtime.atomic_files import OF_MODELS, check_writable

    card = None if job.card is None else read_card(job.card)
    check_writable(job.output, *OF_MODELS)
    model = join_models(job.models)
    model.info.card = card or model.info.card
    model.save(job.output)
    print(f"{job.output}: {len(networks_of(model.network))} members")


def read_card(path: Path) -> dict[str, str]:
    """Read what `models` prints of a model.

    Raises:
        ConfigError: missing, not YAML, or not the three lines of text expected.
    """
    card = read_mapping(path)
    if set(card) != set(CARD):
        raise ConfigError(f"{path}: expected the entries {', '.join(CARD)}, found {sorted(card)}")
    for name, value in card.items():
        if not isinstance(value, str) or not " ".join(value.split()).isprintable():
            raise ConfigError(f"{path}: `{name}` is {str(value)[:40]!r}, expected a line of text")
    return {name: " ".join(card[name].split()) for name in CARD}
