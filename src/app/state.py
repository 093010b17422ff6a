"""What a tab of the page shows: structures, models, the chosen site. No browser is needed."""

from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

from ase import Atoms

from ..checkpoints.energy_scale import aligned
from ..checkpoints.pretrained import models
from ..checkpoints.trained_model import TrainedModel
from ..errors import StructureError
from ..prediction.site_prediction import predict_structure
from ..prediction.structure_prediction import StructurePrediction
from ..structures.distortion import Distortion, distort
from ..structures.files import named_structures
from ..xas.normalization import Ranges

MEAN = -1
"""Site number of the mean over all absorbers."""
PREFERRED = ("cu-k-feff", "zn-k", "any-edge")
"""Models that ship, in the order in which one is chosen for a structure."""
LARGEST = 50_000_000
"""Files beyond this are refused before they are read, bytes."""
Axis = Literal["absolute", "relative", "experiment"]


@lru_cache(maxsize=8)
def load_model(name: str) -> TrainedModel:
    """A model, read once for all tabs."""
    return TrainedModel.load(name)


def check_size(path: Path, error: type[Exception]) -> None:
    """Raise an error for a file beyond ``LARGEST``."""
    if path.is_file() and path.stat().st_size > LARGEST:
        raise error(f"{path.name}: larger than {LARGEST // 10**6} MB, not read")


@dataclass
class Structure:
    """A structure as it was read: one frame, or several of a trajectory."""

    name: str
    source: Path
    """File that it came from; of one that was dropped onto the page only the name."""
    frames: list[Atoms]
    frame: int = 0
    """The one that is shown."""

    @property
    def atoms(self) -> Atoms:
        """The frame that is shown."""
        return self.frames[self.frame]

    @classmethod
    def read(cls, path: Path, uploaded: bool = False) -> "Structure":
        """Read a file; StructureError: it is too large or can't be read."""
        check_size(path, StructureError)
        named = named_structures(path)
        name = path.stem if uploaded or len(named) > 1 else named[0][0]
        source = Path(path.name) if uploaded else path
        return cls(name, source, [atoms for _, atoms in named])


@dataclass(frozen=True)
class Scan:
    """A file with a measurement, and how it is read. None: inferred, or as larch chooses it."""

    path: Path | None = None
    """XDI, columns of text, or a project of Athena. None: there is no scan."""
    uploaded: bool = False
    """Whether it was dropped onto the page, so that only the name of its file is known."""
    mu: str | None = None
    """Column of mu, its formula, or the group of a project."""
    energy: str | None = None
    """Column of energy."""
    e0: float | None = None
    """Edge energy, eV; below, pre-edge and post-edge ranges relative to it, see ``Ranges``."""
    pre1: float | None = None
    pre2: float | None = None
    norm1: float | None = None
    norm2: float | None = None

    @property
    def ranges(self) -> Ranges:
        """Pre-edge and post-edge ranges."""
        return Ranges(self.pre1, self.pre2, self.norm1, self.norm2)

    @property
    def by_name(self) -> "Scan":
        """With the name alone of a file that was dropped."""
        return replace(self, path=Path(self.path.name)) if self.path and self.uploaded else self


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
    edge: str
    aligned: bool = False
    """Whether energies are those of a measurement, as in `predict --align experiment`."""
    geometry: Distortion = Distortion()
    site: int = MEAN
    """The only absorber that is predicted where its neighbors move."""

    def load(self) -> list[TrainedModel]:
        """The models, on the energies that are shown; ConfigError: one knows no such shift."""
        loaded = [load_model(name).of(self.element, self.edge) for name in self.models]
        return [aligned(model) for model in loaded] if self.aligned else loaded

    def model_names(self) -> list[str]:
        """Names of the models; those of several edges with element and edge."""
        several = [load_model(name).info.edges is not None for name in self.models]
        edge = f":{self.element}-{self.edge}"
        return [f"{n}{edge * more}" for n, more in zip(self.models, several, strict=True)]


@dataclass(frozen=True, eq=False)
class Result:
    """Predictions of one structure by one or more models."""

    request: Request
    models: list[TrainedModel]
    atoms: Atoms
    """The structure that was predicted."""
    spectra: list[StructurePrediction]
    """Spectra of the distinct sites, of each model."""

    @property
    def sites(self) -> StructurePrediction:
        """Distinct sites, with the spectra of the first model."""
        return self.spectra[0]

    def chosen(self, site: int) -> StructurePrediction:
        """The group that an atom belongs to, else all of them."""
        row = self.sites.row_of(site)
        return self.sites if row is None else StructurePrediction([self.sites[row]])


def predict(request: Request) -> Result:
    """Predict as `e3gnn-xanes predict` does, with its errors and those of ``distort``."""
    loaded = request.load()
    atoms = distort(request.atoms, request.geometry, request.site)
    only = [request.site] if request.geometry.moves else None
    spectra = [predict_structure(model, atoms, request.name, only) for model in loaded]
    return Result(request, loaded, atoms, spectra)


def predict_both(request: Request, *known: Result | None) -> tuple[Result, Result]:
    """Predict the structure and the undistorted one, unless they are known."""
    results = [result for result in known if result is not None]
    for one in (replace(request, geometry=Distortion(), site=MEAN), request):
        same = (result for result in results if result.request == one)
        results.append(next(same, None) or predict(one))
    undistorted, result = results[-2:]
    return result, undistorted


@dataclass
class Settings:
    """Choices of a tab; a link restores them by these names."""

    models: list[str] = field(default_factory=list)
    """Names of the models. Empty: one that ships and knows an element of the structure."""
    edge: tuple[str, str] | None = None
    """Absorber and edge. None: the first that structure and models have in common."""
    site: int = MEAN
    """Chosen absorber, 0-based; `MEAN`: the mean over all."""
    axis: Axis = "absolute"
    """Whose energies, or relative to the models' reference."""
    derivative: bool = False
    """Whether d mu / dE is drawn."""
    scan: Scan = Scan()
    geometry: Distortion = Distortion()


@dataclass
class State(Settings):
    """What one tab shows."""

    structures: list[Structure] = field(default_factory=list)
    current: int = 0
    """The structure that is shown."""
    result: Result | None = None
    """The last prediction. None: nothing yet."""
    undistorted: Result | None = None
    """That of the structure as it was read. None: not yet."""
    shift: float | None = None
    """Shift of the prediction to the scan, eV. None: there is no scan."""

    @property
    def on_scan(self) -> bool:
        """Whether energies are those of the scan, to which predictions are shifted."""
        return self.axis == "experiment" and self.shift is not None

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
        """Read a structure file and show it, with the errors of ``Structure.read``."""
        self.structures.append(Structure.read(path, uploaded))
        self.show(len(self.structures) - 1)

    def show(self, number: int) -> None:
        """Show another structure."""
        self.current, self.site, self.geometry = number, MEAN, Distortion()
        self.result = self.undistorted = None

    def chosen_models(self) -> list[str]:
        """Models of the page; without a choice the first that knows an element of the structure."""
        if self.models or self.structure is None:
            return self.models
        present = set(self.structure.atoms.symbols)
        shipped = [name for name in PREFERRED if name in models()]
        able = (n for n in shipped if any(e in present for e, _ in load_model(n).info.absorbers))
        return [next(able, shipped[0])] if shipped else []

    def edges(self) -> list[tuple[str, str]]:
        """Absorbers and edges that structure and models have in common."""
        present = set(self.structure.atoms.symbols) if self.structure else set()
        known = [pair for name in self.chosen_models() for pair in load_model(name).info.absorbers]
        return [pair for pair in dict.fromkeys(known) if pair[0] in present]

    def request(self) -> Request | None:
        """What is to be predicted, None: nothing; StructureError: no model knows an absorber."""
        structure, edges, names = self.structure, self.edges(), self.chosen_models()
        if structure is None:
            return None
        if not edges:
            raise StructureError(
                f"{structure.name}: {structure.atoms.get_chemical_formula()} contains no absorber"
                f" that {' or '.join(names) or 'a model'} knows"
            )
        pair = self.edge if self.edge in edges else edges[0]
        able = tuple(name for name in names if pair in load_model(name).info.absorbers)
        site = self.site if self.geometry.moves else MEAN
        measured = self.axis == "experiment"
        named = structure.name, structure.atoms, able
        return Request(*named, *pair, measured, self.geometry, site)

    @property
    def order(self) -> list[int]:
        """What can be chosen: the mean, then the distinct sites; a single site has no mean."""
        sites = [one.site for one in self.table.sites] if self.table else []
        return sites if len(sites) == 1 else [MEAN, *sites]

    def accept(self, result: Result | None, undistorted: Result | None) -> None:
        """Take over predictions; a site that is none of theirs is no longer chosen."""
        self.result, self.undistorted = result, undistorted
        if self.table is not None and not self.geometry.moves:
            row = self.table.sites.row_of(self.site)
            self.site = self.order[0] if row is None else self.table.sites[row].site

    def choose(self, site: int) -> None:
        """Choose a site, or the group that contains it; what is no absorber changes nothing."""
        row = None if self.table is None else self.table.sites.row_of(site)
        if row is not None and self.table is not None:
            site = self.table.sites[row].site
        if site != self.site and (row is not None or site == MEAN):
            self.site = site  # moved neighbors were those of the site before
            self.geometry = replace(self.geometry, moved=(), shift=0.0)

    def step(self, by: int) -> None:
        """Choose the next site in the order of the table, which begins with the mean."""
        order = self.order
        here = order.index(self.site) if self.site in order else 0
        self.choose(order[min(max(here + by, 0), len(order) - 1)])
