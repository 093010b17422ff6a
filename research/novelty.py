"""What is flagged as novel, why, and how large its error is.

    python -m research.novelty cu-k-feff [--records DATABASE[:IDS] ..]

First a table of structures unlike any oxide crystal, and of some that are like one; then of the
records of each database the fraction flagged, by reason, and the mse of flagged sites and others.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk, fcc111, surface

from research.runner import markdown
from src.checkpoints.trained_model import TrainedModel
from src.dataset.database import Database
from src.dataset.split import read_ids
from src.errors import StructureError
from src.evaluation.evaluate import calculated, model_dataset
from src.prediction.inference import predict_sites
from src.prediction.site_prediction import describe_reasons, predict_each
from src.structures.files import read_structures

COPPER = Path(__file__).parents[1] / "docs" / "examples" / "copper"
KINDS = {
    "within": "number of neighbors",
    "asymmetry": "asymmetry",
    "is a nearest neighbor": "nearest element",
    "among its neighbors": "element absent",
    "nearest": "nearest distance",
    "features": "features",
}
"""Words in a reason, in the order in which they are looked for, and its kind."""


def structures() -> dict[str, Atoms]:
    """Structures by name: unlike the training set, then like it."""
    oxide = read_structures(COPPER / "CuO.vasp")[0]
    octahedron = 2.0 * np.concatenate([np.zeros((1, 3)), np.eye(3), -np.eye(3)])
    expanded = oxide.copy()
    expanded.set_cell(1.15 * oxide.cell.array, scale_atoms=True)
    return {
        "isolated Cu atom": Atoms("Cu"),
        "Cu-H, 1.46 A": Atoms("CuH", [[0, 0, 0], [1.46, 0, 0]]),
        "Cu-O, 1.73 A": Atoms("CuO", [[0, 0, 0], [1.73, 0, 0]]),
        "CuO6 in vacuum": Atoms("CuO6", octahedron),
        "fcc Cu, a = 4.693 A": bulk("Cu", a=1.3 * 3.61),
        "fcc Cu, a = 8 A": bulk("Cu", a=8.0),
        "Cu(111) slab": fcc111("Cu", (1, 1, 5), a=3.61, vacuum=8),
        **{
            f"CuO({''.join(map(str, plane))}) slab": surface(oxide, plane, 2, 8, periodic=True)
            for plane in ((1, 1, 1), (1, 0, 0), (0, 1, 0))
        },
        "CuO, cell 1.15 times larger": expanded,
        "CuZn": bulk("CuZn", "cesiumchloride", a=2.95),
        "Cu3Au": Atoms(
            "AuCu3",
            scaled_positions=[[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]],
            cell=[3.75] * 3,
            pbc=True,
        ),
        **{
            name: read_structures(COPPER / f"{name}.vasp")[0]
            for name in ("CuS", "CuFeS2", "CuCl", "Cu3N", "Cu", "Cu2O", "CuO")
        },
    }


def structure_rows(model: TrainedModel) -> list[tuple[str, str, str]]:
    """Name, flagged sites of all, and why."""
    named = structures()
    rows = []
    for name, found in zip(named, predict_each(model, named.items()), strict=True):
        if isinstance(found, StructureError):
            rows.append((name, "refused", str(found).removeprefix(f"{name}: ")))
            continue
        total = sum(len(site.equivalent) for site in found)
        flagged = sum(len(site.equivalent) for site in found if site.novel)
        rows.append((name, f"{flagged} of {total}", " / ".join(describe_reasons(found))))
    return rows


def kind_of(reason: str) -> str:
    """Kind of a reason."""
    return next(kind for words, kind in KINDS.items() if words in reason)


def record_rows(
    model: TrainedModel, database: Database, ids: Sequence[str]
) -> list[tuple[str, ...]]:
    """Group of sites, their number, fraction, and mean and median mse."""
    graphs = list(model_dataset(model, database, ids))
    sites = predict_sites(model, graphs, model.energies().relative)
    _, target, mask = calculated(graphs)
    mse = np.nanmean(np.where(mask, sites.mu - target, np.nan) ** 2, axis=1)
    kinds = [{kind_of(reason) for reason in reasons} for reasons in sites.reasons]
    groups = {"flagged": np.array([len(k) > 0 for k in kinds])}
    groups["others"] = ~groups["flagged"]
    for kind, _ in Counter(k for found in kinds for k in found).most_common():
        groups[f"by {kind}"] = np.array([kind in found for found in kinds])
        groups[f"only by {kind}"] = np.array([found == {kind} for found in kinds])
    return [
        (
            name,
            str(rows.sum()),
            f"{rows.mean():.3f}",
            f"{mse[rows].mean():.5f}",
            f"{np.median(mse[rows]):.5f}",
        )
        for name, rows in groups.items()
        if rows.any()
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Print the tables; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", help="calibrated model")
    parser.add_argument(
        "--records", nargs="*", default=[], help="database, or database:file of ids"
    )
    options = parser.parse_args(argv)
    model = TrainedModel.load(options.model)
    print(markdown(("structure", "sites flagged", "why"), structure_rows(model)))
    for named in options.records:
        path, _, listed = named.partition(":")
        database = Database(Path(path))
        ids = read_ids(Path(listed)) if listed else database.ids
        head = ("sites", "number", "fraction", "mse", "median mse")
        print(f"{named}, {len(ids)} sites\n\n{markdown(head, record_rows(model, database, ids))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
