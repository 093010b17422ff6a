r"""Spectra that a model predicts, to train its successors on: `self_labels.py MODEL DATABASE`.

Adds to DATABASE one site of each material of STRUCTURES, in the format of `omnixas_train`, that no
record of DATABASE has, with the spectrum that MODEL predicts, as if FEFF 9.9.1 had calculated it,
and writes their ids to IDS. An ensemble is more accurate than its members, so they can learn from
it where no calculation is.

    cp any/any.db any/predicted.db
    python -m research.self_labels any-edge any/predicted.db -o any/predicted.txt \
        --structures ../shared/data/mp_structures/omnixas_train.extxyz.xz
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from research.campaign import candidates
from research.runner import write_ids
from research.split_any_edge import ELEMENTS
from src import XANESPredictor
from src.calculation.plan import Site
from src.checkpoints.trained_model import TrainedModel
from src.dataset.database import Database, write_records
from src.dataset.record import Record
from src.readers.extxyz import split_frames


def sites(structures: Path, known: set[str]) -> Iterator[Site]:
    """One site of each material that is not known, of the elements of the split.

    Args:
        structures: extended xyz with ``material``, and perhaps ``element`` and ``sites``, in each
            frame.
        known: materials to leave out.

    Raises:
        RecordError: a frame can't be read.
    """
    frames = [read() for _, read in split_frames(structures)]
    for element in ELEMENTS:
        for site in candidates(frames, element):
            if site.material not in known:
                yield site


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("database", type=Path)
    parser.add_argument("--structures", type=Path, required=True, help="extended xyz")
    parser.add_argument("-o", "--output", type=Path, required=True, help="file of ids")
    arguments = parser.parse_args()
    model = TrainedModel.load(arguments.model)
    predictors = {element: XANESPredictor(model.of(element, "K")) for element in ELEMENTS}
    known = {entry.material for entry in Database(arguments.database).entries.values()}
    records = []
    for site in sites(arguments.structures, known):
        (predicted,) = predictors[site.element](site.atoms, [site.site])
        records.append(
            Record(
                *(site.id, site.material, site.atoms, site.site, site.element, "K"),
                *(predicted.energy, predicted.mu, "absolute", "FEFF", "9.9.1"),
                source=f"predicted by {arguments.model}",
            )
        )
    write_records(arguments.database, records)
    write_ids(arguments.output, [record.id for record in records])
    print(f"{len(records)} sites")


if __name__ == "__main__":
    main()
