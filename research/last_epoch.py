"""Model of a training's last epoch instead of its best one: `last_epoch.py FOLDER -o MODEL`.

The best epoch is chosen by the mean validation error. Where a few absorbers with hardly any
training spectra decide that, an earlier epoch is chosen although the others still improve.

    python -m research.last_epoch any_edge -o any_edge_last.pt
"""

import argparse
from pathlib import Path

from src.checkpoints.torch_file import read_verified
from src.checkpoints.trained_model import TrainedModel

PREFIX = "module."


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="training folder, with last.ckpt")
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    model = TrainedModel.load(arguments.folder)
    state = read_verified(arguments.folder / "last.ckpt")
    averaged = state["averaged"].items()
    weights = {k.removeprefix(PREFIX): v for k, v in averaged if k.startswith(PREFIX)}
    model.network.load_state_dict(weights)
    model.info.val_mse = float(state["rows"][-1]["val_mse"])
    model.save(arguments.output)
    print(f"{arguments.output}: epoch {state['epoch']}, validation mse {model.info.val_mse:.6f}")


if __name__ == "__main__":
    main()
