"""Predicted spectra as a table of text."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..checkpoints.energy_scale import describe_energies
from ..checkpoints.trained_model import ModelInfo, TrainedModel
from ..runtime.text_files import printable
from .site_prediction import is_other, material_mean
from .structure_prediction import SitePrediction


def spectra_table(
    predicted: Sequence[Sequence[SitePrediction]],
    model: TrainedModel,
    sources: Sequence[Path],
    notes: Sequence[str] = (),
) -> str:
    """Predicted spectra as text that NumPy's ``loadtxt`` reads.

    Args:
        predicted: predictions of each structure.
        model: the model that predicted them.
        sources: file of each structure.
        notes: more lines for the header.

    Returns:
        A header with units and column names, then one row per energy: energy, mu of each site with
        the ends of its band if the model is calibrated (nan outside the calibrated energies), and
        the mean over the sites of each structure, without a band, since the correlation of the
        errors of different sites is not known.
    """
    labels, columns = columns_of(predicted)
    notes = [*notes, *(note for sites in predicted for note in _notes(sites, model.info.element))]
    files = zip(predicted, sources, strict=True)
    header = _model_lines(model)
    header += [f"structure {sites[0].structure}: {file}" for sites, file in files]
    header += [*notes, "  ".join(labels)]
    # a name may contain what ends a line, and rows of numbers after it
    header = [printable(line) for line in header]
    text, formats = io.StringIO(), ["%.4f"] + ["%.6f"] * (len(columns) - 1)
    np.savetxt(text, np.stack(columns, axis=1), fmt=formats, header="\n".join(header))
    return text.getvalue()


def columns_of(predicted: Sequence[Sequence[SitePrediction]]) -> tuple[list[str], list[np.ndarray]]:
    """Names, without blanks, and values of the columns, each of shape (n_energies,).

    Args:
        predicted: predictions of each structure.

    Returns:
        Energy, eV; mu of each site with the ends of its band if the model is calibrated; and the
        mean over the sites of each structure.
    """
    columns, labels = [predicted[0][0].energy], ["energy_eV"]
    for sites in predicted:
        name = sites[0].structure
        for site in sites:
            label = f"{name}_{site.site}"
            labels.append(label)
            columns.append(site.mu)
            if site.lower is not None and site.upper is not None:
                labels += [f"{label}_lower", f"{label}_upper"]
                columns += [site.lower, site.upper]
        labels.append(f"{name}_mean")
        columns.append(material_mean(sites))
    return ["_".join(label.split()) for label in labels], columns


def _notes(sites: Sequence[SitePrediction], element: str | None) -> list[str]:
    """What to know about a structure's columns."""
    name, notes = sites[0].structure, []
    if sites[0].unseen:
        notes.append(f"{name} contains {', '.join(sites[0].unseen)}, absent from the training set")
    return notes + [note for s in sites for note in _site_notes(s, f"{name}_{s.site}", element)]


def _site_notes(site: SitePrediction, label: str, element: str | None) -> list[str]:
    """What to know about a site's column."""
    notes = []
    if site.novel:
        why = "; ".join(site.reasons)
        notes.append(f"{label} is novel, unlike anything that the model was trained on: {why}")
    if is_other(site, element):
        notes.append(f"{label} is {site.element}, but the model was trained for {element}")
    if len(site.equivalent) > 1:
        others = " ".join(map(str, site.equivalent))
        notes.append(f"{label} stands for the equivalent sites {others}")
    return notes


def _model_lines(model: TrainedModel) -> list[str]:
    """Where a table comes from, and its units."""
    info, origin = model.info, model.provenance()
    return [
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


def describe_bands(info: ModelInfo) -> list[str]:
    """What lower and upper mean; empty where the model is not calibrated."""
    if info.calibration is None:
        return []
    fraction = f"{info.calibration.coverage:.0%} of calculated points"
    n_sites = len(info.calibration.ids)
    return [f"lower, upper: band that contains {fraction}, calibrated on {n_sites} sites"]
