"""A measured scan next to the predictions: read, normalized, fitted, ranked. No browser needed."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms

from ..checkpoints.trained_model import TrainedModel
from ..comparison.candidates import (
    Candidate,
    band_coverage,
    candidate_energies,
    check_names,
    edge_step,
    make_candidate,
)
from ..comparison.expected_shift import measured_at_edge, prepare
from ..comparison.fit import Bounds, adjust
from ..comparison.linear_combination import Mixture, fit_predictions
from ..comparison.ranking import Ranking, rank
from ..comparison.similarity import MEASURES
from ..errors import RecordError
from ..runtime.provenance import PROGRAM
from ..xas.columns import read_columns
from ..xas.normalization import Normalized, Ranges
from ..xas.spectrum import Spectrum
from .figures import Overlay
from .state import LARGEST, Request, Result, State, load_model, predict_alone

MARGIN = 10.0
"""The scan is drawn so far below and above the prediction, eV."""
WINDOW, MAX_SHIFT, BOOTSTRAP = (-20.0, 60.0), 1.0, 200
"""Of `fit`, its defaults: eV from e0, eV, resamplings."""
MEASURED, FITTED, DIFFERENCE = "#9467e0", "#1b9e77", "#c4622d"
"""Colors of curves, legible on white and on black."""


@dataclass(frozen=True)
class Scan:
    """A file with a measurement, and how it is read and normalized."""

    path: Path
    """XDI, columns of text, or a project of Athena."""
    mu: str | None = None
    """Column of mu, its formula, or the group of a project. None: inferred."""
    energy: str | None = None
    """Column of energy. None: inferred."""
    e0: float | None = None
    """Edge energy, eV. None: the steepest rise."""
    ranges: Ranges = Ranges()
    """Pre-edge and post-edge ranges. None within: as larch chooses them."""

    def columns(self) -> list[str]:
        """Names or numbers of the columns to choose from; of a project none."""
        if self.path.suffix == ".prj":
            return []
        table = read_columns(self.path)
        names = table.labels or [""] * table.values.shape[1]
        return [name or str(number) for number, name in enumerate(names, start=1)]

    def commands(self, state: State) -> list[str]:
        """Lines of `compare` and `fit` that reproduce the numbers of the page."""
        request = state.request()
        if request is None:
            return []
        project = self.path.suffix == ".prj" and self.mu
        options = {"column": None if project else self.mu, "energy_column": self.energy}
        words = [f"{self.path}:{self.mu}" if project else str(self.path)]
        words += [str(one.source) for one in state.structures] + ["--model", request.one_edge]
        words += [word for k, v in options.items() if v for word in (f"--{k}", v)]
        fixed = ["--e0", f"{self.e0:g}"] if self.e0 else []
        lines = [shlex.join([PROGRAM, "compare", *words, *fixed])]
        if len(state.structures) > 1 and not fixed:
            lines.append(shlex.join([PROGRAM, "fit", *words]))
        lines += [
            f"# of {one.source} the page compares frame {one.frame} alone"
            for one in state.structures
            if len(one.frames) > 1
        ]
        if self.ranges != Ranges():
            lines.append(f"# the page normalizes with {self.ranges}, the commands as larch does")
        return lines


@dataclass(frozen=True)
class Knobs:
    """What sliders change: the parameters of a ``Fit``."""

    shift: float = 0.0
    """Shift of the prediction, eV."""
    broadening: float = 0.0
    """Full width at half maximum of an additional Gaussian, eV."""
    scale: float = 1.0
    """Factor of the prediction in units of the edge step."""


@dataclass(frozen=True)
class Prepared:
    """A scan with the model that it is compared with, as `compare` prepares them."""

    model: TrainedModel
    """The model of the scan's edge."""
    measured: Normalized
    """The scan."""
    bounds: Bounds
    """Limits of the fits."""
    window: Spectrum
    """The scan on the energies compared."""

    @classmethod
    def read(cls, scan: Scan, request: Request) -> "Prepared":
        """Read and normalize a scan for the first model of a prediction.

        Raises:
            RecordError: the file can't be read, or its columns are not clear.
            ConfigError: it is of another edge, or ranges are not within it.
        """
        if scan.path.is_file() and scan.path.stat().st_size > LARGEST:
            raise RecordError(f"{scan.path}: larger than {LARGEST // 10**6} MB, not read")
        path, mu = str(scan.path), scan.mu
        if scan.path.suffix == ".prj" and mu:
            path, mu = f"{path}:{mu}", None
        model = load_model(request.models[0]).of(request.element, request.edge)
        options = {"energy_column": scan.energy, "e0": scan.e0, "ranges": scan.ranges}
        model, measured = measured_at_edge(model, Path(path), mu, **options)  # type: ignore[arg-type]
        return cls(model, measured, *prepare(model, measured))

    def candidate(self, name: str, atoms: Atoms) -> Candidate:
        """Prediction of a structure over all energies that the model knows."""
        sites = predict_alone(self.model, atoms, name, energy=candidate_energies(self.model))
        return make_candidate(self.model.info, name, sites)

    def fit(self, candidate: Candidate) -> Knobs:
        """Fitted values of one candidate, which do not depend on others."""
        best = self.rank([candidate]).fits[0]
        return Knobs(best.shift, best.broadening, best.scale)

    def rank(self, candidates: Sequence[Candidate]) -> Ranking:
        """Rank candidates as `compare` does; ConfigError where two have one name."""
        check_names([one.name for one in candidates])
        coverage = band_coverage(self.model.info)
        return rank(self.window, candidates, self.bounds, coverage=coverage)

    def mixture(self, candidates: Sequence[Candidate]) -> Mixture:
        """The scan as a mixture of candidates, as `fit --model` finds it."""
        e0, coverage = self.measured.e0, band_coverage(self.model.info)
        target = self.window.within(e0 + WINDOW[0], e0 + WINDOW[1])
        bounds = self.bounds
        return fit_predictions(
            target, candidates, bounds, MAX_SHIFT, bootstrap=BOOTSTRAP, coverage=coverage
        )

    def r_factor(self, candidate: Candidate, knobs: Knobs) -> float:
        """R-factor of a prediction on the energies compared."""
        energy, mu = self.window.energy, self.window.mu
        return MEASURES["r_factor"](energy, mu, adjust(energy, candidate, *vars(knobs).values()))

    def overlays(
        self, result: Result, candidate: Candidate, knobs: Knobs, difference: bool
    ) -> dict[str, Overlay]:
        """Scan and adjusted prediction, on the energies and in the unit of the page's prediction.

        The scan is moved by the shift the other way, and divided by the scale, so that predictions
        and their bands stay where they are; ``difference`` adds the scan minus the prediction.
        """
        shown = result.spectra[0].energy
        moved = result.models[0].info.reference_energy or 0.0
        moved -= (self.model.info.reference_energy or 0.0) + knobs.shift
        scan = self.measured.flat
        near = (scan.energy + moved > shown[0] - MARGIN) & (
            scan.energy + moved < shown[-1] + MARGIN
        )
        if near.sum() < 2:
            raise RecordError(f"{scan.source}: shifted by {knobs.shift:g} eV it has no energies"
                              " in common with the prediction")  # fmt: skip
        energy, unit = scan.energy[near], edge_step(self.model.info) / knobs.scale
        fitted = adjust(energy, candidate, *vars(knobs).values())
        curves = {
            "scan": (Path(scan.source).name, scan.mu[near], MEASURED),
            "fitted": ("prediction, broadened", fitted, FITTED),
        }
        if difference:
            curves["difference"] = ("scan minus prediction", scan.mu[near] - fitted, DIFFERENCE)
        return {
            key: Overlay(name, energy + moved, np.asarray(mu) * unit, color)
            for key, (name, mu, color) in curves.items()
        }
