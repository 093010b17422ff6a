"""Check that spectra do not depend on how a structure is described.

Prints the largest deviations of networks with random weights (lmax 0 to 4) and of a trained one,
and exits 1 if one exceeds its tolerance. Deviations are in units of the spread, how much the
absorbers' spectra differ from each other.
"""

import argparse
import sys
from pathlib import Path

import torch

from src import XANES_E3GNN, load_model
from src.errors import CheckpointError
from src.model.ensemble import networks_of
from src.verification.symmetry import TOLERANCE, Deviation, break_equivariance, check_model

DEFAULT = Path("best_model.pt")
"""Trained network that is checked too if the file exists."""
COPPER = 29
DROPOUT = 0.2
"""Of every network in training mode, the trained one too."""


def networks(path: Path | None) -> dict[str, XANES_E3GNN]:
    """Networks with random weights for every lmax, and the trained one of a file."""
    models = {}
    for lmax in range(5):
        torch.manual_seed(lmax)
        models[f"random, lmax {lmax}"] = XANES_E3GNN(
            num_layers=3, lmax=lmax, channels=16, num_basis=32, dropout=DROPOUT
        )
    if path is not None:
        trained = networks_of(load_model(path)[0])
        for number, network in enumerate(trained):
            name = f"{path}, member {number}" if len(trained) > 1 else str(path)
            models[name] = with_dropout(network)
    return models


def with_dropout(model: XANES_E3GNN) -> XANES_E3GNN:
    """Copy of a network that drops features in training mode."""
    copy = XANES_E3GNN(**{**model.hyperparameters, "dropout": DROPOUT})
    copy.to(model.coefficient_mean.dtype).load_state_dict(model.state_dict())
    return copy.eval()


def print_table(deviations: list[Deviation]) -> None:
    """Print one row per network, type and mode, and one column per check."""
    checks = list(dict.fromkeys(d.check for d in deviations))
    print(
        f"{'network':<24}{'type':<9}{'mode':<11}{'spread':<8}" + "".join(f"{c:>12}" for c in checks)
    )
    rows: dict[tuple[str, str, str], dict[str, Deviation]] = {}
    for d in deviations:
        kind = str(d.dtype).removeprefix("torch.")
        rows.setdefault((d.model, kind, d.mode), {})[d.check] = d
    for (model, kind, mode), row in rows.items():
        cells = [
            f"{row[c].value:>11.1e}{' ' if row[c].passed else '!'}" if c in row else " " * 12
            for c in checks
        ]
        scale = next(iter(row.values())).spread
        print(f"{model[-23:]:<24}{kind:<9}{mode:<11}{scale:<8.1g}" + "".join(cells))


def main(argv: list[str] | None = None) -> int:
    """Parse the options, check, and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", nargs="?", type=Path, help=f"model file (default: {DEFAULT})")
    parser.add_argument(
        "--break", dest="broken", action="store_true", help="break a layer: the check must fail"
    )
    options = parser.parse_args(argv)
    torch.set_num_threads(1)  # structures are small
    path = options.model or (DEFAULT if DEFAULT.is_file() else None)
    try:
        models = networks(path)
    except CheckpointError as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
    if path is None:
        print(f"no {DEFAULT}: random weights only (python verify_model.py creates it)")
    deviations: list[Deviation] = []
    for name, model in models.items():
        if options.broken:
            break_equivariance(model)
        deviations += check_model(name, model, COPPER)
    print_table(deviations)
    failed = [d for d in deviations if not d.passed]
    print("training mode: only changes that keep the order of atoms, as dropout depends on it")
    limits = ", ".join(f"{str(t).removeprefix('torch.')} {v:.0e}" for t, v in TOLERANCE.items())
    print(f"tolerances: {limits}; {len(deviations)} checks, {len(failed)} exceeded (marked !)")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
