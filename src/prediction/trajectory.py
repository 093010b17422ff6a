"""Spectrum of a trajectory: mean over frames, spreads, band."""

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import StructureError
from ..plot import MEAN, PREDICTED, draw_band
from ..xas.tabular import Tabular, describe_axis
from .structure_prediction import Labels, StructurePrediction

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrajectorySpectrum(Tabular):
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
    half_width: np.ndarray | None = None
    """Half width of the calibrated band around ``mean``: the mean over frames of
    ``material_half_width``, an upper bound since errors of different sites and frames cancel in
    part. NaN outside the calibrated energies; None: the model is not calibrated."""
    labels: Labels = Labels()
    """What to call the axes and the band."""

    @property
    def lower(self) -> np.ndarray | None:
        """Lower end of the band, shape (n_energies,); None: the model is not calibrated."""
        return None if self.half_width is None else self.mean - self.half_width

    @property
    def upper(self) -> np.ndarray | None:
        """Upper end of the band, shape (n_energies,); None: the model is not calibrated."""
        return None if self.half_width is None else self.mean + self.half_width

    def columns(self) -> dict[str, np.ndarray]:
        """``energy_eV``, ``mean``, ``spread``, ``site_spread`` and the ends of the band.

        All of shape (n_energies,).
        """
        columns = {"energy_eV": self.energy, "mean": self.mean, "spread": self.spread}
        columns["site_spread"] = self.site_spread
        if self.lower is not None and self.upper is not None:
            columns |= {"lower": self.lower, "upper": self.upper}
        return columns

    def draw(self, ax: Any) -> None:
        """Draw the mean with the spread of the frames and the model's band."""
        ax.plot(self.energy, self.mean, color=PREDICTED, label=f"mean of {self.n_frames} frames")
        if self.half_width is not None:
            how = {"color": PREDICTED, "label": self.labels.band}
            draw_band(ax, self.energy, self.mean, self.half_width, **how)
        if self.n_frames > 1:
            ends = np.stack([self.mean - self.spread, self.mean + self.spread], axis=1)
            names = ["standard deviation over frames", "_nolegend_"]
            ax.plot(self.energy, ends, "--", color=MEAN, linewidth=0.8, label=names)
        ax.legend(frameon=False, fontsize=8, loc="lower right")
        doubt = f", {self.n_novel} of {self.n_sites} sites novel" if self.n_novel else ""
        self.labels.write(ax, f"{self.n_frames} frames{doubt}")

    def __repr__(self) -> str:
        """One line."""
        text = f"{self.n_frames} frames, {self.n_sites} sites, {describe_axis(self.energy)}"
        text += self.labels.mean_width(self.half_width)
        text += f"; {self.n_novel} sites novel" if self.n_novel else ""
        missing = ", ".join(self.unseen)
        text += f"; {missing} absent from the training set" if missing else ""
        return f"<TrajectorySpectrum {text}>"

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


class FrameSums:
    """What a trajectory's spectrum is made of, frame by frame."""

    def __init__(self) -> None:
        """Start without frames."""
        self.frames, self.sites, self.widths = (RunningMoments() for _ in range(3))
        self.energy, self.labels = np.zeros(0), Labels()
        self.n_novel = 0
        self.unseen: set[str] = set()

    def add(self, predicted: StructurePrediction) -> None:
        """Take in a frame."""
        self.energy, self.labels = predicted.energy, predicted[0].labels
        self.frames.add(predicted.mean)
        if predicted.half_width is not None:
            self.widths.add(predicted.half_width)
        for site in predicted:
            self.sites.add(site.mu, len(site.equivalent))
            self.n_novel += len(site.equivalent) * site.novel
            self.unseen.update(site.unseen)

    def spectrum(self) -> TrajectorySpectrum:
        """The trajectory's spectrum.

        Raises:
            StructureError: there was no frame.
        """
        if not self.frames.count:
            raise StructureError("a trajectory without frames has no spectrum")
        return TrajectorySpectrum(
            energy=self.energy,
            mean=self.frames.mean,
            spread=self.frames.deviation,
            site_spread=self.sites.deviation,
            n_frames=self.frames.count,
            n_sites=self.sites.count,
            n_novel=self.n_novel,
            unseen=tuple(sorted(self.unseen)),
            half_width=self.widths.mean if self.widths.count else None,
            labels=self.labels,
        )
