"""A trained model as a callable: structures to spectra, trajectories to mean and spread."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from .checkpoints.trained_model import ModelInfo, TrainedModel
from .errors import StructureError
from .model.ensemble import Network
from .prediction.site_prediction import (
    SitePrediction,
    material_mean,
    predict_each,
    predict_structure,
)
from .structures.files import stream_structures

logger = logging.getLogger(__name__)

AT_ONCE = 16
"""Frames in memory."""


@dataclass(frozen=True)
class TrajectorySpectrum:
    """Spectrum of a trajectory."""

    energy: np.ndarray
    """eV, shape (n_energies,)."""
    mean: np.ndarray
    """Mean over frames of the mean over each frame's absorbers, model's unit, (n_energies,)."""
    spread: np.ndarray
    """Standard deviation over frames (n_frames - 1) of the frames' means, shape (n_energies,);
    zero for a single frame."""
    site_spread: np.ndarray
    """Standard deviation over all sites of all frames, shape (n_energies,)."""
    n_frames: int
    """Frames read."""
    n_sites: int
    """Absorbers in all of them."""
    n_novel: int
    """Those unlike anything that the model was trained on; 0 where it is not calibrated."""
    unseen: tuple[str, ...]
    """Elements that are absent from the training set."""

    def warn_of_doubts(self) -> None:
        """Warn where frames are unlike the training set."""
        if self.unseen:
            logger.warning("contains %s, absent from the training set", ", ".join(self.unseen))
        if self.n_novel:
            logger.warning(
                "%d of %d sites are unlike anything the model was trained on; expect larger errors"
                " there",
                *(self.n_novel, self.n_sites),
            )


class RunningMoments:
    """Mean and standard deviation of arrays that come one by one (Welford 1962)."""

    def __init__(self) -> None:
        """Start without arrays."""
        self.count = 0
        self.mean = np.zeros(())
        self.squares = np.zeros(())

    def add(self, values: np.ndarray, times: int = 1) -> None:
        """Take in an array that stands for ``times`` equal ones."""
        self.count += times
        difference = values - self.mean
        self.mean = self.mean + difference * (times / self.count)
        self.squares = self.squares + times * difference * (values - self.mean)

    @property
    def deviation(self) -> np.ndarray:
        """Standard deviation with count - 1; zero where there is one array."""
        return np.sqrt(self.squares / max(self.count - 1, 1))


class XANESPredictor:
    """A trained model, loaded once.

        predictor = XANESPredictor("cu-k-feff")
        sites = predictor(atoms)
        average = predictor.trajectory("md.xyz")

    Structures are ``ase.Atoms`` or pymatgen's ``Structure`` or ``Molecule``.
    """

    def __init__(self, model: str | Path | TrainedModel, device: str = "cpu") -> None:
        """Load a model.

        Args:
            model: model file, training folder, or name of a model that ships with the package; or a
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

    def __call__(
        self,
        structure: Any,
        sites: Sequence[int] | None = None,
        energy: np.ndarray | None = None,
        other_element: bool = False,
    ) -> list[SitePrediction]:
        """Predict one structure, see ``predict_structures``."""
        return predict_structure(
            self.trained, structure, sites=sites, energy=energy, other_element=other_element
        )

    def each(
        self,
        structures: Iterable[tuple[str, Any]],
        sites: Sequence[int] | None = None,
        energy: np.ndarray | None = None,
        other_element: bool = False,
    ) -> Iterator[list[SitePrediction] | StructureError]:
        """Predict named structures as they come; one that fails does not stop the others.

        See ``predict_each``.
        """
        return predict_each(self.trained, structures, sites, energy, other_element)

    def trajectory(
        self,
        frames: str | Path | Iterable[Any],
        sites: Sequence[int] | None = None,
        energy: np.ndarray | None = None,
    ) -> TrajectorySpectrum:
        """Average the spectra of a trajectory, of which a few frames at a time are in memory.

        Args:
            frames: a file that ASE reads, or structures; one ``Atoms`` that moves on will do.
            sites: absorbers, the same in every frame; None: every atom of the model's element.
            energy: energies, eV, shape (n_energies,); None: those on which the model was scored.

        Raises:
            StructureError: no frame, or one that can't be read or predicted; its number, from 0,
                is named.
            ConfigError: energies outside the model's range.
        """
        of_frames, of_sites = RunningMoments(), RunningMoments()
        n_novel, unseen = 0, set[str]()
        each = predict_each(self.trained, name_frames(frames), sites, energy, at_once=AT_ONCE)
        for predicted in tqdm(each, desc="frames", unit="frames", disable=None, leave=False):
            if isinstance(predicted, StructureError):
                raise predicted
            of_frames.add(material_mean(predicted))
            for site in predicted:
                of_sites.add(site.mu, len(site.equivalent))
                n_novel += len(site.equivalent) * site.novel
                unseen.update(site.unseen)
        if not of_frames.count:
            raise StructureError("a trajectory without frames has no spectrum")
        spectrum = TrajectorySpectrum(
            energy=predicted[0].energy,
            mean=of_frames.mean,
            spread=of_frames.deviation,
            site_spread=of_sites.deviation,
            n_frames=of_frames.count,
            n_sites=of_sites.count,
            n_novel=n_novel,
            unseen=tuple(sorted(unseen)),
        )
        spectrum.warn_of_doubts()
        return spectrum


def name_frames(frames: str | Path | Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """Yield frames, each with a name that contains its number, from 0.

    Raises:
        StructureError: a file is missing, or a frame of it can't be read.
    """
    if isinstance(frames, str | Path):
        where, frames = f"{frames}: ", stream_structures(Path(frames))
    else:
        where = ""
    yield from ((f"{where}frame {number}", frame) for number, frame in enumerate(frames))
