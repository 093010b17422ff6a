"""Public functions and constructors with their parameters, and those that no value can spoil."""

import inspect
import re
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

from input_functions import Function
from paths import ROOT

REFERENCE = [ROOT / "docs" / "reference" / f"{name}.md" for name in ("public", "readers")]
RESULTS = {"SitePrediction", "PredictedStructure", "TrajectorySpectrum", "Explanation", "errors"}
"""Public names that only hold what functions give; nobody calls their constructors."""
ENTRY = re.compile(r"^::: (src\.\S+)$((?:\n +.*)*)", re.MULTILINE)
MEMBERS = re.compile(r"members: \[(.*)\]")

WHETHER = "whether to; True or False, and anything is one of both"
CHECKED = "checked when the `Given` is made"
LABEL = "free text that is only shown"
REASONS = {
    ("TrainingConfig", "started_from"): "free text; another one is refused when resuming",
    ("ModelInfo", "calibration"): "made by `calibrate`; its arrays are checked by load_model",
    ("predict_structure", "name"): LABEL,
    ("predict_structure", "other_element"): WHETHER,
    ("predict_structures", "other_element"): WHETHER,
    ("XANESPredictor.__call__", "other_element"): WHETHER,
    ("Spectrum", "unit"): "free text; spectra of two units are refused by Spectrum.minus",
    ("Spectrum", "element"): "what a file says; looked up where an edge is needed, by `fit`",
    ("Spectrum", "edge"): "what a file says; looked up where an edge is needed, by `fit`",
    ("Spectrum", "source"): LABEL,
    ("Record", "source"): LABEL,
    ("write_records", "replace"): WHETHER,
    ("XANESDataset", "database"): "a `Database`, which has checked its file",
    ("XANESDataset", "cache"): "a `GraphCache`, which verifies a checksum of each entry",
    ("Source", "among"): WHETHER,
    ("read_materials_project", "given"): CHECKED,
    ("read_npz", "given"): CHECKED,
    ("read_table", "given"): CHECKED,
    ("write_xdi", "spectrum"): "a `Spectrum`, which has checked itself",
}
"""Parameters without a row, and why. An object of another class than annotated is Python's to
refuse (AttributeError or TypeError): a list is no model, 3 no data set."""


def documented() -> dict[str, list[str] | None]:
    """Public names of the reference, and the methods that it lists; None: all of the class."""
    found = {}
    for page in REFERENCE:
        for name, options in ENTRY.findall(page.read_text(encoding="utf-8")):
            listed = MEMBERS.search(options)
            words = listed[1].split(", ") if listed and listed[1] else []
            found[name] = words if listed else None
    return found


def public_calls() -> dict[str, Callable[..., Any]]:
    """Functions, constructors and methods that users call, by the name that rows give them."""
    calls = {}
    for path, methods in documented().items():
        module, _, name = path.rpartition(".")
        if name in RESULTS:
            continue
        found = getattr(import_module(module), name)
        calls[name] = found
        if not inspect.isclass(found):
            continue
        if methods is None:
            methods = [m for m in vars(found) if m == "__call__" or not m.startswith("_")]
        for method in methods:
            if inspect.isroutine(inspect.getattr_static(found, method)):
                calls[f"{name}.{method}"] = getattr(found, method)
    return calls


def parameters(calls: dict[str, Callable[..., Any]]) -> set[tuple[str, str]]:
    """Every parameter of some calls."""
    return {
        (where, name)
        for where, call in calls.items()
        for name in inspect.signature(call).parameters
        if name != "self"
    }


def without_row(
    calls: dict[str, Callable[..., Any]], rows: Iterable[Function]
) -> set[tuple[str, str]]:
    """Parameters that no row spoils and no reason excuses."""
    tried = {(row.where, row.argument) for row in rows}
    return parameters(calls) - tried - set(REASONS)
