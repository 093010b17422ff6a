"""Spectrum of a trajectory: mean over frames, spreads, band."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..errors import StructureError
from ..plot import MEAN, PREDICTED, draw_band
from ..xas.tabular import describe_axis, label_axes
from .structure_prediction import Banded, Labels, StructurePrediction

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrajectorySpectrum(Banded):
    """Spectrum of a trajectory."""

    CENTER: ClassVar[str] = "mean"
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

    def columns(self) -> dict[str, np.ndarray]:
        """``energy_eV``, ``mean``, ``spread``, ``site_spread`` and the ends of the band."""
        names = ("mean", "spread", "site_spread")
        columns = {"energy_eV": self.energy, **{name: getattr(self, name) for name in names}}
        return columns | self.ends()

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
        label_axes(ax, self.labels.energy, self.labels.mu, f"{self.n_frames} frames{doubt}")

    def __repr__(self) -> str:
        """One line."""
        text = f"{self.n_frames} frames, {self.n_sites} sites, {describe_axis(self.energy)}"
        text += self.labels.mean_width(self.half_width)
        text += f"; {self.n_novel} sites novel" if self.n_novel else ""
        if self.unseen:
            text += f"; {', '.join(self.unseen)} absent from the training set"
        return f"<TrajectorySpectrum {text}>"

    def warn_of_doubts(self) -> None:
        """Warn where frames are unlike the training set."""
        if self.unseen:
            logger.warning("contains %s, absent from the training set", ", ".join(self.unseen))
        if self.n_novel:
            logger.warning(
                "%s sites are unlike anything the model was trained on; expect larger errors there",
                f"{self.n_novel} of {self.n_sites}",
            )


class RunningMoments:
    """Mean and standard deviation of arrays that come one by one (Welford 1962)."""

    def __init__(self) -> None:
        """Start without arrays."""
        self.count = 0
        self.mean = self.squares = np.zeros(())

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


def average_frames(predictions: Iterable[StructurePrediction]) -> TrajectorySpectrum:
    """Spectrum of a trajectory whose frames come one by one; StructureError without a frame."""
    frames, sites, widths = (RunningMoments() for _ in range(3))
    n_novel, unseen, predicted = 0, set[str](), None
    for predicted in predictions:
        frames.add(predicted.mean)
        if (half_width := predicted.half_width) is not None:
            widths.add(half_width)
        for site in predicted:
            sites.add(site.mu, len(site.equivalent))
            n_novel += len(site.equivalent) * site.novel
            unseen.update(site.unseen)
    if predicted is None:
        raise StructureError("a trajectory without frames has no spectrum")
    return TrajectorySpectrum(
        energy=predicted.energy,
        mean=frames.mean,
        spread=frames.deviation,
        site_spread=sites.deviation,
        n_frames=frames.count,
        n_sites=sites.count,
        n_novel=n_novel,
        unseen=tuple(sorted(unseen)),
        half_width=widths.mean if widths.count else None,
        labels=predicted[0].labels,
    )
