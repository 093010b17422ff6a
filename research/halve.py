"""Store the weight matrices of a model file in half precision: `halve.py MODEL -o MODEL`.

Read back, they are single precision again; the mean spectra and the calibration stay as they are.

    python -m research.halve calibrated.pt -o any-edge.safetensors
"""

import argparse
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from src.checkpoints.model_file import read_model_file, write_model_file
from src.checkpoints.pretrained import model_path


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    file = read_model_file(model_path(arguments.model))
    tensors = {
        name: value.half() if is_matrix(name, value) else value
        for name, value in file.tensors.items()
    }
    write_model_file(arguments.output, replace(file, tensors=tensors))


def is_matrix(name: str, value: Tensor) -> bool:
    """Whether a tensor is a matrix of learned weights."""
    return name.startswith("members.") and ".coefficient_" not in name and value.ndim > 1


if __name__ == "__main__":
    main()
