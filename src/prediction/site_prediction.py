"""From a structure, or a data set of them, to predicted spectra."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from ..checkpoints.trained_model import TrainedModel
from ..errors import PredictionError, StructureError
from ..model.graph_input import Graph
from ..structures.absorbers import choose_sites, equivalent_sites, unknown_elements
from ..structures.graph import check_atoms
from ..structures.pymatgen import as_atoms
from .inference import PredictedSites, check_predicted, predict_sites

logger = logging.getLogger(__name__)

AT_ONCE = 64
"""Structures predicted together."""


@dataclass(frozen=True)
class SitePrediction:
    """Predicted spectrum of one absorbing atom, or of several that symmetry makes equivalent."""

    structure: str
    site: int
    """0-based index of the absorber in the structure."""
    equivalent: list[int]
    """Sites with the same spectrum by symmetry, this one included."""
    energy: np.ndarray
    """Energies, eV, absolute if the model has a reference energy, shape (n_energies,)."""
    mu: np.ndarray
    """Absorption in the model's unit, shape (n_energies,)."""
    half_width: np.ndarray | None = None
    """Half width of the calibrated band, same unit and shape; NaN outside the calibrated energies.
    None: the model is not calibrated."""
    novel: bool = False
    """Whether the site is unlike anything that the model was trained on."""
    unseen: tuple[str, ...] = ()
    """Elements of the structure that the model was not trained on."""
    element: str | None = None
    """Element of the absorber."""

    @property
    def lower(self) -> np.ndarray | None:
        """Lower end of the band, shape (n_energies,); None: the model is not calibrated."""
        return None if self.half_width is None else self.mu - self.half_width

    @property
    def upper(self) -> np.ndarray | None:
        """Upper end of the band, shape (n_energies,); None: the model is not calibrated."""
        return None if self.half_width is None else self.mu + self.half_width


def predict_structures(
    model: TrainedModel,
    structures: Iterable[tuple[str, Any]],
    sites: Sequence[int] | None = None,
    energy: np.ndarray | None = None,
    other_element: bool = False,
) -> list[list[SitePrediction]]:
    """Predict the spectra of many structures' absorbers, several structures at once.

    Elements that the model never saw and sites unlike its training are named in warnings.

    Args:
        model: model.
        structures: name of each, and its ``ase.Atoms`` or pymatgen ``Structure`` or ``Molecule``.
        sites: 0-based indices of absorbers, of every structure; None: every atom of the model's
            element.
        energy: energies, eV, shape (n_energies,), absolute if the model has a reference energy;
            None: those on which the model was scored.
        other_element: accept sites that are not of the model's element, with a warning.

    Returns:
        For each structure a prediction for each site, or for each group of equivalent sites where
        spglib is installed.

    Raises:
        StructureError: a structure or a site can't be used; the structure is named.
        PredictionError: a spectrum is not finite; structure and site are named.
        ConfigError: energies outside the model's range.
    """
    found = []
    for predictions in predict_each(model, structures, sites, energy, other_element):
        if isinstance(predictions, StructureError):
            raise predictions
        found.append(predictions)
    for predictions in found:
        warn_of_doubts(predictions, model.info.element)
    return found


def predict_structure(
    model: TrainedModel,
    structure: Any,
    name: str = "structure",
    sites: Sequence[int] | None = None,
    energy: np.ndarray | None = None,
    other_element: bool = False,
) -> list[SitePrediction]:
    """Predict the spectra of one structure's absorbers, see ``predict_structures``."""
    (found,) = predict_structures(model, [(name, structure)], sites, energy, other_element)
    return found


def predict_each(
    model: TrainedModel,
    structures: Iterable[tuple[str, Any]],
    sites: Sequence[int] | None = None,
    energy: np.ndarray | None = None,
    other_element: bool = False,
    at_once: int = AT_ONCE,
) -> Iterator[list[SitePrediction] | StructureError]:
    """Predict structures as they come, some at a time; one that fails does not stop the others.

    The arguments are those of ``predict_structures``; an error may be in a structure's place, and
    ``at_once`` structures are in memory.

    Yields:
        For each structure what ``predict_structures`` gives, or why it can't be predicted, named.
        Nothing is warned of.

    Raises:
        ConfigError: energies outside the model's range.
    """
    axis = model.energies(energy)
    coming = iter(structures)
    while True:
        found: list[list[SitePrediction] | StructureError] = []
        graphs, prepared = [], []
        # each becomes a graph before the next one comes: a simulation moves the same ``Atoms`` on
        for name, structure in islice(coming, at_once):
            try:
                one, graph = _prepare(model, name, structure, sites, other_element)
            except StructureError as error:
                found.append(error if error is structure else StructureError(f"{name}: {error}"))
                continue
            prepared.append((len(found), one))
            graphs.append(graph)
            found.append([])
        if not found:
            return
        for number, spectra in predict_sites(model, graphs, axis.relative):
            place, one = prepared[number]
            try:
                found[place] = one.predictions(axis.energy, spectra)
            except PredictionError as error:
                found[place] = error
        yield from found


@dataclass(frozen=True)
class _Prepared:
    """A structure that is to be predicted."""

    name: str
    groups: list[list[int]]
    """Absorbers that symmetry makes equivalent, ordered by their first ones."""
    unseen: tuple[str, ...]
    symbols: list[str]

    def predictions(self, energy: np.ndarray, sites: PredictedSites) -> list[SitePrediction]:
        """Predictions of the groups; raises PredictionError where one is not finite."""
        check_predicted(sites, [f"{self.name}, site {group[0]}" for group in self.groups])
        found = []
        for row, group in enumerate(self.groups):
            half, novel = None, False
            if sites.bands is not None:
                half, novel = sites.bands.half_width[row], bool(sites.bands.novel[row])
            values = self.name, group[0], group, energy, sites.mu[row], half, novel, self.unseen
            found.append(SitePrediction(*values, element=self.symbols[group[0]]))
        return found


def _prepare(
    model: TrainedModel,
    name: str,
    structure: Any,
    sites: Sequence[int] | None,
    other_element: bool,
) -> tuple[_Prepared, Graph]:
    """Choose a structure's absorbers and make its graph; raises StructureError."""
    if isinstance(structure, StructureError):
        raise structure
    atoms = as_atoms(structure)
    check_atoms(atoms, model.network.max_z)
    absorbers = choose_sites(atoms, model.info.element, sites, other_element)
    groups = sorted(equivalent_sites(atoms, absorbers) or [[site] for site in absorbers])
    unseen = tuple(unknown_elements(atoms, model.info.elements))
    graph = model.graph(atoms, [group[0] for group in groups])
    return _Prepared(name, groups, unseen, atoms.get_chemical_symbols()), graph


def is_other(site: SitePrediction, element: str | None) -> bool:
    """Whether an absorber is not of the model's element."""
    return element is not None and site.element not in (None, element)


def warn_of_doubts(sites: list[SitePrediction], element: str | None) -> None:
    """Warn of what in a structure is unlike the training set.

    Args:
        sites: predictions of a structure.
        element: the model's element.
    """
    name = sites[0].structure
    if sites[0].unseen:
        unseen = ", ".join(sites[0].unseen)
        logger.warning("%s: the model never saw %s; do not trust its spectra here", name, unseen)
    flagged = [site for prediction in sites if prediction.novel for site in prediction.equivalent]
    if flagged:
        logger.warning(
            "%s: unlike anything the model was trained on, sites %s; expect larger errors there",
            *(name, ", ".join(map(str, sorted(flagged)))),
        )
    for site in sites:
        if is_other(site, element):
            logger.warning(
                "%s: site %d is %s, but the model was trained for %s; energies and spectrum are"
                " those of %s",
                *(name, site.site, site.element, element, element),
            )
