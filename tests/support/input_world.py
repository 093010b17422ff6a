"""What the rows of input checks need: a database, a model, a training and files of every kind."""

import json
from pathlib import Path

import numpy as np
from ase.db import connect
from cif import cubic_cif
from paths import CALCULATIONS, CU_K, EXPERIMENT, FEFF_RUNS

from src.checkpoints.model_info import ModelInfo
from src.checkpoints.trained_model import save_model
from src.cli import main
from src.dataset.database import write_records
from src.model.gnn import XANES_E3GNN
from src.readers.feff import read_feff
from src.structures.files import read_structures

TINY = {"num_layers": 1, "lmax": 0, "channels": 4, "num_heads": 1, "num_basis": 16}


def make_world(folder: Path) -> dict[str, str]:
    """Make the files; their names stand in the rows in braces."""
    where = {name: folder / file for name, file in FILES.items()}
    records = list(read_feff(CALCULATIONS, "Cu", "K"))
    write_records(where["db"], records)
    ids = {name: (CU_K / f"{name}.txt").read_text().split() for name in ("train", "val")}
    grid = 8983.173 + 0.25 * np.arange(141)
    info = ModelInfo(
        element="Cu", edge="K", target="absolute", unit="1e-3 a0^2", code="FEFF 9.9.1",
        reference_energy=8993.173, energy_grid=grid.tolist(), mean_spectrum=[1.0] * len(grid),
        extend_below=6.0, elements=[8, 29], train_ids=ids["train"], val_ids=ids["val"],
    )  # fmt: skip
    save_model(where["model"], XANES_E3GNN(**TINY), info)
    where["cif"].write_text(cubic_cif(("Cu", 0.0, 1.0), ("O", 0.5, 1.0)))
    where["zinc"].write_text(cubic_cif(("Zn", 0.0, 1.0), ("O", 0.5, 1.0)))
    where["text"].write_text("nothing of use\n")
    where["empty"].write_text("")
    where["ids"].write_text("".join(f"{one}\n" for one in ids["val"]))
    where["train_ids"].write_text("".join(f"{one}\n" for one in ids["train"]))
    where["unknown_ids"].write_text("mp-0_000\n")
    where["json"].write_text(json.dumps({"kind": "other"}))
    where["npz"].write_bytes(b"PK\x03\x04")
    where["csv"].write_text("structure,element,absorber\n")
    frame = '1\nProperties=species:S:1:pos:R:3 material=a absorber=0 mu="0 1 2"\nCu 0 0 0\n'
    where["xyz"].write_text(frame)
    where["columns"].write_text("".join(f"{k} {k}\n" for k in range(30)))
    with connect(where["ase"]) as database:
        database.write(read_structures(where["cif"])[0])
    where["dir"].mkdir()
    where["nodir"] = folder / "nowhere"
    where["missing"] = folder / "missing"
    where |= {"calculations": CALCULATIONS, "foil": EXPERIMENT / "cu_metal_rt.xdi"}
    where |= {"cold": EXPERIMENT / "cu_metal_10K.xdi", "runs": FEFF_RUNS}
    words = ["train", where["db"], "-o", where["run"], "--train", where["ids"]]
    words += ["--val", where["train_ids"], "--training.epochs", 1]
    words += [f"--model.{name}={value}" for name, value in TINY.items()]
    if main([str(word) for word in words]) != 0:
        raise RuntimeError("the training of the fixture failed")
    return {name: str(path) for name, path in where.items()}


FILES = {
    "db": "cu.db", "model": "tiny.pt", "cif": "cu.cif", "zinc": "zn.cif", "text": "text.txt",
    "empty": "empty.cif", "ids": "ids.txt", "train_ids": "train.txt", "json": "other.json",
    "unknown_ids": "unknown.txt", "npz": "cut.npz", "csv": "table.csv", "xyz": "cu.xyz",
    "columns": "mu.dat", "ase": "structures.db", "dir": "folder", "run": "run",
}  # fmt: skip
