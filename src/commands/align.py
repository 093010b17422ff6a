"""The command `align`: the shift between a model's energies and measured ones."""

from dataclasses import dataclass, field
from pathlib import Path

from ..errors import ConfigError
from ..runtime.options import MODEL_FIRST, POSITIONAL

EXAMPLE = "align cu-k-feff foil.xdi Cu.cif cuprite.xdi Cu2O.cif -o aligned.pt"
COMMON = ("output",)


@dataclass
class Options:
    """Which model, and which scans of known structures."""

    model: Path = field(metadata=MODEL_FIRST)
    """Model file, training folder, or name of a model that ships with the package."""
    pairs: list[Path] = field(metadata=POSITIONAL)
    """SCAN STRUCTURE [SCAN STRUCTURE ...]: measured spectra, each followed by its structure. The
    mean of their shifts becomes the expected one; with more scans, from several beamlines, it is
    known better."""
    output: Path = field(kw_only=True)
    """Model file to write; weights and predictions are those of the model."""


def run(job: Options) -> None:
    """Find the shift of each pair, and write the model file that knows their mean."""
    from ..checkpoints.trained_model import TrainedModel
    from ..comparison.candidates import predict_candidates
    from ..comparison.expected_shift import (
        find_shift,
        measured_at_edge,
        with_expected_shift,
    )
    from ..runtime.atomic_files import OF_MODELS, check_writable

    if len(job.pairs) % 2:
        raise ConfigError(
            f"`pairs` are SCAN STRUCTURE [SCAN STRUCTURE ...], but {job.pairs[-1]} has no partner"
        )
    check_writable(job.output, *OF_MODELS)
    model = TrainedModel.load(job.model)
    fits = []
    for scan, structure in zip(job.pairs[::2], job.pairs[1::2], strict=True):
        model, measured = measured_at_edge(model, scan)
        print(f"{scan}: {measured.norm.made_from}")
        (candidate, *others) = predict_candidates(model, [structure])
        if others:
            raise ConfigError(f"{structure}: contains {1 + len(others)} structures, expected one")
        fits.append((scan.name, structure.name, find_shift(model, measured, candidate)))
    model.info = with_expected_shift(model.info, fits)
    model.save(job.output)
    for line in model.info.shift_scans or []:
        print(line)
    print(
        f"{job.output}: a measurement is expected to be shifted by {model.info.expected_shift:.2f}"
        f" +- {model.info.shift_spread:.2f} eV from the calculations"
    )
