"""Page of a training's folder."""

import csv
from pathlib import Path

from ..checkpoints.trained_model import TrainedModel
from ..errors import ConfigError
from ..plot import plot_training
from ..runtime.yaml_file import read_mapping
from .page import facts, figure, page, paragraph, section, table
from .text import describe_model

SHOWN = 12
"""Epochs of the table at most, evenly chosen."""
PARTS, TERMS = ("train", "val"), ("mse", "gradient")


def is_training(folder: Path) -> bool:
    """Whether a folder is one that ``train`` writes."""
    return (folder / "metrics.csv").is_file()


def training_page(folder: Path) -> str:
    """Curves, epochs, settings and the model of a training.

    Args:
        folder: what ``train`` wrote.

    Returns:
        The page.

    Raises:
        ConfigError: its metrics are cut or of no epoch.
        ModelFileError: its model is damaged.
    """
    metrics = folder / "metrics.csv"
    try:
        with metrics.open(newline="") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            _check_numbers(row)
        best = min(rows, key=lambda row: float(row["val_mse"]))
        seconds = sum(float(row["seconds"]) for row in rows)
        epochs = [_epoch(row) for row in _some(rows)]
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise ConfigError(f"{metrics}: no epochs with their errors ({error!r})") from error
    model = TrainedModel.load(folder)
    config = folder / "config.yaml"
    settings = read_mapping(config) if config.is_file() else {}
    facts_of_it = [
        ("epochs", len(rows)),
        ("best epoch", f"{best['epoch']}, validation mse {float(best['val_mse']):.6f}"),
        ("time", f"{seconds / 60:.1f} minutes"),
    ]
    described = [tuple(line.split(": ", 1)) for line in describe_model(model).splitlines()]
    sections = [
        section("How it went", facts(facts_of_it), figure(lambda path: plot_training(metrics, path),
                "Errors and learning rate over epochs."),
                table(("epoch", "training mse", "validation mse", "learning rate"), epochs)),
        section("Model", facts([pair for pair in described if len(pair) == 2])),
        section("Settings", facts(_flat(settings)) if settings else paragraph("no config.yaml")),
        section("Provenance", facts([("folder", folder), ("model", f"sha256 {model.sha256}")])),
    ]  # fmt: skip
    return page(f"Training {folder.resolve().name}", "How a model was trained", sections)


def _check_numbers(row: dict[str, str]) -> None:
    """Raise KeyError, TypeError or ValueError where a row lacks a number of the page."""
    for name in ("epoch", "lr", "seconds", *(f"{p}_{t}" for p in PARTS for t in TERMS)):
        float(row[name])
    for value in row.values():  # the picture takes every column
        float(value)


def _epoch(row: dict[str, str]) -> tuple[str, ...]:
    """One line of the table of epochs."""
    names = ("train_mse", "val_mse")
    return row["epoch"], *(f"{float(row[n]):.6f}" for n in names), f"{float(row['lr']):.2e}"


def _some(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Rows evenly chosen, first and last among them."""
    count = min(SHOWN, len(rows))
    return [rows[round(k * (len(rows) - 1) / max(count - 1, 1))] for k in range(count)]


def _flat(values: dict[str, object], prefix: str = "") -> list[tuple[str, object]]:
    """Nested settings as `group.name` and value."""
    found: list[tuple[str, object]] = []
    for name, value in values.items():
        if isinstance(value, dict):
            found += _flat(value, f"{prefix}{name}.")
        else:
            found.append((f"{prefix}{name}", value))
    return found
