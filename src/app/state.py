"""What a tab of the page shows: structures, models, the chosen site. No browser is needed."""

import copy
import threading
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from ase import Atoms

from ..checkpoints.energy_scale import aligned
from ..checkpoints.pretrained import models
from ..checkpoints.trained_model import ModelInfo, TrainedModel
from ..errors import StructureError
from ..prediction.site_prediction import predict_structure
from ..prediction.structure_prediction import StructurePrediction
from ..structures.environments import Environment, environments
from ..structures.files import named_structures
from ..uncertainty import FEW

MEAN = -1
"""Site number of the mean over all absorbers."""
PREFERRED = ("cu-k-feff", "zn-k", "any-edge")
"""Models that ship, in the order in which one is chosen for a structure."""
Axis = Literal["absolute", "relative", "experiment"]

_one_at_a_time = threading.Lock()  # a prediction hooks into the network, which tabs share


@lru_cache(maxsize=8)
def load_model(name: str) -> TrainedModel:
    """A model, read once for all tabs."""
    return TrainedModel.load(name)


def edges_of(info: ModelInfo) -> list[tuple[str, str]]:
    """Elements and edges of which a model has seen enough spectra."""
    if info.edges is None:
        return [(info.element, info.edge)] if info.element and info.edge else []
    return [(one.element, one.edge) for one in info.edges if one.n_spectra >= FEW]


@dataclass
class Structure:
    """A structure as it was read: one frame, or several of a trajectory."""

    name: str
    """What to call it."""
    source: Path
    """File that it came from."""
    frames: list[Atoms]
    """One, or the frames of a trajectory."""
    frame: int = 0
    """The one that is shown."""

    @property
    def atoms(self) -> Atoms:
        """The frame that is shown."""
        return self.frames[self.frame]


@dataclass(frozen=True)
class Request:
    """What is to be predicted; a snapshot, so that it can be worked out in a thread."""

    name: str
    """Name of the structure."""
    atoms: Atoms
    """The structure, distorted as on the page."""
    models: tuple[str, ...]
    """Names of models."""
    element: str
    """Absorber."""
    edge: str
    """Absorption edge."""
    axis: Axis
    """Whose energies."""

    def load(self) -> list[TrainedModel]:
        """The models, each of the element and edge."""
        found = [load_model(name).of(self.element, self.edge) for name in self.models]
        return [aligned(model) for model in found] if self.axis == "experiment" else found


@dataclass(frozen=True)
class Result:
    """Predictions of one structure by one or more models."""

    models: list[TrainedModel]
    """The models."""
    spectra: list[StructurePrediction]
    """Spectra of the distinct sites, of each model."""
    surroundings: list[Environment]
    """Of each distinct site."""
    atoms: Atoms
    """The structure that was predicted."""

    @property
    def sites(self) -> list[int]:
        """First atom of each group of equivalent sites."""
        return [one.site for one in self.spectra[0]]

    def row(self, site: int) -> int | None:
        """Number of the group that an atom belongs to; None: it is no absorber, or `MEAN`."""
        for row, one in enumerate(self.spectra[0]):
            if site in one.equivalent:
                return row
        return None


def predict(request: Request) -> Result:
    """Predict as `e3gnn-xanes predict` does.

    Raises:
        StructureError: the structure can't be predicted.
        ConfigError: a model knows no shift to measured energies, or another element.
    """
    chosen = request.load()
    with _one_at_a_time:
        spectra = [predict_structure(one, request.atoms, request.name) for one in chosen]
    sites = [one.site for one in spectra[0]]
    around = environments(chosen[0].graph(request.atoms, sites))
    return Result(chosen, spectra, around, request.atoms)


def private_copy(model: TrainedModel) -> TrainedModel:
    """A model with a network of its own, for long work next to predictions of the shared one."""
    other = copy.copy(model)
    other.network = copy.deepcopy(model.network)
    return other


@dataclass
class State:
    """What one tab shows."""

    models: list[str] = field(default_factory=list)
    """Names of the models. Empty: one that ships and knows an element of the structure."""
    structures: list[Structure] = field(default_factory=list)
    """Structures that were read."""
    current: int = 0
    """The structure that is shown."""
    edge: tuple[str, str] | None = None
    """Absorber and edge. None: the first that structure and models have in common."""
    site: int = MEAN
    """Chosen absorber, 0-based; `MEAN`: the mean over all."""
    axis: Axis = "absolute"
    """Whose energies, or relative to the models' reference."""
    derivative: bool = False
    """Whether d mu / dE is drawn."""
    scan: Path | None = None
    """File of the measured spectrum that the command named. None: none."""
    result: Result | None = None
    """The last prediction. None: nothing yet."""

    @property
    def structure(self) -> Structure | None:
        """The structure that is shown."""
        return self.structures[self.current] if self.structures else None

    def add(self, path: Path, name: str | None = None) -> Structure:
        """Read a structure file and show it.

        Raises:
            StructureError: it can't be read.
        """
        named = named_structures(path)
        structure = Structure(name or named[0][0], path, [atoms for _, atoms in named])
        self.structures.append(structure)
        self.show(len(self.structures) - 1)
        return structure

    def show(self, number: int) -> None:
        """Show another structure."""
        self.current, self.site, self.result = number, MEAN, None
        if self.edge not in self.edges():
            self.edge = None

    def chosen_models(self) -> list[str]:
        """Models of the page; without a choice the first that knows an element of the structure."""
        if self.models or self.structure is None:
            return self.models
        present = set(self.structure.atoms.get_chemical_symbols())
        shipped = models()
        for name in PREFERRED:
            if name in shipped and any(e in present for e, _ in edges_of(load_model(name).info)):
                return [name]
        return [name for name in PREFERRED if name in shipped][:1]

    def edges(self) -> list[tuple[str, str]]:
        """Absorbers and edges that structure and models have in common."""
        if self.structure is None:
            return []
        present = set(self.structure.atoms.get_chemical_symbols())
        known = [pair for name in self.chosen_models() for pair in edges_of(load_model(name).info)]
        return [pair for pair in dict.fromkeys(known) if pair[0] in present]

    def request(self) -> Request | None:
        """What is to be predicted; None: there is no structure.

        Raises:
            StructureError: no model knows an absorber of the structure.
        """
        if self.structure is None:
            return None
        edges, names = self.edges(), self.chosen_models()
        if not edges:
            raise StructureError(
                f"{self.structure.name}: {self.structure.atoms.get_chemical_formula()} contains no"
                f" absorber that {' or '.join(names)} knows"
            )
        element, edge = self.edge if self.edge in edges else edges[0]
        able = tuple(n for n in names if (element, edge) in edges_of(load_model(n).info))
        return Request(self.structure.name, self.structure.atoms, able, element, edge, self.axis)

    def choose(self, site: int) -> None:
        """Choose a site, or the group that contains it; what is no absorber changes nothing."""
        row = None if self.result is None else self.result.row(site)
        if site == MEAN or row is not None:
            self.site = site if row is None or self.result is None else self.result.sites[row]

    def step(self, by: int) -> None:
        """Choose the next site in the order of the table, which begins with the mean."""
        if self.result is None:
            return
        order = [MEAN, *self.result.sites]
        here = order.index(self.site) if self.site in order else 0
        self.site = order[min(max(here + by, 0), len(order) - 1)]


def zero_of(model: TrainedModel) -> float:
    """Energy that a relative axis is relative to, eV."""
    return model.info.reference_energy or 0.0


def slope(energy: np.ndarray, mu: np.ndarray) -> np.ndarray:
    """D mu / dE, unit of mu per eV, shape (n_energies,)."""
    return np.gradient(mu, energy)
