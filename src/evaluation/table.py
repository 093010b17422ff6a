"""All results of an evaluation as a file: JSON, or CSV with one row per metric, group and site."""

import io
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ..runtime.atomic_files import write_json, write_text_durably
from ..xas.tabular import csv_text
from .evaluate import Comparison

ENDINGS = (".json", ".csv")
"""Formats of a table, see ``write_table``."""


def write_table(path: Path, compared: Comparison, origin: dict[str, str] | None = None) -> None:
    """Write all figures of an evaluation, with their origin: model, data, version and command."""
    if path.suffix == ".json":
        write_json(path, {"provenance": origin, **as_json(compared)})
        return
    provenance = [("provenance", name, "", value) for name, value in (origin or {}).items()]
    head = ("kind", "name", "sites", "value")
    write_text_durably(path, csv_text([head, *provenance, *as_rows(compared)]))


def metrics(compared: Comparison) -> dict[str, float]:
    """Errors over all spectra."""
    result = compared.result
    return {
        "mse": result.mean_mse,
        "median_mse": result.median_mse,
        "mae": result.mae,
        "baseline_mse": result.baseline_mse,
    }


def as_json(compared: Comparison) -> dict[str, Any]:
    """The figures as nested dictionaries."""
    result, errors = compared.result, compared.feature_errors.items()
    sites = {
        record_id: {
            "mse": result.mse[k],
            **{f"{name}_error": values[k] for name, values in errors},
            "coordination": one.coordination,
            "elements": sorted(one.elements),
        }
        for k, (record_id, one) in enumerate(zip(result.ids, compared.around, strict=True))
    }
    groups = {"by_element": compared.elements, "by_coordination": compared.coordination}
    return {
        "unit": compared.labels.unit,
        "sites": len(result.ids),
        **metrics(compared),
        "features": {name: asdict(error) for name, error in compared.features.items()},
        **{
            kind: {g.name: {"sites": g.sites, "mse": g.mse} for g in members}
            for kind, members in groups.items()
        },
        "energy": compared.axis.energy,
        "r2": result.r2,
        "by_site": sites,
    }


def as_rows(compared: Comparison) -> list[tuple[str, str, int, float]]:
    """The figures as rows of kind, name, sites and value."""
    result, count = compared.result, len(compared.result.ids)
    rows = [("figure", name, count, value) for name, value in metrics(compared).items()]
    for name, error in compared.features.items():
        for kind in ("mean_absolute", "median_absolute", "bias"):
            rows.append((f"{name} {kind}", "", error.sites, getattr(error, kind)))
    rows += [("element", g.name, g.sites, g.mse) for g in compared.elements]
    rows += [("coordination", g.name, g.sites, g.mse) for g in compared.coordination]
    r2 = zip(compared.axis.energy, result.r2, strict=True)
    rows += [("r2", f"{energy:.3f}", count, value) for energy, value in r2]
    mse = zip(result.ids, result.mse, strict=True)
    return rows + [("site", record_id, 1, value) for record_id, value in mse]


def write_arrays(path: Path, compared: Comparison, origin: dict[str, str]) -> None:
    """Write predicted spectra, with the bands of a calibrated model, as an NPZ file."""
    result, archive = compared.result, io.BytesIO()
    arrays: dict[str, Any] = {} if compared.bands is None else vars(compared.bands)
    arrays = {**arrays, **origin, "ids": np.array(result.ids), "energy": compared.axis.energy}
    np.savez(archive, **arrays, mu=compared.prediction, r2=result.r2)
    write_text_durably(path, archive.getvalue())
