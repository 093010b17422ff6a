"""Structure and predicted spectra in a notebook, as a widget of chemiscope."""

from typing import Any

from ..errors import ConfigError, StructureError
from ..structures.names import title_of
from .exchange import energy_parameter, list_absorbers, site_properties
from .structure_prediction import StructurePrediction

RADIUS = 3.5
"""Neighbors within this distance of the chosen absorber are highlighted, Angstrom."""


def load_chemiscope() -> Any:
    """The package chemiscope (Fraux, Cersonsky, Ceriotti, JOSS 5, 2117 (2020)).

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import chemiscope
    except ImportError as error:
        raise ConfigError(
            "chemiscope is not installed; pip install 'e3gnn-xanes[chemiscope]'"
        ) from error
    return chemiscope


def show(predicted: StructurePrediction) -> Any:
    """Widget with the structure, a map of its absorbers, and the spectrum of the chosen one.

    Raises:
        ConfigError: chemiscope is not installed.
        StructureError: the prediction does not know its structure, or has no sites.
    """
    if predicted.atoms is None or not predicted:
        raise StructureError("`view` needs a structure and its sites, as `predict` returns them")
    chemiscope, absorbers = load_chemiscope(), list_absorbers([predicted])
    return chemiscope.show(
        structures=[predicted.atoms],
        properties=site_properties([site for *_, site in absorbers]),
        environments=[(0, center, RADIUS) for _, center, _ in absorbers],
        parameters=energy_parameter(predicted.energy),
        metadata={
            "name": title_of(predicted.name, predicted[0].formula),
            "description": repr(predicted),
        },
        settings=chemiscope.quick_settings(
            x="steepest rise",
            y="maximum",
            target="atom",
            structure_settings={
                "unitCell": True, "environments": {"activated": True, "cutoff": RADIUS},
            },
        ),
    )  # fmt: skip
