"""All results of an evaluation as a file: JSON, or CSV with one row per metric, group and site."""

import csv
import io
import zipfile
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CheckpointError, ConfigError
from ..runtime.atomic_files import check_writable, write_durably, write_json, write_text_durably
from ..xas.features import FEATURES, FeatureError, error_statistics
from .environments import Environment, Group, by_coordination, by_element
from .metrics import Evaluation

ENDINGS = (".json", ".csv")


@dataclass(frozen=True)
class Details:
    """An evaluation with what spectroscopists ask for."""

    result: Evaluation
    """Errors of the spectra."""
    errors: dict[str, np.ndarray]
    """Error of each feature at each site, by field of ``Features``; NaN where it is unknown."""
    around: list[Environment]
    """What surrounds each site."""

    @cached_property
    def features(self) -> dict[str, FeatureError]:
        """Summary of each feature's errors."""
        return {name: error_statistics(values) for name, values in self.errors.items()}

    @property
    def elements(self) -> list[Group]:
        """Errors by element nearby, largest first."""
        return by_element(self.around, self.result.mse)

    @property
    def coordination(self) -> list[Group]:
        """Errors by coordination number."""
        return by_coordination(self.around, self.result.mse)


def check_table(path: Path) -> None:
    """Refuse a path that can't be written.

    Raises:
        ConfigError: its ending is not a known one; see ``check_writable`` too.
    """
    if path.suffix not in ENDINGS:
        raise ConfigError(f"{path}: ending {path.suffix!r}, expected one of {list(ENDINGS)}")
    check_writable(path)


def write_table(
    path: Path,
    details: Details,
    energy: np.ndarray,
    unit: str | None,
    origin: dict[str, str] | None = None,
) -> None:
    """Write all figures.

    Args:
        path: file, .json or .csv.
        details: the figures.
        energy: scored energies, eV, shape (n_energies,).
        unit: unit of mu.
        origin: model, data, version and command.

    Raises:
        ConfigError: see ``check_table``.
        CheckpointError: see ``write_durably``.
    """
    check_table(path)
    if path.suffix == ".json":
        write_json(path, {"provenance": origin, **as_json(details, energy, unit)})
        return
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("kind", "name", "sites", "value"))
    table.writerows(("provenance", name, "", told) for name, told in (origin or {}).items())
    table.writerows(as_rows(details, energy))
    write_text_durably(path, text.getvalue())


def as_json(details: Details, energy: np.ndarray, unit: str | None) -> dict[str, Any]:
    """The figures as nested dictionaries."""
    result = details.result
    sites: dict[str, dict[str, Any]] = {}
    for k, (record_id, one) in enumerate(zip(result.ids, details.around, strict=True)):
        errors = {f"{name}_error": float(values[k]) for name, values in details.errors.items()}
        nearby = {"coordination": one.coordination, "elements": sorted(one.elements)}
        sites[record_id] = {"mse": float(result.mse[k]), **errors, **nearby}
    return {
        "unit": unit,
        "sites": len(result.ids),
        "mse": result.mean_mse,
        "median_mse": result.median_mse,
        "mae": result.mae,
        "baseline_mse": result.baseline_mse,
        "features": {name: asdict(error) for name, error in details.features.items()},
        "by_element": {g.name: {"sites": g.sites, "mse": g.mse} for g in details.elements},
        "by_coordination": {g.name: {"sites": g.sites, "mse": g.mse} for g in details.coordination},
        "energy": energy.tolist(),
        "r2": result.r2.tolist(),
        "by_site": sites,
    }


def as_rows(details: Details, energy: np.ndarray) -> list[tuple[str, str, int, float]]:
    """The figures as rows of kind, name, sites and value."""
    result, count = details.result, len(details.result.ids)
    rows: list[tuple[str, str, int, float]] = [
        ("figure", "mse", count, result.mean_mse),
        ("figure", "median_mse", count, result.median_mse),
        ("figure", "mae", count, float(result.mae)),
        ("figure", "baseline_mse", count, float(result.baseline_mse)),
    ]
    for name in FEATURES:
        error = details.features[name]
        for kind in ("mean_absolute", "median_absolute", "bias"):
            rows.append((f"{name} {kind}", "", error.sites, getattr(error, kind)))
    rows += [("element", g.name, g.sites, g.mse) for g in details.elements]
    rows += [("coordination", g.name, g.sites, g.mse) for g in details.coordination]
    rows += [("r2", f"{e:.3f}", count, float(r)) for e, r in zip(energy, result.r2, strict=True)]
    rows += [("site", name, 1, float(m)) for name, m in zip(result.ids, result.mse, strict=True)]
    return rows


def write_arrays(path: Path, arrays: dict[str, Any]) -> None:
    """Write an NPZ file.

    Raises:
        CheckpointError: see ``write_durably``.
    """

    def write(beside: Path) -> None:
        archive = io.BytesIO()  # on a full disk NumPy 1.26 would leave a file's archive open
        np.savez(archive, **arrays)
        beside.write_bytes(archive.getbuffer())

    def check(beside: Path) -> None:
        with zipfile.ZipFile(beside) as archive:
            if archive.testzip() is not None:
                raise CheckpointError(f"{path}: can't be written, it does not read back")

    write_durably(path, write, check)
