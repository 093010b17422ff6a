"""E3GNN-XANES: X-ray absorption near-edge spectra from atomic structures.

An E(3)-equivariant graph network that predicts the spectrum of every absorbing atom.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .checkpoints.model_info import ModelInfo
    from .checkpoints.trained_model import load_model, save_model
    from .loss import SpectrumLoss
    from .model.gnn import XANES_E3GNN
    from .prediction.structure_prediction import StructurePrediction
    from .predictor import XANESPredictor, predict
    from .train import run_training
    from .training.config import TrainingConfig
    from .xas.spectrum import Spectrum

__all__ = [
    "XANES_E3GNN",
    "ModelInfo",
    "Spectrum",
    "SpectrumLoss",
    "StructurePrediction",
    "TrainingConfig",
    "XANESPredictor",
    "load_model",
    "predict",
    "run_training",
    "save_model",
]

_HOME = {
    "XANES_E3GNN": ".model.gnn",
    "SpectrumLoss": ".loss",
    "run_training": ".train",
    "TrainingConfig": ".training.config",
    "ModelInfo": ".checkpoints.trained_model",
    "load_model": ".checkpoints.trained_model",
    "save_model": ".checkpoints.trained_model",
    "Spectrum": ".xas.spectrum",
    "XANESPredictor": ".predictor",
    "predict": ".predictor",
    "StructurePrediction": ".prediction.structure_prediction",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that ``import src`` is quick."""
    if name in _HOME:
        return getattr(import_module(_HOME[name], __name__), name)
    if name == "__version__":
        from .runtime.provenance import package_version

        return package_version("e3gnn-xanes")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names."""
    return sorted([*__all__, "__version__"])
