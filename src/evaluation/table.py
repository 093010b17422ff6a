"""All results of an evaluation as a file: JSON, or CSV with one row per metric, group and site."""

import csv
import io
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CheckpointError
from ..runtime.atomic_files import check_writable, write_durably, write_json, write_text_durably
from .evaluate import Comparison

ENDINGS = (".json", ".csv")


def check_table(path: Path) -> None:
    """Refuse a path that can't be written.

    Raises:
        ConfigError: see ``check_writable``.
    """
    check_writable(path, *ENDINGS)


def write_table(path: Path, compared: Comparison, origin: dict[str, str] | None = None) -> None:
    """Write all figures of an evaluation.

    Args:
        path: file, .json or .csv.
        compared: the evaluation.
        origin: model, data, version and command.

    Raises:
        ConfigError: see ``check_table``.
        CheckpointError: see ``write_durably``.
    """
    check_table(path)
    if path.suffix == ".json":
        write_json(path, {"provenance": origin, **as_json(compared)})
        return
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("kind", "name", "sites", "value"))
    table.writerows(("provenance", name, "", value) for name, value in (origin or {}).items())
    table.writerows(as_rows(compared))
    write_text_durably(path, text.getvalue())


def as_json(compared: Comparison) -> dict[str, Any]:
    """The figures as nested dictionaries."""
    result = compared.result
    sites: dict[str, dict[str, Any]] = {}
    for k, (record_id, one) in enumerate(zip(result.ids, compared.around, strict=True)):
        errors = compared.feature_errors.items()
        sites[record_id] = {
            "mse": float(result.mse[k]),
            **{f"{name}_error": float(values[k]) for name, values in errors},
            "coordination": one.coordination,
            "elements": sorted(one.elements),
        }
    return {
        "unit": compared.unit,
        "sites": len(result.ids),
        "mse": result.mean_mse,
        "median_mse": result.median_mse,
        "mae": result.mae,
        "baseline_mse": result.baseline_mse,
        "features": {name: asdict(error) for name, error in compared.features.items()},
        "by_element": {g.name: {"sites": g.sites, "mse": g.mse} for g in compared.elements},
        "by_coordination": {
            g.name: {"sites": g.sites, "mse": g.mse} for g in compared.coordination
        },
        "energy": compared.axis.energy.tolist(),
        "r2": result.r2.tolist(),
        "by_site": sites,
    }


def as_rows(compared: Comparison) -> list[tuple[str, str, int, float]]:
    """The figures as rows of kind, name, sites and value."""
    result, count = compared.result, len(compared.result.ids)
    rows: list[tuple[str, str, int, float]] = [
        ("figure", "mse", count, result.mean_mse),
        ("figure", "median_mse", count, result.median_mse),
        ("figure", "mae", count, result.mae),
        ("figure", "baseline_mse", count, result.baseline_mse),
    ]
    for name, error in compared.features.items():
        for kind in ("mean_absolute", "median_absolute", "bias"):
            rows.append((f"{name} {kind}", "", error.sites, getattr(error, kind)))
    rows += [("element", g.name, g.sites, g.mse) for g in compared.elements]
    rows += [("coordination", g.name, g.sites, g.mse) for g in compared.coordination]
    r2 = zip(compared.axis.energy, result.r2, strict=True)
    rows += [("r2", f"{energy:.3f}", count, float(value)) for energy, value in r2]
    mse = zip(result.ids, result.mse, strict=True)
    return rows + [("site", record_id, 1, float(value)) for record_id, value in mse]


def write_arrays(path: Path, compared: Comparison, origin: dict[str, str]) -> None:
    """Write predicted spectra, with the bands of a calibrated model, as an NPZ file.

    Raises:
        CheckpointError: see ``write_durably``.
    """
    arrays: dict[str, Any] = {} if compared.bands is None else vars(compared.bands)
    result = compared.result
    arrays = {**arrays, **origin, "ids": np.array(result.ids), "energy": compared.axis.energy}

    def write(beside: Path) -> None:
        archive = io.BytesIO()  # on a full disk NumPy 1.26 would leave a file's archive open
        np.savez(archive, **arrays, mu=compared.prediction, r2=result.r2)
        beside.write_bytes(archive.getbuffer())

    def check(beside: Path) -> None:
        with zipfile.ZipFile(beside) as archive:
            if archive.testzip() is not None:
                raise CheckpointError(f"{path}: can't be written, it does not read back")

    write_durably(path, write, check)
