"""Databases and splits of the training of `any-edge`: `split_any_edge.py DATA FOLDER`.

DATA has the folders omnixas_5 and cu_k_feff (calculations/, train.txt, val.txt) of the data's
README; the calculations of our own are in ``research/calculated``. Written to FOLDER are `any.db`,
`train.txt` and `val.txt`, with no material in both, whatever its absorbers, the halves of
`val.txt`, `calibration.txt` and `test.txt`, and of each the part of copper, `Cu_train.txt` and so
on. Copper's part is the published one; of the other
elements' published materials a fifth is held back, of our own calculations 60 materials of copper
without oxygen and a quarter of the others.

    python -m research.split_any_edge ../shared/data any
"""

import argparse
import hashlib
from pathlib import Path

from research.campaign import FOLDER as CALCULATED
from research.runner import write_ids
from src.dataset.database import Database, write_records
from src.dataset.split import read_ids
from src.readers.formats import find_sources, read_source
from src.readers.options import ReadOptions

ELEMENTS = ("Ti", "V", "Cr", "Co", "Ni")
OXYGEN_FREE = 60
"""Materials of copper without oxygen that are held back."""


def place(*words: str) -> float:
    """Fixed random place in the unit interval of what words name."""
    digest = hashlib.sha256("\0".join(words).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def add(path: Path, source: Path) -> list[str]:
    """Add calculations to a database, as absolute cross-sections; return their ids.

    Of a site that is there from another source the first spectrum stays.
    """
    before = set(Database(path).ids) if path.exists() else set()
    for found in find_sources(source):
        records = list(read_source(found, ReadOptions(target="absolute")))
        new = [one for one in records if getattr(one, "id", None) not in before]
        if len(new) < len(records):
            print(f"{source.name}: {len(records) - len(new)} sites are there already, left out")
        write_records(path, new)
    return [name for name in Database(path).ids if name not in before]


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    data, folder = arguments.data, arguments.folder
    folder.mkdir()
    path = folder / "any.db"
    oxides = [name for e in ELEMENTS for name in add(path, data / "omnixas_5" / f"{e}_K.extxyz.xz")]
    add(path, data / "cu_k_feff" / "calculations")
    oxygen_free = add(path, CALCULATED / "cu_oxygen_free.extxyz.xz")
    campaigns = "any_edge", "any_edge_small"
    others = [name for c in campaigns for name in add(path, CALCULATED / f"{c}.extxyz.xz")]
    more_oxides = add(path, CALCULATED / "omnixas_small.extxyz.xz")
    published = {part: read_ids(data / "cu_k_feff" / f"{part}.txt") for part in ("train", "val")}
    material = {name: entry.material for name, entry in Database(path).entries.items()}
    fixed, held = ({material[i] for i in published[part]} for part in ("train", "val"))
    free = {material[i] for i in oxygen_free} - fixed - held
    known = {material[i] for i in oxides}
    held |= {m for m in known - fixed if place("omnixas", m) < 0.2}
    held |= set(sorted(free, key=lambda m: place("ofree", m))[:OXYGEN_FREE])
    new = {material[i] for i in others} - fixed - known - {material[i] for i in oxygen_free}
    held |= {m for m in new if place("any", m) < 1 / 4}
    ids = [*oxides, *published["train"], *published["val"], *oxygen_free, *others, *more_oxides]
    val = [i for i in ids if material[i] in held]
    parts = {
        "train": [i for i in ids if material[i] not in held],
        "val": val,
        "calibration": [i for i in val if place("half", i.partition("_")[0]) < 0.5],
        "test": [i for i in val if place("half", i.partition("_")[0]) >= 0.5],
    }
    entries = Database(path).entries
    for name, members in parts.items():
        write_ids(folder / f"{name}.txt", members)
        print(f"{name}: {len(members)} sites")
        copper = [i for i in members if entries[i].element == "Cu"]
        write_ids(folder / f"Cu_{name}.txt", copper)


if __name__ == "__main__":
    main()
