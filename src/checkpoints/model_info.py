"""What a model file says about its model."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.data import chemical_symbols

from ..errors import CheckpointError, is_kind
from ..runtime.atomic_files import abridged
from ..runtime.provenance import package_version
from ..structures.chemistry import Chemistry
from ..uncertainty import FEW
from ..uncertainty.calibration import Calibration, pack_calibration
from ..xas.energies import EnergyAxis

if TYPE_CHECKING:
    from ..xas.edge_scale import EdgeScale


@dataclass
class ModelInfo:
    """What a model was trained for; None: not known."""

    element: str | None = None
    """Absorbing element, its symbol."""
    edge: str | None = None
    """Absorption edge, such as K."""
    target: str | None = None
    """Kind of spectrum, "absolute" or "normalized"."""
    unit: str | None = None
    """Unit of the spectrum."""
    code: str | None = None
    """Code and version of the calculations."""
    pretrained_on: str | None = None
    """What a network was trained on instead of spectra. None: a model of spectra."""
    started_from: str | None = None
    """Model whose weights the training started from. None: random weights."""
    reference_energy: float | None = None
    """Absolute energy of the model's zero, eV. None: all energies are relative."""
    energy_grid: list[float] | None = None
    """Energies on which the model is scored, eV; absolute if there is a reference energy."""
    mean_spectrum: list[float] | None = None
    """Mean training spectrum on ``energy_grid``, the baseline, in ``unit``."""
    extend_below: float | None = None
    """Energies up to this far below a spectrum's first point were taken as flat, eV."""
    elements: list[int] | None = None
    """Atomic numbers in the training structures, sorted."""
    chemistry: Chemistry | None = None
    """Summary of the environments in the training set."""
    train_ids: list[str] | None = None
    """Records trained on."""
    val_ids: list[str] | None = None
    """Records that chose the best weights."""
    data_digest: str | None = None
    """Checksum of the records of ``train_ids`` and ``val_ids``, see ``Database.digest_of``."""
    command: str | None = None
    """Command that trained it, passwords hidden. None: trained from Python."""
    val_mse: float | None = None
    """Validation mean squared error of these weights, unit squared."""
    note: str | None = None
    """Remark, such as that members were trained on different sites."""
    card: dict[str, str] | None = None
    """``data``, ``licence`` and ``accuracy``, for `e3gnn-xanes models`."""
    calibration: Calibration | None = None
    """Prediction bands and novelty measure. None: not calibrated."""
    expected_shift: float | None = None
    """Energy of a measurement minus that of the calculations, eV, from ``shift_scans``."""
    shift_spread: float | None = None
    """Standard deviation of such a shift from that, eV."""
    shift_scans: list[str] | None = None
    """Scans and structures that it was found from, each with its shift and R-factor."""
    edges: "list[EdgeScale] | None" = None
    """Absorbers and edges of a network that knows several, see ``TrainedModel.of``."""
    absorber_spectra: int | None = None
    """Training spectra of the element and edge, if it is one of several. None: all of them."""
    library_version: str = field(default_factory=lambda: package_version("e3gnn-xanes"))
    """Version of this library that wrote the file."""

    @property
    def spectra(self) -> str:
        """Which spectra: element and edge, or how many of them."""
        if self.edges is None:
            return f"{self.element} {self.edge} edge"
        return f"{len(self.edges)} edges of {len({scale.element for scale in self.edges})} elements"

    @property
    def known_edges(self) -> "list[EdgeScale]":
        """Absorbers and edges, of several, with ``FEW`` training spectra or more."""
        return [scale for scale in self.edges or [] if scale.n_spectra >= FEW]

    @property
    def absorbers(self) -> list[tuple[str, str]]:
        """Elements and edges, those with few training spectra, whose sites are flagged, last."""
        if self.edges is not None:
            scales = [*self.known_edges, *self.edges]
            return list(dict.fromkeys((scale.element, scale.edge) for scale in scales))
        return [(self.element, self.edge)] if self.element and self.edge else []

    @property
    def axis(self) -> EnergyAxis | None:
        """Energies on which the model is scored. None: not known."""
        if self.energy_grid is None:
            return None
        return EnergyAxis(np.asarray(self.energy_grid, dtype=float), self.reference_energy)


def check_info(path: Path, info: ModelInfo) -> None:
    """Refuse a description with which spectra would be wrong.

    Raises:
        CheckpointError: file and field are named, what it is, and what is expected.
    """
    grid, mean, shift, spread = (
        getattr(info, name)
        for name in ("energy_grid", "mean_spectrum", "expected_shift", "shift_spread")
    )
    checks = {
        "element": (info.element in (None, *chemical_symbols[1:]), "a symbol"),
        "reference_energy": (_is_finite(info.reference_energy), "a finite number"),
        "train_ids": (not isinstance(info.train_ids, str), "a list"),  # letters would pass for ids
        "val_ids": (not isinstance(info.val_ids, str), "a list"),
        "energy_grid": (
            grid is None or (len(grid) and np.isfinite(grid).all() and (np.diff(grid) > 0).all()),
            "finite, strictly increasing energies",
        ),
        "expected_shift": (_is_finite(shift), "a finite number"),
        "shift_spread": (
            (spread is None) == (shift is None)
            and _is_finite(spread)
            and (spread is None or spread > 0),
            "a positive number next to `expected_shift`",
        ),
        "mean_spectrum": (
            mean is None or (len(mean) == len(grid or []) and np.isfinite(mean).all()),
            "a finite value for each energy of `energy_grid`",
        ),
    }
    for name, (good, expected) in checks.items():
        if not good:
            value = abridged(getattr(info, name))
            raise CheckpointError(f"{path}: `{name}` is {value}, expected {expected}")
    if info.calibration is not None:
        for name, array in pack_calibration(info.calibration)[1].items():
            if not np.isfinite(array).all():
                raise CheckpointError(f"{path}: `{name}` of the calibration is not finite")


def _is_finite(value: Any) -> bool:
    return value is None or (is_kind(value, float) and bool(np.isfinite(value)))
