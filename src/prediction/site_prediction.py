"""From a structure, or a data set of them, to predicted spectra."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
from ase import Atoms

from ..checkpoints.trained_model import ModelInfo
from ..errors import ConfigError, PredictionError, StructureError
from ..model.ensemble import Network
from ..structures.absorbers import choose_sites, equivalent_sites, unknown_elements
from ..structures.graph import atoms_to_graph, check_atoms
from ..structures.pymatgen import as_atoms
from .inference import PredictedSites, check_predicted, predict_sites

logger = logging.getLogger(__name__)

AT_ONCE = 64
"""Structures predicted together; bounds memory."""


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


def relative_energies(
    model: Network, info: ModelInfo, energy: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Energies of a prediction as the user counts them, and relative to the reference.

    Raises:
        ConfigError: the model has seen no spectra, an energy is outside its range, or nobody says
            which are wanted.
    """
    if info.pretrained_on is not None:
        raise ConfigError(
            f"the model has seen no spectra but {info.pretrained_on}; it is for trainings to start"
            " from, `train --init_from`"
        )
    reference = info.reference_energy or 0.0
    if energy is None:
        if info.energy_grid is None:
            raise ConfigError("the model file names no energies; say which are wanted")
        energy = np.asarray(info.energy_grid)
    energy = np.asarray(energy, dtype=float)
    if energy.ndim != 1 or not len(energy) or not np.isfinite(energy).all():
        raise ConfigError(
            "energies must be finite numbers on one axis, one or more, found the shape"
            f" {energy.shape}"
        )
    low, high = (reference + model.hyperparameters[name] for name in ("emin", "emax"))
    if not (energy.min() >= low - 1e-6 and energy.max() <= high + 1e-6):  # NaN is not either
        raise ConfigError(
            f"energies {energy.min():.3f} .. {energy.max():.3f} eV are asked for, but the model"
            f" knows {low:.3f} .. {high:.3f} eV"
        )
    return energy, energy - reference


def predict_structures(
    model: Network,
    info: ModelInfo,
    structures: Sequence[tuple[str, Any]],
    sites: Sequence[int] | None = None,
    energy: np.ndarray | None = None,
    other_element: bool = False,
) -> list[list[SitePrediction]]:
    """Predict the spectra of many structures' absorbers, several structures at once.

    Elements that the model never saw and sites unlike its training are named in warnings.

    Args:
        model: network.
        info: what it was trained for.
        structures: name of each, and its ``ase.Atoms`` or pymatgen ``Structure`` or ``Molecule``.
        sites: 0-based indices of absorbers, of every structure; None: every atom of the model's
            element.
        energy: energies, eV, shape (n_energies,), absolute if the model has a reference energy;
            None: those on which the model was scored.
        other_element: take sites that are not of the model's element, with a warning.

    Returns:
        For each structure a prediction for each site, or for each group of equivalent sites where
        spglib is installed.

    Raises:
        StructureError: a structure or a site can't be used; the structure is named.
        PredictionError: a spectrum is not finite; structure and site are named.
        ConfigError: energies outside the model's range.
    """
    found = predict_quietly(model, info, structures, sites, energy, other_element)
    for predictions in found:
        warn_of_unknown(predictions)
        warn_of_others(predictions, info)
    return found


def predict_quietly(
    model: Network,
    info: ModelInfo,
    structures: Sequence[tuple[str, Any]],
    sites: Sequence[int] | None = None,
    energy: np.ndarray | None = None,
    other_element: bool = False,
) -> list[list[SitePrediction]]:
    """``predict_structures`` without its warnings."""
    found = []
    for predictions in predict_each(model, info, structures, sites, energy, other_element):
        if isinstance(predictions, StructureError):
            raise predictions
        found.append(predictions)
    return found


def predict_each(
    model: Network,
    info: ModelInfo,
    structures: Iterable[tuple[str, Any]],
    sites: Sequence[int] | None = None,
    energy: np.ndarray | None = None,
    other_element: bool = False,
) -> Iterator[list[SitePrediction] | StructureError]:
    """Predict structures as they come, some at a time; one that can't be does not stop the others.

    Args:
        model: see ``predict_structures``, as for the other arguments.
        info: what it was trained for.
        structures: name of each, and the structure, or the error that came in its place.
        sites: absorbers of every structure.
        energy: energies, eV, shape (n_energies,).
        other_element: see ``predict_structures``.

    Yields:
        For each structure what ``predict_structures`` gives, or why it can't be predicted, named.

    Raises:
        ConfigError: energies outside the model's range.
    """
    energy, relative = relative_energies(model, info, energy)
    coming = iter(structures)
    while chunk := list(islice(coming, AT_ONCE)):
        yield from _predict_chunk(model, info, chunk, sites, (energy, relative), other_element)


def _predict_chunk(
    model: Network,
    info: ModelInfo,
    chunk: list[tuple[str, Any]],
    sites: Sequence[int] | None,
    energies: tuple[np.ndarray, np.ndarray],
    other_element: bool,
) -> list[list[SitePrediction] | StructureError]:
    """Predict some structures together; energies are absolute and relative."""
    found: list[list[SitePrediction] | StructureError] = []
    graphs, prepared, places = [], [], []
    for name, structure in chunk:
        try:
            atoms, equivalent = _prepare(model, info, structure, sites, other_element)
            shown = [group[0] for group in equivalent]
            graphs.append(atoms_to_graph(atoms, shown, model.r_max, model.max_z))
        except StructureError as error:
            told = error if error is structure else StructureError(f"{name}: {error}")
            found.append(told)
            continue
        unseen = tuple(unknown_elements(atoms, info))
        prepared.append((equivalent, unseen, atoms.get_chemical_symbols()))
        places.append(len(found))
        found.append([])
    for number, spectra in predict_sites(model, info.calibration, graphs, energies[1]):
        place, (equivalent, unseen, symbols) = places[number], prepared[number]
        name = chunk[place][0]
        try:
            check_predicted(spectra, [f"{name}, site {group[0]}" for group in equivalent])
        except PredictionError as error:
            found[place] = error
            continue
        of_sites = to_predictions(name, equivalent, energies[0], spectra, unseen)
        found[place] = [replace(site, element=symbols[site.site]) for site in of_sites]
    return found


def _prepare(
    model: Network,
    info: ModelInfo,
    structure: Any,
    sites: Sequence[int] | None,
    other_element: bool,
) -> tuple[Atoms, list[list[int]]]:
    """A structure as atoms, and its absorbers in groups that symmetry makes equivalent."""
    if isinstance(structure, StructureError):
        raise structure
    atoms = as_atoms(structure)
    check_atoms(atoms, model.max_z)
    absorbers = choose_sites(atoms, info, sites, other_element)
    return atoms, sorted(equivalent_sites(atoms, absorbers) or [[s] for s in absorbers])


def to_predictions(
    name: str,
    groups: list[list[int]],
    energy: np.ndarray,
    sites: PredictedSites,
    unseen: tuple[str, ...],
) -> list[SitePrediction]:
    """Predictions of a structure's groups of equivalent sites; both are ordered by atom."""
    predictions = []
    for row, group in enumerate(groups):
        half, novel = None, False
        if sites.bands is not None:
            half, novel = sites.bands.half_width[row], bool(sites.bands.novel[row])
        values = name, group[0], group, energy, sites.mu[row], half, novel, unseen
        predictions.append(SitePrediction(*values))
    return predictions


def warn_of_unknown(sites: list[SitePrediction]) -> None:
    """Name what of a structure is unlike anything that the model was trained on."""
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


def is_other(site: SitePrediction, info: ModelInfo) -> bool:
    """Whether an absorber is of another element than the model's."""
    return info.element is not None and site.element not in (None, info.element)


def warn_of_others(sites: list[SitePrediction], info: ModelInfo) -> None:
    """Name the absorbers of a structure that are of another element than the model's."""
    for site in sites:
        if is_other(site, info):
            logger.warning(
                "%s: site %d is %s, but the model was trained for %s; energies and spectrum are"
                " those of %s",
                *(site.structure, site.site, site.element, info.element, info.element),
            )


def predict_structure(
    model: Network,
    info: ModelInfo,
    atoms: Any,
    name: str = "structure",
    sites: Sequence[int] | None = None,
    energy: np.ndarray | None = None,
    other_element: bool = False,
) -> list[SitePrediction]:
    """Predict the spectra of one structure's absorbers, see ``predict_structures``."""
    (found,) = predict_structures(model, info, [(name, atoms)], sites, energy, other_element)
    return found
