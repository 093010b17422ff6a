"""E3GNN-XANES: X-ray absorption near-edge spectra from atomic structures.

An E(3)-equivariant graph network that predicts the spectrum of every absorbing atom.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .checkpoint import ModelInfo, load_model, save_model
    from .config import TrainingConfig
    from .data.spectrum import Spectrum
    from .loss import SpectrumLoss
    from .model.gnn import XANES_E3GNN
    from .predictor import XANESPredictor
    from .train import run_training

__all__ = [
    "XANES_E3GNN",
    "ModelInfo",
    "Spectrum",
    "SpectrumLoss",
    "TrainingConfig",
    "XANESPredictor",
    "load_model",
    "run_training",
    "save_model",
]

_HOME = {
    "XANES_E3GNN": ".model.gnn",
    "SpectrumLoss": ".loss",
    "run_training": ".train",
    "TrainingConfig": ".config",
    "ModelInfo": ".checkpoint",
    "load_model": ".checkpoint",
    "save_model": ".checkpoint",
    "Spectrum": ".data.spectrum",
    "XANESPredictor": ".predictor",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that ``import src`` is quick."""
    if name in _HOME:
        return getattr(import_module(_HOME[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
