"""A trained model as a callable: structures to spectra, trajectories to mean and spread."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar, overload

import numpy as np
from tqdm import tqdm

from .checkpoints.model_info import ModelInfo
from .checkpoints.trained_model import TrainedModel
from .errors import StructureError
from .model.ensemble import Network
from .prediction.site_prediction import predict_each, predict_structures, raise_errors
from .prediction.structure_prediction import Labels, StructurePrediction
from .prediction.trajectory import TrajectorySpectrum, average_frames
from .structures.files import named_structures, stream_structures
from .structures.names import formula_of
from .structures.pymatgen import as_atoms

T = TypeVar("T")
AT_ONCE = 16
"""Frames in memory."""


class XANESPredictor:
    """A trained model, loaded once.

        predictor = XANESPredictor("cu-k-feff")
        spectra = predictor("CuO.cif")
        several = predictor(["CuO.cif", atoms, structure])
        average = predictor.trajectory("md.xyz")

    Structures are files that ASE reads, ``ase.Atoms``, or pymatgen's ``Structure`` or ``Molecule``.
    """

    def __init__(self, model: str | Path | TrainedModel, device: str = "cpu") -> None:
        """Load a model.

        Args:
            model: model file, training folder, or name of a model that ships; or a
                ``TrainedModel``, which stays on its device.
            device: cpu, cuda, cuda:1 and so on; auto is cuda if available.

        Raises:
            CheckpointError: the file is missing or damaged.
            ConfigError: the device is not available.
        """
        if not isinstance(model, TrainedModel):
            model = TrainedModel.load(model, device)
        self.trained = model

    @property
    def model(self) -> Network:
        """The network or ensemble."""
        return self.trained.network

    @property
    def info(self) -> ModelInfo:
        """What it was trained for."""
        return self.trained.info

    def __repr__(self) -> str:
        """One line: name, edge, code, bands."""
        info = self.info
        text = f"{self.trained.name}: {info.element or 'any element'} {info.edge or ''}".rstrip()
        text += f" edge of {info.code}" if info.edge and info.code else ""
        bands = "no bands" if info.calibration is None else f"{Labels.of(self.trained).band}s"
        return f"<XANESPredictor {text}, {bands}>"

    @overload
    def __call__(
        self, structure: list[Any] | tuple[Any, ...], *rest: Any, **options: Any
    ) -> list[StructurePrediction]: ...

    @overload
    def __call__(self, structure: Any, *rest: Any, **options: Any) -> StructurePrediction: ...

    def __call__(
        self,
        structure: Any,
        sites: Sequence[int] | None = None,
        energy: np.ndarray | None = None,
        other_element: bool = False,
    ) -> StructurePrediction | list[StructurePrediction]:
        """Predict a structure, or each of a list; see ``predict_structures``.

        Args:
            structure: path of a file with one structure, ``ase.Atoms``, pymatgen's ``Structure`` or
                ``Molecule``; or a list or tuple of them, in which a file may have several.
            sites: absorbers, in every structure; None: every atom of the model's element.
            energy: energies, eV, shape (n_energies,); None: those on which the model was scored.
            other_element: accept sites that are not of the model's element, with a warning.

        Returns:
            The spectra of a structure's sites; of a list, a list of them.

        Raises:
            StructureError: also for a file with several structures that is not in a list.
        """
        several = isinstance(structure, list | tuple)
        named = list(name_structures(structure if several else [structure], several))
        if not several and len(named) > 1:
            raise StructureError(
                f"{structure}: contains {len(named)} structures, expected one; for all of them"
                f" predict the list [{str(structure)!r}], for their mean use `trajectory`"
            )
        predicted = predict_structures(self.trained, named, sites, energy, other_element)
        return predicted if several else predicted[0]

    def each(
        self,
        structures: Iterable[tuple[str, Any]],
        sites: Sequence[int] | None = None,
        energy: np.ndarray | None = None,
        other_element: bool = False,
    ) -> Iterator[StructurePrediction | StructureError]:
        """Predict named structures as they come, see ``predict_each``."""
        return predict_each(self.trained, structures, sites, energy, other_element)

    def trajectory(
        self,
        frames: str | Path | Iterable[Any],
        sites: Sequence[int] | None = None,
        energy: np.ndarray | None = None,
        progress: Callable[[int], None] = lambda _: None,
    ) -> TrajectorySpectrum:
        """Average the spectra of a trajectory, of which a few frames at a time are in memory.

        Args:
            frames: a file that ASE reads, or structures; one ``Atoms`` that moves on will do.
            sites: absorbers, the same in every frame; None: every atom of the model's element.
            energy: energies, eV, shape (n_energies,); None: those on which the model was scored.
            progress: called with the number of each frame that is begun; what it raises ends it.

        Raises:
            StructureError: no frame, or one that can't be read or predicted; its number, from 0,
                is named.
            ConfigError: energies outside the model's range.
        """
        named = _counted(name_frames(frames), progress)
        each = predict_each(self.trained, named, sites, energy, at_once=AT_ONCE)
        shown = tqdm(each, desc="frames", unit="frames", disable=None, leave=False)
        spectrum = average_frames(raise_errors(shown))
        spectrum.warn_of_doubts()
        return spectrum


def _counted(frames: Iterable[T], progress: Callable[[int], None]) -> Iterator[T]:
    for number, frame in enumerate(frames):
        progress(number)
        yield frame


def name_frames(frames: str | Path | Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """Yield frames, each with a name that contains its number, from 0."""
    where = ""
    if isinstance(frames, str | Path):
        where, frames = f"{frames}: ", stream_structures(Path(frames))
    yield from ((f"{where}frame {number}", frame) for number, frame in enumerate(frames))


def name_structures(structures: Sequence[Any], several: bool) -> Iterator[tuple[str, Any]]:
    """Yield structures with a name: the file's, the number in a list of ``several``, the formula.

    Raises:
        StructureError: a file can't be read, or something is no structure; its number is named.
    """
    for number, structure in enumerate(structures):
        if isinstance(structure, str | Path):
            yield from named_structures(structure)
            continue
        try:
            atoms = as_atoms(structure)
        except StructureError as error:
            where = f"structure {number}: " if several else ""
            raise StructureError(f"{where}{error}") from error
        yield f"structure {number}" if several else formula_of(atoms) or "structure", atoms


@overload
def predict(
    structure: list[Any] | tuple[Any, ...], model: Any, *rest: Any, **options: Any
) -> list[StructurePrediction]: ...


@overload
def predict(structure: Any, model: Any, *rest: Any, **options: Any) -> StructurePrediction: ...


def predict(
    structure: Any, model: str | Path | TrainedModel, device: str = "cpu", **options: Any
) -> StructurePrediction | list[StructurePrediction]:
    """Predict the spectra of a structure, or of each structure of a list.

        src.predict("CuO.cif", model="cu-k-feff").plot()

    The model is loaded at each call; ``XANESPredictor`` loads it once. See its ``__init__`` for
    ``model`` and ``device``, and its ``__call__`` for ``structure``, the options ``sites``,
    ``energy`` and ``other_element``, what is returned and what is raised.
    """
    return XANESPredictor(model, device)(structure, **options)
