"""Predicted spectra as files: the ending of the name says which format."""

import csv
import io
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ..checkpoints.energy_scale import describe_energies
from ..checkpoints.trained_model import ModelInfo
from ..errors import ConfigError
from ..runtime.atomic_files import check_ending
from .predicted import Predicted, described, dumps
from .site_prediction import material_mean
from .spectra_table import columns_of, spectra_table


def text_table(predicted: Predicted, notes: list[str]) -> str:
    """Columns of text with a header, see ``spectra_table``."""
    return spectra_table(predicted.spectra, predicted.model, predicted.sources, notes)


def csv_table(predicted: Predicted, _notes: list[str]) -> str:
    """Comma-separated values: names of the columns, then one row per energy.

    Outside the calibrated energies the ends of a band are empty.
    """
    labels, columns = columns_of(predicted.spectra)
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(labels)
    for row in np.stack(columns, axis=1).tolist():
        table.writerow("" if value != value else repr(value) for value in row)
    return text.getvalue()


def as_json(predicted: Predicted, notes: list[str]) -> str:
    """Structures with their sites, spectra and doubts, see docs/formats.md."""
    info = predicted.model.info
    structures = [
        {
            "name": sites[0].structure, "file": str(source), "unseen": sites[0].unseen,
            "mean": material_mean(sites),
            "sites": [
                {"site": site.site, "equivalent": site.equivalent, "element": site.element,
                 "novel": site.novel, "mu": site.mu, "lower": site.lower, "upper": site.upper}
                for site in sites
            ],
        }
        for sites, source in zip(predicted.spectra, predicted.sources, strict=True)
    ]  # fmt: skip
    return dumps({
        "kind": "prediction", "provenance": predicted.model.provenance(),
        **described(info), "coverage": info.calibration and info.calibration.coverage,
        "notes": notes, "energy": predicted.energy, "structures": structures,
    })  # fmt: skip


def arrays(predicted: Predicted, notes: list[str]) -> bytes:
    """NumPy archive: a row of ``mu`` per site, a row of ``mean`` per structure."""
    sites = predicted.sites
    rows: dict[str, Any] = {
        "energy": predicted.energy,
        "mu": np.stack([site.mu for site in sites]),
        "structure": [site.structure for site in sites],
        "site": [site.site for site in sites],
        "multiplicity": [len(site.equivalent) for site in sites],
        "element": [site.element or "" for site in sites],
        "mean": np.stack([material_mean(sites) for sites in predicted.spectra]),
        "name": [sites[0].structure for sites in predicted.spectra],
        "path": [str(path) for path in predicted.sources],
        "notes": np.array(notes, dtype=str),
    }
    if predicted.model.calibration is not None:
        rows |= {name: np.stack([getattr(s, name) for s in sites]) for name in ("lower", "upper")}
        rows["novel"] = [site.novel for site in sites]
    archive = io.BytesIO()
    origin = {**predicted.model.provenance(), **described(predicted.model.info)}
    rows |= {name: str(value) for name, value in origin.items()}
    np.savez(archive, **rows)
    return archive.getvalue()


def exchange(name: str) -> Callable[[Predicted, list[str]], str | bytes]:
    """Writer in ``exchange``, which is imported when it is used."""

    def write(predicted: Predicted, notes: list[str]) -> str | bytes:
        content: str | bytes = getattr(import_module(".exchange", __package__), name)(
            predicted, notes
        )
        return content

    return write


WRITERS: dict[str, Callable[[Predicted, list[str]], str | bytes]] = {
    ".dat": text_table,
    ".csv": csv_table,
    ".json": as_json,
    ".npz": arrays,
    ".xdi": exchange("xdi"),
    ".xas.json": exchange("pymatgen_objects"),
    ".chemiscope.json": exchange("chemiscope"),
    ".prj": exchange("athena"),
}
"""What writes a file, by the ending of its name; the longest that fits."""
ABSOLUTE = (".xdi", ".xas.json", ".prj")
"""Formats in which energies are absolute."""


def check_format(path: Path, info: ModelInfo) -> None:
    """Refuse a file that can't be written, before the prediction.

    Raises:
        ConfigError: an ending that is not known, of a format that needs absolute energies which
            the model does not have, or of Athena, but larch is not installed.
    """
    ending = check_ending(path, (*WRITERS, ".db"))
    if ending in ABSOLUTE and info.reference_energy is None:
        raise ConfigError(
            f"{path}: {ending} contains absolute energies, but those of the model are relative to"
            " an unspecified edge; choose another ending, such as .csv"
        )
    if ending == ".prj" and find_spec("larch") is None:
        raise ConfigError(
            f"{path}: Athena projects are written by larch; pip install 'e3gnn-xanes[athena]'"
        )


def content_of(path: Path, predicted: Predicted, notes: list[str]) -> bytes:
    """Content of a file with the spectra, in the format that its ending says.

    Args:
        path: file to write, or a device, which gets the table of text.
        predicted: structures and spectra.
        notes: remarks, such as which structures were skipped.

    Raises:
        ConfigError: the ending is not known, or the format can't contain these spectra.
    """
    ending = check_ending(path, tuple(WRITERS)) or ".dat"
    if ending != ".dat":  # whose header says it
        notes = [*notes, f"energies: {describe_energies(predicted.model)}"]
    content = WRITERS[ending](predicted, notes)
    return content.encode() if isinstance(content, str) else content
