"""What the commands print: contents of a database or model, an evaluation, a table."""

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from ..checkpoints.trained_model import ModelInfo, TrainedModel
from ..model.ensemble import networks_of
from ..prediction.material import material_mean
from ..prediction.site_prediction import SitePrediction, is_other

if TYPE_CHECKING:  # a prediction needs none of these, and ASE's databases are slow to import
    from ..dataset.database import Contents
    from ..evaluation.metrics import Evaluation
    from ..evaluation.table import Details
    from ..prediction.spectra_db import BulkSummary

LISTED = 20
"""Structures of a file beyond which only a summary is printed."""
SHORT_LIST = 6
"""Longer lists of a model file are shown by their ends."""


def with_counts(counter: Counter[str]) -> str:
    """Values with their counts, as they come."""
    return ", ".join(f"{value} ({count})" for value, count in counter.items())


def by_count(counter: Counter[str]) -> list[str]:
    """Values with their counts, the most frequent first."""
    ordered = sorted(counter.items(), key=lambda item: (-item[1], item[0]))
    return [f"{value} {count}" for value, count in ordered]


def describe_contents(contents: "Contents", digest: str | None = None) -> str:
    """What a database holds, and the checksum of it where that is given."""
    lines = [f"sites: {contents.sites}", f"materials: {contents.materials}"]
    for name, counter in contents.kinds.items():
        lines.append(f"{name}: {with_counts(counter)}")
    listed = " ".join(by_count(contents.elements))
    lines.append(f"elements: {len(contents.elements)}, by number of records: {listed}")
    low, high = contents.energy_range
    if contents.sites:
        lines.append(f"energies: {low:.3f} .. {high:.3f} eV")
    if digest is not None:
        lines.append(f"content: sha256 {digest}")
    return "\n".join(lines)


def describe_model(model: TrainedModel) -> str:
    """What a model was trained for, its constructor's arguments and its size."""
    lines, info = [], model.info
    for name, value in vars(replace(info, calibration=None)).items():
        if isinstance(value, list) and len(value) > SHORT_LIST:
            lines.append(f"{name}: {len(value)} values, {value[0]} .. {value[-1]}")
        elif value is not None:
            lines.append(f"{name}: {value}")
    lines += [f"model.{name}: {value}" for name, value in model.network.hyperparameters.items()]
    networks = networks_of(model.network)
    if len(networks) > 1:
        lines.append(f"members: {len(networks)}")
    if info.calibration is not None:
        bands = info.calibration
        lines.append(f"bands: {bands.coverage:.0%}, calibrated on {len(bands.ids)} sites")
    count = sum(weight.numel() for weight in model.network.parameters())
    return "\n".join([*lines, f"parameters: {count}"])


def describe_shipped(name: str, model: TrainedModel) -> str:
    """What a model that ships with the package is for, a line a fact."""
    info = model.info
    card = info.card or {}
    members = len(networks_of(model.network))
    if info.pretrained_on is not None:
        return (
            f"{name}: to start trainings from (train --init_from {name}), no spectra\n"
            f"  pretrained on: {info.pretrained_on}\n"
            f"  licence: {card.get('licence', 'not stated')}\n"
            f"  accuracy: {card.get('accuracy', 'not stated')}"
        )
    elements = [chemical_symbols[z] for z in info.elements or []]
    lines = [
        f"{name}: {info.element} {info.edge} edge, {info.target} ({info.unit}), {info.code}",
        f"  data: {card.get('data', 'not stated')}",
        f"  licence of the data: {card.get('licence', 'not stated')}",
        f"  accuracy: {card.get('accuracy') or f'validation mse {info.val_mse}'}",
        f"  trained on {len(info.train_ids or [])} sites, {len(elements)} elements: "
        + " ".join(elements),
        f"  members: {members}",
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
    lengths_and_angles = "{:.4f} {:.4f} {:.4f} A, {:.2f} {:.2f} {:.2f} deg".format(
        *atoms.cell.cellpar()
    )
    return f"{text}, periodic along {periodic}, cell {lengths_and_angles}"


def describe_structures(structures: Sequence[tuple[str, Atoms]]) -> str:
    """Each structure on a line; of many their number, sizes and elements."""
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


def describe_bulk(summary: "BulkSummary") -> str:
    """What a bulk prediction did, with the first failures."""
    lines = [f"{summary.structures} structures, {summary.spectra} spectra, {summary.failed} failed"]
    lines += [f"failed: {reason}" for _, reason in summary.examples]
    if summary.failed > len(summary.examples):
        lines.append(f"failed: and {summary.failed - len(summary.examples)} more, in the output")
    if summary.novel:
        lines.append(
            f"{summary.novel} structures have sites unlike anything that the model was trained on;"
            " expect larger errors there"
        )
    if summary.unseen:
        lines.append(
            f"{summary.unseen} structures hold elements that the model never saw; do not trust its"
            " spectra there"
        )
    return "\n".join(lines)


def describe_details(details: "Details") -> str:
    """Errors of features, and by what surrounds a site."""
    from ..xas.features import FEATURES

    lines, total = [], len(details.result.ids)
    for name, (title, unit) in FEATURES.items():
        error = details.features[name]
        counted = "" if error.sites == total else f" ({error.sites} of {total} sites have it)"
        lines.append(
            f"{title}{f' ({unit})' if unit else ''}: mean absolute error {error.mean_absolute:.4f},"
            f" median {error.median_absolute:.4f}, bias {error.bias:+.4f}{counted}"
        )
    lines += [
        f"worst with {group.name} nearby: mse {group.mse:.6f}, {group.sites} sites"
        for group in details.elements[:5]
    ]
    listed = ", ".join(f"{g.name}: {g.mse:.6f} ({g.sites})" for g in details.coordination)
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


def site_label(site: SitePrediction) -> str:
    """Name of a site in a picture, with the number of its equivalents."""
    others = len(site.equivalent) - 1
    return f"site {site.site}" + (f" (and {others} equivalent)" if others else "")


def describe_bands(info: ModelInfo) -> list[str]:
    """What lower and upper mean; nothing where the model is not calibrated."""
    if info.calibration is None:
        return []
    sites = len(info.calibration.ids)
    part = f"{info.calibration.coverage:.0%} of calculated points"
    return [f"lower, upper: band that holds {part}, calibrated on {sites} sites"]


def spectra_table(
    found: list[list[SitePrediction]],
    model: TrainedModel,
    sources: Sequence[Path],
    notes: Sequence[str] = (),
) -> str:
    """Predicted spectra as text that NumPy's ``loadtxt`` reads.

    Args:
        found: predictions of each structure.
        model: the model that predicted them.
        sources: file of each structure.
        notes: more lines for the header.

    Returns:
        A header with units and column names, then a row an energy: the energy, each site's mu and,
        if the model is calibrated, the lower and upper end of its band (nan outside the calibrated
        energies), and after the sites of a structure their mean, weighted by the number of
        equivalent sites, which has no band: errors of sites add up in a way that is not known.
    """
    columns, labels, notes = [found[0][0].energy], ["energy_eV"], list(notes)
    for sites in found:
        if sites[0].unseen:
            unseen = ", ".join(sites[0].unseen)
            notes.append(f"{sites[0].structure} holds {unseen}, which the model never saw")
        for site in sites:
            label = f"{site.structure}_{site.site}"
            labels.append(label)
            columns.append(site.mu)
            if site.lower is not None and site.upper is not None:
                labels += [f"{labels[-1]}_lower", f"{labels[-1]}_upper"]
                columns += [site.lower, site.upper]
            notes += _site_notes(site, label, model.info.element)
        labels.append(f"{sites[0].structure}_mean")
        columns.append(material_mean(sites))
    files = zip(found, sources, strict=True)
    header = [
        *_model_lines(model),
        *(f"structure {sites[0].structure}: {file}" for sites, file in files),
        *notes,
        "  ".join("_".join(label.split()) for label in labels),
    ]
    # a name may hold what ends a line, and rows of numbers after it
    header = ["".join(sign if sign.isprintable() else " " for sign in line) for line in header]
    text, formats = io.StringIO(), ["%.4f"] + ["%.6f"] * (len(columns) - 1)
    np.savetxt(text, np.stack(columns, axis=1), fmt=formats, header="\n".join(header))
    return text.getvalue()


def _site_notes(site: SitePrediction, label: str, element: str | None) -> list[str]:
    """What to know about a site's column."""
    notes = []
    if site.novel:
        notes.append(f"{label} is novel: unlike anything that the model was trained on")
    if is_other(site, element):
        notes.append(f"{label} is {site.element}, but the model was trained for {element}")
    if len(site.equivalent) > 1:
        others = " ".join(map(str, site.equivalent))
        notes.append(f"{label} stands for the equivalent sites {others}")
    return notes


def _model_lines(model: TrainedModel) -> list[str]:
    """Where a table comes from, and its units."""
    info, told = model.info, model.provenance()
    zero = "absolute" if info.reference_energy is not None else "relative to the reference"
    return [
        f"e3gnn-xanes {told['version']} prediction",
        f"command: {told['command']}",
        f"model: {told['model']} (written by version {info.library_version})",
        f"model file: sha256 {told['model_sha256']}",
        f"training and validation records: sha256 {told['training_data_sha256']}",
        f"trained by: {told['training_command']}",
        f"absorber: {info.element} {info.edge} edge; trained on {info.code}",
        f"mu: {info.target}, unit {info.unit}",
        f"energy: eV, {zero}",
        *describe_bands(info),
    ]
