"""Map of a data set's sites by novelty and error, with their structures, for chemiscope."""

import gzip
from typing import Any

from ..dataset.database import Database
from ..evaluation.evaluate import Comparison
from ..prediction.chemiscope_view import RADIUS, load_chemiscope
from ..prediction.exchange import energy_parameter
from ..prediction.predicted import dumps


def site_map(compared: Comparison, database: Database, name: str) -> bytes:
    """Compressed JSON that chemiscope.org or ``chemiscope.show_input`` displays.

    A point per record, in the order of ``compared``; of a mean over several atoms, the first. Its
    spectra are on the energies that were calculated for every record.

    Args:
        compared: predicted and calculated spectra.
        database: the records.
        name: title.

    Raises:
        ConfigError: chemiscope is not installed.
    """
    chemiscope, properties = load_chemiscope(), _numbers(compared)
    common = compared.mask.all(axis=0)
    if common.sum() > 1:
        spectra = {
            "predicted spectrum": compared.prediction,
            "calculated spectrum": compared.target,
        }
        properties |= {
            key: {**_property(mu[:, common], compared.labels.unit), "parameters": ["energy"]}
            for key, mu in spectra.items()
        }
    structures, environments = _environments(database, compared.result.ids)
    axes = [key for key in ("distance to the training set", "coordination") if key in properties]
    data = chemiscope.create_input(
        structures,
        metadata={"name": name, "description": f"errors at energies {compared.axis}"},
        properties=properties,
        environments=environments,
        parameters=energy_parameter(compared.axis.energy[common]) if common.sum() > 1 else None,
        settings=chemiscope.quick_settings(
            x=axes[0],
            y="mean squared error",
            map_color="coordination",
            target="atom",
            map_settings={"y": {"property": "mean squared error", "scale": "log"}},
        ),
    )
    return gzip.compress(dumps(data).encode(), mtime=0)


def _property(values: Any, units: str | None = None) -> dict[str, Any]:
    return {"target": "atom", "values": values, "units": units or ""}


def _numbers(compared: Comparison) -> dict[str, Any]:
    """Error, novelty and environment of each record."""
    result, around, bands = compared.result, compared.around, compared.bands
    unit = f"({compared.labels.unit})^2" if compared.labels.unit else None
    properties = {
        "mean squared error": _property(result.mse, unit),
        "coordination": _property([site.coordination for site in around]),
        "nearest neighbors": _property([" ".join(sorted(site.nearest)) for site in around]),
        "record": _property(result.ids),
    }
    if bands is not None:
        properties["distance to the training set"] = _property(bands.distance)
        properties["expected absolute error"] = _property(bands.expected, compared.labels.unit)
        properties["novel"] = _property(["yes" if novel else "no" for novel in bands.novel])
    return properties


def _environments(
    database: Database, ids: list[str]
) -> tuple[list[Any], list[tuple[int, int, float]]]:
    """Structures, equal ones once, and of each record structure, absorber and radius."""
    structures: list[Any] = []
    numbers: dict[str, int] = {}
    environments = []
    for record in database.records(ids):
        number = numbers.setdefault(record.structure_digest, len(structures))
        structures += [record.atoms] if number == len(structures) else []
        environments.append((number, record.site, RADIUS))
    return structures, environments
