"""From structures to predicted spectra of their absorbing sites, and their mean."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
from ase import Atoms

from ..checkpoints.trained_model import TrainedModel
from ..errors import PredictionError, StructureError
from ..model.graph_input import Graph
from ..structures.absorbers import choose_sites, equivalent_sites, unknown_elements
from ..structures.graph import check_atoms
from ..structures.names import formula_of
from ..structures.pymatgen import as_atoms
from .inference import PredictedSites, check_neighbors, predict_sites
from .structure_prediction import Labels, SitePrediction, StructurePrediction

logger = logging.getLogger(__name__)

AT_ONCE = 64
"""Structures predicted together."""
SHOWN = 3
"""Groups of sites whose reasons for being novel a warning names."""


def predict_structures(
    model: TrainedModel,
    structures: Iterable[tuple[str, Any]],
    sites: Sequence[int] | None = None,
    energy: np.ndarray | None = None,
    other_element: bool = False,
) -> list[StructurePrediction]:
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
        PredictionError: a spectrum is not finite, or an absorber has no neighbor within the
            cutoff; structure and site are named.
        ConfigError: energies outside the model's range.
    """
    each = predict_each(model, structures, sites, energy, other_element)
    predictions = list(raise_errors(each))
    for predicted in predictions:
        warn_of_doubts(predicted, model.info.element)
    return predictions


def predict_structure(
    model: TrainedModel,
    structure: Any,
    name: str = "structure",
    sites: Sequence[int] | None = None,
    energy: np.ndarray | None = None,
    other_element: bool = False,
) -> StructurePrediction:
    """Predict the spectra of one structure's absorbers, see ``predict_structures``."""
    return predict_structures(model, [(name, structure)], sites, energy, other_element)[0]


def predict_each(
    model: TrainedModel,
    structures: Iterable[tuple[str, Any]],
    sites: Sequence[int] | None = None,
    energy: np.ndarray | None = None,
    other_element: bool = False,
    at_once: int = AT_ONCE,
) -> Iterator[StructurePrediction | StructureError]:
    """Predict structures as they come, some at a time; one that fails does not stop the others.

    Arguments and results are those of ``predict_structures``, but an error may be in the place of a
    structure or of its prediction, ``at_once`` structures are in memory, and nothing is warned of.

    Raises:
        ConfigError: energies outside the model's range.
    """
    axis, labels, coming = model.energies(energy), Labels.of(model), iter(structures)
    # each becomes a graph before the next one comes: a simulation moves the same ``Atoms`` on
    while prepared := [
        _prepare(model, *named, sites, other_element) for named in islice(coming, at_once)
    ]:
        graphs = [one[0] for one in prepared if not isinstance(one, StructureError)]
        spectra = PredictedSites(np.empty((0, 0)))
        if graphs:
            spectra = predict_sites(model, graphs, axis.relative)
        row = 0
        for one in prepared:
            if isinstance(one, StructureError):
                yield one
                continue
            yield _predictions(*one[1:], axis.energy, labels, spectra, row)
            row += len(one[1])


def raise_errors(
    predictions: Iterable[StructurePrediction | StructureError],
) -> Iterator[StructurePrediction]:
    """Yield predictions up to an error, which is raised."""
    for predicted in predictions:
        if isinstance(predicted, StructureError):
            raise predicted
        yield predicted


def _prepare(
    model: TrainedModel,
    name: str,
    structure: Any,
    sites: Sequence[int] | None,
    other_element: bool,
) -> tuple[Graph, list[dict[str, Any]], Atoms] | StructureError:
    """Graph of a structure, its distinct absorbers as fields of ``SitePrediction``, its atoms."""
    if isinstance(structure, StructureError):
        return structure
    try:
        atoms = as_atoms(structure)
        check_atoms(atoms, model.network.max_z)
        absorbers = choose_sites(atoms, model.info.element, sites, other_element)
        groups = sorted(equivalent_sites(atoms, absorbers) or [[site] for site in absorbers])
        graph = model.graph(atoms, [group[0] for group in groups])
        check_neighbors(graph)
    except StructureError as error:
        return type(error)(f"{name}: {error}")
    unseen = tuple(unknown_elements(atoms, model.info.elements))
    of_all = {"structure": name, "unseen": unseen, "formula": formula_of(atoms)}
    described = [
        {**of_all, "site": group[0], "equivalent": group, "element": atoms.symbols[group[0]]}
        for group in groups
    ]
    return graph, described, Atoms(atoms.symbols, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)


def _predictions(
    absorbers: list[dict[str, Any]],
    atoms: Atoms,
    energy: np.ndarray,
    labels: Labels,
    spectra: PredictedSites,
    first: int,
) -> StructurePrediction | PredictionError:
    """Predictions of a structure, whose spectra start at a row."""
    try:
        spectra.check([f"{site['structure']}, site {site['site']}" for site in absorbers], first)
    except PredictionError as error:
        return error
    bands = spectra.bands
    predicted = StructurePrediction(
        SitePrediction(
            **site,
            energy=energy,
            mu=spectra.mu[row],
            half_width=None if bands is None else bands.half_width[row],
            novel=len(spectra.reasons[row]) > 0,
            reasons=tuple(spectra.reasons[row]),
            distance=None if bands is None else float(bands.distance[row]),
            environment=spectra.around[row][0],
            labels=labels,
        )
        for row, site in enumerate(absorbers, start=first)
    )
    predicted.atoms = atoms
    return predicted


def warn_of_doubts(sites: list[SitePrediction], element: str | None) -> None:
    """Warn where a structure is unlike the training set, or of another element than a model's."""
    name = sites[0].structure
    if sites[0].unseen:
        unseen = ", ".join(sites[0].unseen)
        logger.warning(
            "%s: contains %s, absent from the training set; do not trust its spectra", name, unseen
        )
    novel = sorted(atom for site in sites if site.novel for atom in site.equivalent)
    if novel:
        listed, why = ", ".join(map(str, novel)), "; ".join(describe_reasons(sites))
        logger.warning(
            "%s: unlike anything the model was trained on, sites %s; expect larger errors there"
            " (%s)",
            *(name, listed, why),
        )
    for site in sites:
        if is_other(site, element):
            logger.warning(
                "%s: site %d is %s, but the model was trained for %s; energies and spectrum are"
                " those of %s",
                *(name, site.site, site.element, element, element),
            )


def describe_reasons(sites: Sequence[SitePrediction]) -> list[str]:
    """Why sites are novel, as in "Cu sites 3, 4: 2 neighbors within 5 Angstrom, ..".

    Sites that share their reasons have one entry; ``SHOWN`` at most.
    """
    groups = defaultdict[tuple[str | None, tuple[str, ...]], list[int]](list)
    for site in sites:
        if site.reasons:
            groups[site.element, site.reasons] += site.equivalent
    lines = []
    for (element, reasons), members in list(groups.items())[:SHOWN]:
        label = f"{element or ''} site{'s' if len(members) > 1 else ''}".strip()
        lines.append(f"{label} {', '.join(map(str, sorted(members)))}: {'; '.join(reasons)}")
    if len(groups) > SHOWN:
        lines.append(f"others for other reasons ({len(groups) - SHOWN})")
    return lines


def is_other(site: SitePrediction, element: str | None) -> bool:
    """Whether an absorber is not of the model's element."""
    return element is not None and site.element not in (None, element)


def material_mean(sites: Sequence[SitePrediction]) -> np.ndarray:
    """Mean spectrum of a structure's absorbers, see ``StructurePrediction.mean``."""
    return StructurePrediction(sites).mean


def material_half_width(sites: Sequence[SitePrediction]) -> np.ndarray | None:
    """Half width of a band around the mean, see ``StructurePrediction.half_width``."""
    return StructurePrediction(sites).half_width
