"""From structures to predicted spectra of their absorbing sites, and their mean."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from ase import Atoms

from ..checkpoints.trained_model import TrainedModel
from ..errors import PredictionError, StructureError
from ..model.graph_input import Graph
from ..structures.absorbers import choose_sites, equivalent_sites, unknown_elements
from ..structures.graph import check_atoms
from .inference import PredictedSites, predict_sites

logger = logging.getLogger(__name__)

AT_ONCE = 64
"""Structures predicted together."""


@dataclass(frozen=True)
class SitePrediction:
    """Predicted spectrum of one absorbing atom, or of several that symmetry makes equivalent."""

    structure: str
    """Name of the structure."""
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
    """Elements of the structure that are absent from the training set."""
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

    Elements that are absent from the training set and novel sites are named in warnings.

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
    predictions = []
    for predicted in predict_each(model, structures, sites, energy, other_element):
        if isinstance(predicted, StructureError):
            raise predicted
        warn_of_doubts(predicted, model.info.element)
        predictions.append(predicted)
    return predictions


def predict_structure(
    model: TrainedModel,
    structure: Any,
    name: str = "structure",
    sites: Sequence[int] | None = None,
    energy: np.ndarray | None = None,
    other_element: bool = False,
) -> list[SitePrediction]:
    """Predict the spectra of one structure's absorbers, see ``predict_structures``."""
    return predict_structures(model, [(name, structure)], sites, energy, other_element)[0]


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
        For each structure what ``predict_structures`` returns, or why it can't be predicted, named.
        There are no warnings.

    Raises:
        ConfigError: energies outside the model's range.
    """
    axis = model.energies(energy)
    coming = iter(structures)
    while True:
        # each becomes a graph before the next one comes: a simulation moves the same ``Atoms`` on
        prepared = [
            _prepare(model, name, structure, sites, other_element)
            for name, structure in islice(coming, at_once)
        ]
        if not prepared:
            return
        graphs = [one[0] for one in prepared if not isinstance(one, StructureError)]
        spectra = PredictedSites(np.empty((0, 0)))
        if graphs:
            spectra = predict_sites(model, graphs, axis.relative)
        row = 0
        for one in prepared:
            if isinstance(one, StructureError):
                yield one
                continue
            yield _predictions(one[1], axis.energy, spectra, row)
            row += len(one[1])


def _prepare(
    model: TrainedModel,
    name: str,
    structure: Any,
    sites: Sequence[int] | None,
    other_element: bool,
) -> tuple[Graph, list[dict[str, Any]]] | StructureError:
    """Graph of a structure, and its distinct absorbers as fields of ``SitePrediction``."""
    if isinstance(structure, StructureError):
        return structure
    try:
        if not isinstance(structure, Atoms):
            from ..structures.pymatgen import as_atoms

            structure = as_atoms(structure)
        check_atoms(structure, model.network.max_z)
        absorbers = choose_sites(structure, model.info.element, sites, other_element)
        groups = sorted(equivalent_sites(structure, absorbers) or [[site] for site in absorbers])
        graph = model.graph(structure, [group[0] for group in groups])
    except StructureError as error:
        return StructureError(f"{name}: {error}")
    unseen = tuple(unknown_elements(structure, model.info.elements))
    symbols = structure.get_chemical_symbols()
    return graph, [
        {"structure": name, "site": group[0], "equivalent": group, "unseen": unseen,
         "element": symbols[group[0]]}
        for group in groups
    ]  # fmt: skip


def _predictions(
    absorbers: list[dict[str, Any]], energy: np.ndarray, spectra: PredictedSites, first: int
) -> list[SitePrediction] | PredictionError:
    """Predictions of a structure, whose spectra start at a row."""
    try:
        spectra.check([f"{site['structure']}, site {site['site']}" for site in absorbers], first)
    except PredictionError as error:
        return error
    bands = spectra.bands
    return [
        SitePrediction(
            **site,
            energy=energy,
            mu=spectra.mu[row],
            half_width=None if bands is None else bands.half_width[row],
            novel=bands is not None and bool(bands.novel[row]),
        )
        for row, site in enumerate(absorbers, start=first)
    ]


def warn_of_doubts(sites: list[SitePrediction], element: str | None) -> None:
    """Warn where a structure is unlike the training set.

    Args:
        sites: predictions of a structure.
        element: the model's element.
    """
    name = sites[0].structure
    if sites[0].unseen:
        logger.warning(
            "%s: contains %s, absent from the training set; do not trust its spectra",
            *(name, ", ".join(sites[0].unseen)),
        )
    novel = sorted(
        site for prediction in sites if prediction.novel for site in prediction.equivalent
    )
    if novel:
        logger.warning(
            "%s: unlike anything the model was trained on, sites %s; expect larger errors there",
            *(name, ", ".join(map(str, novel))),
        )
    for site in sites:
        if is_other(site, element):
            logger.warning(
                "%s: site %d is %s, but the model was trained for %s; energies and spectrum are"
                " those of %s",
                *(name, site.site, site.element, element, element),
            )


def is_other(site: SitePrediction, element: str | None) -> bool:
    """Whether an absorber is not of the model's element."""
    return element is not None and site.element not in (None, element)


def material_mean(sites: Sequence[SitePrediction]) -> np.ndarray:
    """Mean spectrum of a structure's absorbers, each distinct site weighted by its multiplicity.

    Args:
        sites: what ``predict_structure`` returns, on one energy grid.

    Returns:
        mu, the unit of the sites', shape (n_energies,).

    Raises:
        StructureError: there are no sites, or their energies differ.
    """
    return _weighted_mean(sites, [site.mu for site in sites])


def material_half_width(sites: Sequence[SitePrediction]) -> np.ndarray | None:
    """Half width of a band around the mean, the mean of the sites' half widths.

    That is its upper bound, reached where the errors of all sites go together; if they did not, it
    would be narrower by up to the root of the number of sites.

    Args:
        sites: what ``predict_structure`` returns.

    Returns:
        Half width, unit of the sites', shape (n_energies,); None: the model is not calibrated.

    Raises:
        StructureError: see ``material_mean``.
    """
    widths = [site.half_width for site in sites if site.half_width is not None]
    return None if len(widths) < len(sites) else _weighted_mean(sites, widths)


def _weighted_mean(sites: Sequence[SitePrediction], values: list[np.ndarray]) -> np.ndarray:
    """Mean over all atoms that the sites stand for."""
    if not sites:
        raise StructureError("a material without absorbers has no spectrum")
    for site in sites:
        if not np.array_equal(site.energy, sites[0].energy):
            raise StructureError(
                f"site {site.site} of {site.structure} has other energies than site"
                f" {sites[0].site} of {sites[0].structure}; a mean needs the same"
            )
    return np.average(values, axis=0, weights=[len(site.equivalent) for site in sites])
