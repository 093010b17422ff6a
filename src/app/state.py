"""What a tab of the page shows: structures, models, the chosen site. No browser is needed."""

import copy
import threading
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from ase import Atoms

from ..checkpoints.energy_scale import aligned
from ..checkpoints.pretrained import models
from ..checkpoints.trained_model import ModelInfo, TrainedModel
from ..errors import StructureError
from ..prediction.site_prediction import predict_structure
from ..prediction.structure_prediction import StructurePrediction
from ..structures.environments import Environment, environments
from ..structures.files import named_structures
from .geometry import Geometry, distort

MEAN = -1
"""Site number of the mean over all absorbers."""
PREFERRED = ("cu-k-feff", "zn-k", "any-edge")
"""Models that ship, in the order in which one is chosen for a structure."""
LARGEST = 50_000_000
"""Files beyond this are refused before they are read, bytes."""
Axis = Literal["absolute", "relative", "experiment"]

_one_at_a_time = threading.Lock()  # a prediction hooks into the network, which tabs share


@lru_cache(maxsize=8)
def load_model(name: str) -> TrainedModel:
    """A model, read once for all tabs."""
    return TrainedModel.load(name)


def predict_alone(
    model: TrainedModel, atoms: Atoms, name: str, **options: Any
) -> StructurePrediction:
    """``predict_structure``, while no other tab predicts."""
    with _one_at_a_time:
        return predict_structure(model, atoms, name, **options)


def own_copy(model: TrainedModel) -> TrainedModel:
    """A model for long work, during which other tabs predict with the shared one."""
    return replace(model, network=copy.deepcopy(model.network))


def edges_of(info: ModelInfo) -> list[tuple[str, str]]:
    """Elements and edges of which a model has seen enough spectra."""
    if info.edges is None:
        return [(info.element, info.edge)] if info.element and info.edge else []
    return [(one.element, one.edge) for one in info.known_edges]


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
    uploaded: bool = False
    """Whether it was dropped onto the page, so that only the name of its file is known."""

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
    """The structure as it was read."""
    models: tuple[str, ...]
    """Names of models."""
    element: str
    """Absorber."""
    edge: str
    """Absorption edge."""
    aligned: bool = False
    """Whether energies are those of a measurement, as in `predict --align experiment`."""
    geometry: Geometry = Geometry()
    """How the structure is distorted."""
    site: int = MEAN
    """The only absorber that is predicted where its neighbors move."""

    @property
    def one_edge(self) -> str:
        """Name of the first model; of one of several edges with element and edge."""
        name = self.models[0]
        several = load_model(name).info.edges is not None
        return f"{name}:{self.element}-{self.edge}" if several else name


@dataclass(frozen=True)
class Result:
    """Predictions of one structure by one or more models."""

    request: Request
    """What was asked for."""
    models: list[TrainedModel]
    """The models."""
    atoms: Atoms
    """The structure that was predicted."""
    spectra: list[StructurePrediction]
    """Spectra of the distinct sites, of each model."""
    surroundings: list[Environment]
    """Of each distinct site."""

    @property
    def sites(self) -> StructurePrediction:
        """Distinct sites, with the spectra of the first model."""
        return self.spectra[0]

    def chosen(self, site: int, number: int = 0) -> StructurePrediction:
        """The group that an atom belongs to, else all, as one of the models predicts them."""
        sites, row = self.spectra[number], self.row(site)
        return sites if row is None else StructurePrediction([sites[row]])

    def row(self, site: int) -> int | None:
        """Number of the group that an atom belongs to; None: it is no absorber, or `MEAN`."""
        rows = (row for row, one in enumerate(self.sites) if site in one.equivalent)
        return next(rows, None)


def predict(request: Request) -> Result:
    """Predict as `e3gnn-xanes predict` does.

    Raises:
        StructureError: the structure can't be distorted or predicted.
        ConfigError: a model knows no shift to measured energies.
    """
    models = [load_model(name).of(request.element, request.edge) for name in request.models]
    models = [aligned(model) for model in models] if request.aligned else models
    atoms = distort(request.atoms, request.geometry, request.site)
    only = [request.site] if request.geometry.moves else None
    spectra = [predict_alone(model, atoms, request.name, sites=only) for model in models]
    around = environments(models[0].graph(atoms, [one.site for one in spectra[0]]))
    return Result(request, models, atoms, spectra, around)


def predict_both(request: Request, before: Result | None) -> tuple[Result, Result]:
    """Predict the structure and the undistorted one, which ``before`` may be already."""
    plain = replace(request, geometry=Geometry(), site=MEAN)
    undistorted = before if before is not None and before.request == plain else predict(plain)
    return (undistorted if request == plain else predict(request)), undistorted


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
    geometry: Geometry = Geometry()
    """How the structure is distorted."""
    result: Result | None = None
    """The last prediction. None: nothing yet."""
    undistorted: Result | None = None
    """That of the structure as it was read. None: not yet."""

    @property
    def structure(self) -> Structure | None:
        """The structure that is shown."""
        return self.structures[self.current] if self.structures else None

    @property
    def table(self) -> Result | None:
        """Prediction with all distinct sites, to choose from."""
        moves = self.result is not None and self.result.request.geometry.moves
        return self.undistorted if moves else self.result

    def add(self, path: Path, uploaded: bool = False) -> None:
        """Read a structure file and show it.

        Raises:
            StructureError: it is too large or can't be read.
        """
        if path.is_file() and path.stat().st_size > LARGEST:
            raise StructureError(f"{path.name}: larger than {LARGEST // 10**6} MB, not read")
        try:
            named = named_structures(path)
        except StructureError as error:  # a file that was dropped lies in a folder of no interest
            text = str(error).replace(f"{path.parent}/", "") if uploaded else str(error)
            raise StructureError(text) from error
        name = path.stem if uploaded or len(named) > 1 else named[0][0]
        source = Path(path.name) if uploaded else path
        frames = [atoms for _, atoms in named]
        self.structures.append(Structure(name, source, frames, uploaded=uploaded))
        self.show(len(self.structures) - 1)

    def show(self, number: int) -> None:
        """Show another structure."""
        self.current, self.site, self.geometry = number, MEAN, Geometry()
        self.result = self.undistorted = None

    def chosen_models(self) -> list[str]:
        """Models of the page; without a choice the first that knows an element of the structure."""
        if self.models or self.structure is None:
            return self.models
        present = set(self.structure.atoms.symbols)
        shipped = [name for name in PREFERRED if name in models()]
        able = (n for n in shipped if any(e in present for e, _ in edges_of(load_model(n).info)))
        return [next(able, shipped[0])] if shipped else []

    def edges(self) -> list[tuple[str, str]]:
        """Absorbers and edges that structure and models have in common."""
        present = set(self.structure.atoms.symbols) if self.structure else set()
        known = [pair for name in self.chosen_models() for pair in edges_of(load_model(name).info)]
        return [pair for pair in dict.fromkeys(known) if pair[0] in present]

    def request(self) -> Request | None:
        """What is to be predicted; None: there is no structure.

        Raises:
            StructureError: no model knows an absorber of the structure.
        """
        structure, edges, names = self.structure, self.edges(), self.chosen_models()
        if structure is None:
            return None
        if not edges:
            raise StructureError(
                f"{structure.name}: {structure.atoms.get_chemical_formula()} contains no absorber"
                f" that {' or '.join(names) or 'a model'} knows"
            )
        pair = self.edge if self.edge in edges else edges[0]
        able = tuple(name for name in names if pair in edges_of(load_model(name).info))
        request = Request(structure.name, structure.atoms, able, *pair, self.axis == "experiment")
        site = self.site if self.geometry.moves else MEAN
        return replace(request, geometry=self.geometry, site=site)

    def accept(self, result: Result | None, undistorted: Result | None) -> None:
        """Take over predictions; a site that is none of theirs is no longer chosen."""
        self.result, self.undistorted = result, undistorted
        if self.table is not None and not self.geometry.moves:
            row = self.table.row(self.site)
            self.site = MEAN if row is None else self.table.sites[row].site

    def choose(self, site: int) -> bool:
        """Choose a site, or the group that contains it; whether that changed something.

        What is no absorber changes nothing. Moved neighbors are those of the site before.
        """
        row = None if self.table is None else self.table.row(site)
        if row is not None and self.table is not None:
            site = self.table.sites[row].site
        if site == self.site or (row is None and site != MEAN):
            return False
        self.site, self.geometry = site, replace(self.geometry, moved=(), shift=0.0)
        return True

    def step(self, by: int) -> bool:
        """Choose the next site in the order of the table, which begins with the mean."""
        order = [MEAN, *(one.site for one in self.table.sites)] if self.table else [MEAN]
        here = order.index(self.site) if self.site in order else 0
        return self.choose(order[min(max(here + by, 0), len(order) - 1)])
