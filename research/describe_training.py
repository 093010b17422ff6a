"""Adds what a shipped model was trained on to its file; weights and bands stay as they are.

    e3gnn-xanes dataset cu_k_feff/calculations -o cu.db
    python -m research.describe_training cu-k-feff cu.db -o src/pretrained/cu-k-feff.safetensors

Summary of the environments in the training set, checksum of the records, the commands of
``research/pretrained.yaml``, and the threshold of novelty that goes with the summary, on the sites
that the bands were calibrated on. Everything else in the file is kept.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import yaml

from src.checkpoints.model_file import read_model_file
from src.checkpoints.pretrained import model_path
from src.checkpoints.trained_model import TrainedModel
from src.dataset.database import Database
from src.evaluation.calibrate import site_errors
from src.evaluation.conformal import novelty_threshold
from src.evaluation.evaluate import model_dataset
from src.structures.chemistry import Survey

TEXTS = Path(__file__).with_suffix("").with_name("pretrained.yaml")


def describe(model: TrainedModel, database: Database) -> None:
    """Give a model the description of its training set, which the database contains."""
    info = model.info
    train, val = info.train_ids or [], info.val_ids or []
    survey = Survey()
    for graph in model_dataset(model, database, train):
        survey.add(graph)
    info.chemistry = survey.summary(model.network.r_max)
    info.data_digest = database.digest_of([*train, *val])
    texts = yaml.safe_load(TEXTS.read_text())[model.name]
    info.command = texts["command"]
    info.card = {**(info.card or {}), **texts.get("card", {})}
    if info.calibration is not None:
        novelty, ids = info.calibration.novelty, info.calibration.ids
        data = site_errors(model_dataset(model, database, ids), model, novelty)
        threshold = novelty_threshold(data.distance, data.departs)
        info.calibration = replace(info.calibration, novelty=replace(novelty, threshold=threshold))


def check_same(before: Path, after: Path) -> None:
    """Raise ValueError if a tensor or a hyperparameter differs between two model files."""
    old, new = read_model_file(before), read_model_file(after)
    if old.tensors.keys() != new.tensors.keys():
        raise ValueError(f"{after}: other tensors than {before}")
    for name, tensor in old.tensors.items():
        if not tensor.equal(new.tensors[name]):
            raise ValueError(f"{after}: {name} differs from {before}")
    for name in ("hyperparameters", "differences"):
        if old.content[name] != new.content[name]:
            raise ValueError(f"{after}: {name} differ from {before}")


def main(argv: Sequence[str] | None = None) -> int:
    """Write the model file; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", help="name of a shipped model")
    parser.add_argument("database", type=Path, help="its training and validation records")
    parser.add_argument("-o", "--output", type=Path, required=True, help="model file to write")
    options = parser.parse_args(argv)
    model, beside = TrainedModel.load(options.model), options.output.with_suffix(".new")
    describe(model, Database(options.database))
    model.save(beside)
    check_same(model_path(options.model), beside)
    beside.replace(options.output)
    assert model.info.chemistry is not None
    print("\n".join(model.info.chemistry.describe()))
    print(f"data: sha256 {model.info.data_digest}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
