"""Predicted spectra as tables: columns of text, or comma-separated values."""

import io
from collections.abc import Iterator, Sequence

import numpy as np

from ..checkpoints.energy_scale import describe_energies
from ..checkpoints.model_info import ModelInfo
from ..runtime.text_files import printable
from ..xas.tabular import csv_text
from .predicted import Predicted
from .site_prediction import is_other
from .structure_prediction import StructurePrediction


def text_table(predicted: Predicted, notes: Sequence[str]) -> str:
    """Text that NumPy's ``loadtxt`` reads.

    A header with units and column names, then one row per energy: energy, and the columns of each
    structure, see ``StructurePrediction.columns``. The mean over sites has no band, since the
    correlation of the errors of different sites is not known.
    """
    labels, columns = columns_of(predicted)
    header = "\n".join([*header_of(predicted, notes), "  ".join(labels)])
    text, formats = io.StringIO(), ["%.4f"] + ["%.6f"] * (len(columns) - 1)
    np.savetxt(text, np.stack(columns, axis=1), fmt=formats, header=header)
    return text.getvalue()


def csv_table(predicted: Predicted, notes: Sequence[str]) -> str:
    """Comma-separated values: names, then one row per energy, and nothing else.

    Outside the calibrated energies the ends of a band are empty. ``notes`` have no place in it.
    """
    labels, columns = columns_of(predicted)
    return csv_text([labels, *np.stack(columns, axis=1).tolist()])


def columns_of(predicted: Predicted) -> tuple[list[str], list[np.ndarray]]:
    """Names and values, shape (n_energies,), of energy and of the columns of all structures."""
    tables = [list(sites.columns().items()) for sites in predicted.spectra]
    pairs = tables[0][:1] + [pair for table in tables for pair in table[1:]]
    return [name for name, _ in pairs], [values for _, values in pairs]


def header_of(predicted: Predicted, notes: Sequence[str]) -> list[str]:
    """Where spectra come from, their units, and what to know about them, one line each."""
    model = predicted.model
    info, origin = model.info, model.provenance()
    lines = [
        f"e3gnn-xanes {origin['version']} prediction",
        f"command: {origin['command']}",
        f"model: {origin['model']} (written by version {info.library_version})",
        f"model file: sha256 {origin['model_sha256']}",
        f"training and validation records: sha256 {origin['training_data_sha256']}",
        f"trained by: {origin['training_command']}",
        f"absorber: {info.element} {info.edge} edge; trained on {info.code}",
        f"mu: {info.target}, unit {info.unit}",
        f"energy: eV, {describe_energies(model)}",
        *describe_bands(info),
    ]
    for sites, file in zip(predicted.spectra, predicted.sources, strict=True):
        lines.append(f"structure {sites.name}: {file}")
    lines += [*notes, *(note for sites in predicted.spectra for note in _notes(sites, info))]
    # a name may contain what ends a line, and rows of numbers after it
    return [printable(line) for line in lines]


def _notes(sites: StructurePrediction, info: ModelInfo) -> Iterator[str]:
    """What to know about a structure's columns."""
    if sites[0].unseen:
        yield f"{sites.name} contains {', '.join(sites[0].unseen)}, absent from the training set"
    for site in sites:
        label = f"{sites.name}_{site.site}"
        if site.novel:
            why = "; ".join(site.reasons)
            yield f"{label} is novel, unlike anything that the model was trained on: {why}"
        if is_other(site, info.element):
            yield f"{label} is {site.element}, but the model was trained for {info.element}"
        if len(site.equivalent) > 1:
            yield f"{label} stands for the equivalent sites {' '.join(map(str, site.equivalent))}"


def describe_bands(info: ModelInfo) -> list[str]:
    """What lower and upper mean; empty where the model is not calibrated."""
    if info.calibration is None:
        return []
    fraction = f"{info.calibration.coverage:.0%} of calculated points"
    n_sites = len(info.calibration.ids)
    return [f"lower, upper: band that contains {fraction}, calibrated on {n_sites} sites"]
