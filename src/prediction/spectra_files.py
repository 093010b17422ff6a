"""Predicted spectra as files: the ending of the name says which format."""

import io
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ..checkpoints.energy_scale import describe_energies
from ..checkpoints.model_info import ModelInfo
from ..errors import ConfigError
from ..runtime.atomic_files import check_ending
from .predicted import Predicted, described, dumps
from .spectra_table import csv_table, text_table


def as_json(predicted: Predicted, notes: list[str]) -> str:
    """Structures with their sites, spectra and doubts, see docs/formats.md."""
    info = predicted.model.info
    structures = [
        {
            "name": sites.name, "file": str(source), "unseen": sites[0].unseen, "mean": sites.mean,
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
    origin = {**predicted.model.provenance(), **described(predicted.model.info)}
    rows: dict[str, Any] = {
        "energy": predicted.energy,
        "mu": np.stack([site.mu for site in sites]),
        "structure": [site.structure for site in sites],
        "site": [site.site for site in sites],
        "multiplicity": [len(site.equivalent) for site in sites],
        "element": [site.element or "" for site in sites],
        "mean": np.stack([one.mean for one in predicted.spectra]),
        "name": [one.name for one in predicted.spectra],
        "path": [str(path) for path in predicted.sources],
        "notes": np.array(notes, dtype=str),
        **{name: str(value) for name, value in origin.items()},
    }
    if predicted.model.calibration is not None:
        rows |= {name: np.stack([getattr(s, name) for s in sites]) for name in ("lower", "upper")}
        rows["novel"] = [site.novel for site in sites]
    archive = io.BytesIO()
    np.savez(archive, **rows)
    return archive.getvalue()


def exchange(name: str) -> Callable[[Predicted, list[str]], str | bytes]:
    """Writer in ``exchange``, whose imports take a second."""
    return lambda *arguments: getattr(import_module(".exchange", __package__), name)(*arguments)


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


def check_count(path: Path, count: int) -> None:
    """Raise ConfigError where a format can't contain so many structures."""
    if count > 1 and path.name.lower().endswith(".xdi"):
        raise ConfigError(
            f"{path}: XDI contains one structure, not {count}; predict each by itself, or choose"
            " another ending"
        )


def content_of(path: Path, predicted: Predicted, notes: list[str]) -> str | bytes:
    """Content of a file with the spectra, in the format that its ending says.

    Args:
        path: file to write, or a device, which gets the table of text.
        predicted: structures and spectra.
        notes: remarks, such as which structures were skipped.
    """
    write = WRITERS[check_ending(path, tuple(WRITERS)) or ".dat"]
    if write not in (text_table, csv_table):  # whose header says it
        notes = [*notes, f"energies: {describe_energies(predicted.model)}"]
    return write(predicted, notes)
