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
COLUMNS = ("epoch", "lr", "seconds", "train_mse", "train_gradient", "val_mse", "val_gradient")


def is_training(folder: Path) -> bool:
    """Whether a folder is one that ``train`` writes."""
    return (folder / "metrics.csv").is_file()


def training_page(folder: Path) -> str:
    """Curves, epochs, settings and the model of a training; ConfigError without whole metrics."""
    metrics, config = folder / "metrics.csv", folder / "config.yaml"
    rows = _read_metrics(metrics)
    model = TrainedModel.load(folder)
    settings = read_mapping(config) if config.is_file() else {}
    best = min(rows, key=lambda row: row["val_mse"])
    figures = [
        ("epochs", len(rows)),
        ("best epoch", f"{best['epoch']:g}, validation mse {best['val_mse']:.6f}"),
        ("time", f"{sum(row['seconds'] for row in rows) / 60:.1f} minutes"),
    ]
    count = min(SHOWN, len(rows))
    shown = [rows[round(k * (len(rows) - 1) / max(count - 1, 1))] for k in range(count)]
    epochs = [
        (f"{row['epoch']:g}", f"{row['train_mse']:.6f}", f"{row['val_mse']:.6f}",
         f"{row['lr']:.2e}")
        for row in shown
    ]  # fmt: skip
    curves = figure(lambda path: plot_training(metrics, path), "Errors and learning rate.")
    head = ("epoch", "training mse", "validation mse", "learning rate")
    described = [tuple(line.split(": ", 1)) for line in describe_model(model).splitlines()]
    sections = [
        section("Course", facts(figures), curves, table(head, epochs)),
        section("Model", facts([pair for pair in described if len(pair) == 2])),
        section("Settings", facts(_flat(settings)) if settings else paragraph("no config.yaml")),
        section("Provenance", facts([("folder", folder), ("model", f"sha256 {model.sha256}")])),
    ]
    return page(f"Training {folder.resolve().name}", "How a model was trained", sections)


def _read_metrics(path: Path) -> list[dict[str, float]]:
    """Numbers of each epoch; ConfigError where one is missing."""
    try:
        with path.open(newline="") as file:
            rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
    except (TypeError, ValueError, csv.Error) as error:
        raise ConfigError(f"{path}: a value is not a number ({error})") from error
    if not rows or not set(COLUMNS) <= set(rows[0]):
        raise ConfigError(f"{path}: no epochs with columns {', '.join(COLUMNS)}")
    return rows


def _flat(values: dict[str, object], prefix: str = "") -> list[tuple[str, object]]:
    """Nested settings as `group.name` and value."""
    pairs: list[tuple[str, object]] = []
    for name, value in values.items():
        if isinstance(value, dict):
            pairs += _flat(value, f"{prefix}{name}.")
        else:
            pairs.append((f"{prefix}{name}", value))
    return pairs
