"""Whose energies a model's spectra have: those of its calculations, or of measurements."""

from dataclasses import replace

from ..errors import ConfigError
from ..xas.tabular import plain_text
from .trained_model import TrainedModel


def aligned(model: TrainedModel) -> TrainedModel:
    """A model with all its energies moved by the expected shift, to those of measurements.

    Raises:
        ConfigError: the model knows no expected shift.
    """
    info, shift = model.info, model.info.expected_shift
    if shift is None or info.reference_energy is None:
        raise ConfigError(
            f"{model.name}: knows no expected shift to measured energies; `align` finds it from"
            " scans of known structures"
        )
    moved = replace(
        info,
        reference_energy=info.reference_energy + shift,
        energy_grid=None if info.energy_grid is None else [e + shift for e in info.energy_grid],
        expected_shift=0.0,
    )
    return replace(model, info=moved, moved_by=shift)


def describe_energies(model: TrainedModel) -> str:
    """Whose energies a model's spectra have, and how far those of a measurement are from them."""
    info, code = model.info, model.info.code or "the calculations"
    if info.reference_energy is None:
        return "relative to the reference"
    if model.moved_by is not None:
        if info.shift_spread is None:
            return f"aligned to a scan, those of {code} shifted by {model.moved_by:.2f} eV"
        return (
            f"aligned to experiment, those of {code} shifted by {model.moved_by:.1f} eV (standard"
            f" deviation {info.shift_spread:.1f} eV)"
        )
    if info.expected_shift is None:
        return f"absolute, those of {code}; a measurement may be shifted by several eV"
    return (
        f"absolute, those of {code}; a measurement is expected to be shifted by"
        f" {info.expected_shift:.1f} +- {info.shift_spread:.1f} eV"
    )


def energy_label(model: TrainedModel) -> str:
    """The same in short, for the axis of a figure."""
    if model.info.reference_energy is None:
        return "Energy relative to reference (eV)"
    if model.moved_by is not None:
        return "Energy aligned to experiment (eV)"
    codes = (model.info.code or "").split(", ")
    if len(codes) > 1:  # without versions
        codes = list(dict.fromkeys(code.partition(" ")[0] for code in codes))
    return f"Energy of {plain_text(', '.join(codes))} (eV)" if model.info.code else "Energy (eV)"
