"""What the commands print: contents of a database or model, an evaluation."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from ..checkpoints.model_info import ModelInfo
from ..checkpoints.trained_model import TrainedModel
from ..model.ensemble import networks_of
from ..prediction.spectra_table import describe_bands

if TYPE_CHECKING:  # a prediction needs none of these, and ASE's databases are slow to import
    from ..dataset.database import Contents
    from ..evaluation.evaluate import Comparison
    from ..evaluation.metrics import Evaluation
    from ..prediction.spectra_db import BulkSummary

LISTED = 20
"""Structures of a file beyond which only a summary is printed."""
SHORT_LIST = 6
"""Longer lists of a model file are abridged to their ends."""


def with_counts(counter: Counter[str]) -> str:
    """Values with their counts, in the counter's order."""
    return ", ".join(f"{value} ({count})" for value, count in counter.items())


def by_count(counter: Counter[str]) -> list[str]:
    """Values with their counts, the most frequent first."""
    ordered = sorted(counter.items(), key=lambda item: (-item[1], item[0]))
    return [f"{value} {count}" for value, count in ordered]


def describe_contents(contents: "Contents", digest: str | None = None) -> str:
    """Contents of a database, and its checksum if there is one."""
    lines = [f"sites: {contents.sites}", f"materials: {contents.materials}"]
    lines += [f"{name}: {with_counts(counter)}" for name, counter in contents.kinds.items()]
    listed = " ".join(by_count(contents.elements))
    lines.append(f"elements: {len(contents.elements)}, by number of records: {listed}")
    low, high = contents.energy_range
    if contents.sites:
        lines.append(f"energies: {low:.3f} to {high:.3f} eV")
    if digest is not None:
        lines.append(f"content: sha256 {digest}")
    return "\n".join(lines)


def describe_model(model: TrainedModel) -> str:
    """What a model was trained for, its constructor's arguments and its size."""
    lines, info = [], model.info
    for name, value in vars(replace(info, calibration=None, chemistry=None, edges=None)).items():
        if isinstance(value, list) and len(value) > SHORT_LIST:
            lines.append(f"{name}: {len(value)} values, {value[0]} to {value[-1]}")
        elif value is not None:
            lines.append(f"{name}: {value}")
    lines += describe_edges(info)
    if info.chemistry is not None:
        lines += info.chemistry.describe()
    lines += [f"model.{name}: {value}" for name, value in model.network.hyperparameters.items()]
    networks = networks_of(model.network)
    if len(networks) > 1:
        lines.append(f"members: {len(networks)}")
    if info.calibration is not None:
        bands = info.calibration
        lines.append(f"bands: {bands.coverage:.0%}, calibrated on {len(bands.ids)} sites")
    count = sum(weight.numel() for weight in model.network.parameters())
    return "\n".join([*lines, f"parameters: {count}"])


def describe_edges(info: ModelInfo) -> list[str]:
    """Absorbers and edges of a model that knows several, with their training spectra."""
    if info.edges is None:
        return []
    counts = ", ".join(f"{scale.name} {scale.n_spectra}" for scale in info.edges)
    return [f"absorbers, by number of training spectra: {counts}"]


def describe_shipped(name: str, model: TrainedModel) -> str:
    """What a model that ships with the package is for, one line per fact."""
    info, missing = model.info, "not stated"
    card = info.card or {}
    if info.pretrained_on is not None:
        return (
            f"{name}: to start trainings from (train --init_from {name}), no spectra\n"
            f"  pretrained on: {info.pretrained_on}\n"
            f"  licence: {card.get('licence', missing)}\n"
            f"  accuracy: {card.get('accuracy', missing)}"
        )
    elements = [chemical_symbols[z] for z in info.elements or []]
    listed = " ".join(elements)
    trained = [f"trained on {len(info.train_ids or [])} sites, {len(elements)} elements: {listed}"]
    if info.chemistry is not None:
        trained = info.chemistry.describe()
    lines = [
        f"{name}: {info.spectra}, {info.target} ({info.unit}), {info.code}",
        f"  data: {card.get('data', missing)}",
        f"  licence of the data: {card.get('licence', missing)}",
        f"  accuracy: {card.get('accuracy') or f'validation mse {info.val_mse}'}",
        *(f"  {line}" for line in [*describe_edges(info), *trained]),
        f"  members: {len(networks_of(model.network))}",
        *(f"  {line}" for line in describe_bands(info)),
    ]
    return "\n".join(lines)


def describe_structure(name: str, atoms: Atoms) -> str:
    """Composition and periodicity of a structure."""
    symbols = atoms.get_chemical_symbols()
    counts = ", ".join(f"{s} {symbols.count(s)}" for s in sorted(set(symbols)))
    periodic = "".join(axis for axis, flag in zip("abc", atoms.pbc, strict=True) if flag)
    text = f"{name}: {atoms.get_chemical_formula()}, {len(atoms)} atoms ({counts})"
    if not periodic:
        return f"{text}, not periodic"
    cell = "{:.4f} {:.4f} {:.4f} A, {:.2f} {:.2f} {:.2f} deg".format(*atoms.cell.cellpar())
    return f"{text}, periodic along {periodic}, cell {cell}"


def describe_structures(structures: Sequence[tuple[str, Atoms]]) -> str:
    """One line per structure; of many, their number, sizes and elements."""
    if len(structures) <= LISTED:
        return "\n".join(describe_structure(name, atoms) for name, atoms in structures)
    sizes = sorted(len(atoms) for _, atoms in structures)
    elements = Counter(s for _, atoms in structures for s in set(atoms.get_chemical_symbols()))
    listed = " ".join(by_count(elements))
    periodic = sum(bool(atoms.pbc.any()) for _, atoms in structures)
    return (
        f"structures: {len(structures)}, periodic: {periodic}\n"
        f"atoms: {sum(sizes)}, {sizes[0]} to {sizes[-1]} per structure, median"
        f" {sizes[len(sizes) // 2]}\n"
        f"elements: {len(elements)}, by number of structures: {listed}"
    )


def describe_result(path: Path) -> str | None:
    """What `compare`, `fit`, `explain` or `evaluate` wrote as JSON; None: another file.

    Lists are counted, and of what they contain the names are given.
    """
    try:
        values = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(values, dict) or not {"kind", "provenance"} & values.keys():
        return None
    return "\n".join(f"{name}: {_in_short(value)}" for name, value in values.items())


def _in_short(value: Any) -> str:
    """A value of a JSON file; of long lists and of nested values their size and names."""
    if isinstance(value, dict):
        flat = {k: v for k, v in value.items() if not isinstance(v, (dict, list))}
        return ", ".join(f"{k} {v}" for k, v in flat.items()) or ", ".join(value)
    if not isinstance(value, list):
        return str(value)
    if value and isinstance(value[0], dict):
        keys = [k for k in ("name", "element", "mse") if k in value[0]]
        listed = "; ".join(" ".join(str(item.get(k)) for k in keys) for item in value[:LISTED])
        return f"{len(value)}: {listed}" if listed.strip() else str(len(value))
    if value and all(isinstance(v, (int, float)) for v in value):
        return f"{len(value)} values, {min(value):g} to {max(value):g}"
    return f"{len(value)} values"


def describe_bulk(summary: "BulkSummary") -> str:
    """Counts of a bulk prediction, with the first failures."""
    lines = [f"{summary.structures} structures, {summary.spectra} spectra, {summary.failed} failed"]
    lines += [f"failed: {reason}" for reason in summary.reasons]
    if summary.failed > len(summary.reasons):
        lines.append(f"failed: and {summary.failed - len(summary.reasons)} more, in the output")
    if summary.novel:
        lines.append(
            f"{summary.novel} structures have sites unlike anything the model was trained on;"
            " expect larger errors there"
        )
    if summary.unseen:
        lines.append(
            f"{summary.unseen} structures contain elements that are absent from the training set;"
            " do not trust their spectra"
        )
    return "\n".join(lines)


def describe_details(compared: "Comparison") -> str:
    """Errors of features, and errors by element nearby and coordination."""
    from ..xas.features import FEATURES

    lines, total, features = [], len(compared.result.ids), compared.features
    for name, (title, unit) in FEATURES.items():
        error = features[name]
        counted = "" if error.sites == total else f" ({error.sites} of {total} sites have it)"
        lines.append(
            f"{title}{f' ({unit})' if unit else ''}: mean absolute error {error.mean_absolute:.4f},"
            f" median {error.median_absolute:.4f}, bias {error.bias:+.4f}{counted}"
        )
    lines += [
        f"worst with {group.name} nearby: mse {group.mse:.6f}, {group.sites} sites"
        for group in compared.elements[:5]
    ]
    listed = ", ".join(f"{g.name}: {g.mse:.6f} ({g.sites})" for g in compared.coordination)
    lines.append(f"mse by coordination (sites): {listed}")
    return "\n".join(lines)


def describe_evaluation(result: "Evaluation") -> str:
    """Figures of an evaluation and its worst records."""
    lines = [
        f"mse: {result.mean_mse:.8f}",
        f"median_mse: {result.median_mse:.8f}",
        f"mae: {result.mae:.8f}",
        f"mse of the mean training spectrum: {result.baseline_mse:.8f}",
    ]
    known = result.r2[np.isfinite(result.r2)]
    if len(known):
        low, middle, high = known.min(), np.median(known), known.max()
        lines.append(
            f"R2 per energy: mean {known.mean():.4f}, min {low:.4f}, median {middle:.4f},"
            f" max {high:.4f}"
        )
    lines += [f"worst: {record_id} {mse:.6f}" for record_id, mse in result.worst()]
    return "\n".join(lines)
