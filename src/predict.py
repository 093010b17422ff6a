"""From a structure, or a data set of them, to predicted spectra."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from .checkpoint import ModelInfo
from .data.graph import atoms_to_graph, check_atoms
from .data.pymatgen_json import as_atoms
from .ensemble import Network
from .errors import ConfigError, StructureError
from .inference import PredictedSites, predict_sites

logger = logging.getLogger(__name__)

SYMPREC = 1e-3
"""Atoms that symmetry maps onto each other within this distance are equivalent, Angstrom."""


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

    @property
    def lower(self) -> np.ndarray | None:
        """Lower end of the band, shape (n_energies,); None: the model is not calibrated."""
        return None if self.half_width is None else self.mu - self.half_width

    @property
    def upper(self) -> np.ndarray | None:
        """Upper end of the band, shape (n_energies,); None: the model is not calibrated."""
        return None if self.half_width is None else self.mu + self.half_width


def choose_sites(atoms: Atoms, info: ModelInfo, sites: Sequence[int] | None) -> list[int]:
    """Absorbers of a structure: those asked for, else every atom of the model's element.

    Raises:
        StructureError: there is none, or one asked for is not of the model's element.
    """
    symbols = atoms.get_chemical_symbols()
    if sites is None:
        if info.element is None:
            raise StructureError("the model names no element; say which sites absorb")
        found = [i for i, symbol in enumerate(symbols) if symbol == info.element]
        if not found:
            raise StructureError(
                f"{atoms.get_chemical_formula()} holds no {info.element},"
                f" the element that the model was trained for"
            )
        return found
    for site in sites:
        if not 0 <= site < len(atoms):
            raise StructureError(f"site {site} is not within 0 .. {len(atoms) - 1}")
        if info.element is not None and symbols[site] != info.element:
            raise StructureError(
                f"site {site} is {symbols[site]}, but the model was trained for {info.element}"
            )
    return sorted(set(sites))


def unknown_elements(atoms: Atoms, info: ModelInfo) -> list[str]:
    """Elements of a structure that no training structure held."""
    if info.elements is None:
        return []
    return [chemical_symbols[z] for z in sorted(set(atoms.numbers) - set(info.elements))]


def equivalent_sites(atoms: Atoms, sites: Sequence[int]) -> list[list[int]] | None:
    """Group sites that the space group maps onto each other.

    Args:
        atoms: structure.
        sites: the sites to group.

    Returns:
        Groups, each sorted; None where spglib is not installed. Sites of a structure that is not
        periodic in three dimensions, or whose symmetry is not found, are groups of their own.
    """
    try:
        import spglib
    except ImportError:
        return None
    symmetry = None
    if all(atoms.pbc):
        cell: Any = (np.asarray(atoms.cell.array), atoms.get_scaled_positions(), atoms.numbers)
        try:
            symmetry = spglib.get_symmetry_dataset(cell, symprec=SYMPREC)
        except spglib.SpglibError as error:
            logger.warning("no space group was found (%s); every site is taken as distinct", error)
    if symmetry is None:
        return [[site] for site in sites]
    groups: dict[int, list[int]] = {}
    for site in sites:
        groups.setdefault(int(symmetry.equivalent_atoms[site]), []).append(site)
    return list(groups.values())


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
    if energy.min() < low - 1e-6 or energy.max() > high + 1e-6:
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

    Returns:
        For each structure a prediction for each site, or for each group of equivalent sites where
        spglib is installed.

    Raises:
        StructureError: a structure or a site can't be used; the structure is named.
        ConfigError: energies outside the model's range.
    """
    found = predict_quietly(model, info, structures, sites, energy)
    for (name, _), predictions in zip(structures, found, strict=True):
        if predictions[0].unseen:
            logger.warning(
                "%s: the model never saw %s; do not trust its spectra here",
                name,
                ", ".join(predictions[0].unseen),
            )
        warn_of_novel(predictions)
    return found


def predict_quietly(
    model: Network,
    info: ModelInfo,
    structures: Sequence[tuple[str, Any]],
    sites: Sequence[int] | None = None,
    energy: np.ndarray | None = None,
) -> list[list[SitePrediction]]:
    """``predict_structures`` without its warnings."""
    energy, relative = relative_energies(model, info, energy)
    graphs, groups, unseen = [], [], []
    for name, structure in structures:
        try:
            atoms = as_atoms(structure)
            check_atoms(atoms, model.max_z)
            absorbers = choose_sites(atoms, info, sites)
            groups.append(sorted(equivalent_sites(atoms, absorbers) or [[s] for s in absorbers]))
            shown = [group[0] for group in groups[-1]]
            graphs.append(atoms_to_graph(atoms, shown, model.r_max, model.max_z))
        except StructureError as error:
            raise StructureError(f"{name}: {error}") from error
        unseen.append(tuple(unknown_elements(atoms, info)))
    found: list[list[SitePrediction]] = []
    for number, spectra in predict_sites(model, info.calibration, graphs, relative):
        name = structures[number][0]
        found.append(to_predictions(name, groups[number], energy, spectra, unseen[number]))
    return found


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


def warn_of_novel(sites: list[SitePrediction]) -> None:
    """Name the sites of a structure that are unlike anything that the model was trained on."""
    flagged = [site for prediction in sites if prediction.novel for site in prediction.equivalent]
    if flagged:
        logger.warning(
            "%s: unlike anything the model was trained on, sites %s; expect larger errors there",
            *(sites[0].structure, ", ".join(map(str, sorted(flagged)))),
        )


def predict_structure(
    model: Network,
    info: ModelInfo,
    atoms: Any,
    name: str = "structure",
    sites: Sequence[int] | None = None,
    energy: np.ndarray | None = None,
) -> list[SitePrediction]:
    """Predict the spectra of one structure's absorbers, see ``predict_structures``."""
    (found,) = predict_structures(model, info, [(name, atoms)], sites, energy)
    return found
