"""Bad values of the public functions' arguments: call, error, and what the message must name.

A field has one bad value; more of them, and what only one function checks, are in the tests of
the rooms: hyperparameters, loss, spectra, records, graphs.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms
from input_world import TINY
from records import record
from torch import nn

from src.checkpoints.model_info import ModelInfo
from src.checkpoints.trained_model import TrainedModel, load_model, save_model
from src.dataset.database import Database, write_records
from src.dataset.dataset import XANESDataset
from src.dataset.record import Rejected
from src.dataset.split import read_ids, split_by_hash
from src.errors import (
    CheckpointError,
    ConfigError,
    DatabaseError,
    LossError,
    RecordError,
    StructureError,
)
from src.explanation.attribution import explain
from src.model.gnn import XANES_E3GNN
from src.prediction.site_prediction import (
    material_mean,
    predict_structure,
    predict_structures,
)
from src.prediction.spectra_db import read_spectra
from src.predictor import XANESPredictor
from src.readers.extxyz import read_extxyz
from src.readers.fdmnes import read_fdmnes
from src.readers.feff import read_feff
from src.readers.formats import Source, find_sources, read_source
from src.readers.materials_project import read_materials_project
from src.readers.npz import read_npz
from src.readers.options import ReadOptions
from src.readers.table import read_table
from src.structures.files import named_structures, read_structures
from src.structures.graph import atoms_to_graph
from src.train import run_training
from src.training.config import TrainingConfig
from src.xas.columns import read_columns
from src.xas.measured import read_athena, read_measured
from src.xas.spectrum import Spectrum
from src.xas.xdi import read_xdi, write_xdi

COPPER = Atoms("CuO", [[0, 0, 0], [1.9, 0, 0]])
GRID = torch.linspace(-10.0, 50.0, 31)
ENERGIES = np.linspace(8980.0, 9000.0, 3)
FAR = np.array([1.0, 2.0])
nan, inf = float("nan"), float("inf")


def tiny(**changes: Any) -> XANES_E3GNN:
    """A small network."""
    return XANES_E3GNN(**{**TINY, **changes})


def graph(n_energies: int = 31, **changes: Any) -> Any:
    """A small graph with a target."""
    made = atoms_to_graph(COPPER, [0], 5.0)
    made.y = torch.zeros(1, n_energies)
    for name, value in changes.items():
        made[name] = value
    return made


def config(**changes: Any) -> dict[str, Any]:
    """Settings of a training."""
    return {"energy_grid": GRID, "batch_size": 1, "epochs": 1, **changes}


class Nothing(nn.Module):
    """A loss that is no number."""

    def forward(self, prediction: Any, *_: Any, **__: Any) -> Any:
        """Three terms."""
        return prediction.sum() * nan, prediction.sum(), prediction.sum()


def train(w: dict[str, Any], model: Any = None, graphs: Any = None, val: Any = None, **how: Any):
    """Train for one epoch."""
    how = {"save_path": f"{w['out']}.pt", **how}
    graphs = [graph()] if graphs is None else graphs
    return run_training(model or tiny(), graphs, val or [graph()], config(**how))


def predict(w: dict[str, Any], atoms: Any = COPPER, model: str = "{model}", **how: Any) -> object:
    """Predict with a model."""
    return predict_structure(TrainedModel.load(model.format(**w)), atoms, **how)


def several(w: dict[str, Any], atoms: Any = COPPER, **how: Any) -> object:
    """Predict several structures, of which one is bad."""
    model = TrainedModel.load(w["model"])
    return predict_structures(model, [("first", COPPER), ("a", atoms)], **how)


def explained(w: dict[str, Any], atoms: Any = COPPER, site: Any = 0, **how: Any) -> object:
    """Explain a site with the small model."""
    return explain(TrainedModel.load(w["model"]), atoms, site, **how)


def trajectory(w: dict[str, Any], frames: Any = (COPPER,), **how: Any) -> object:
    """Predict a trajectory."""
    frames = frames.format(**w) if isinstance(frames, str) else frames
    return XANESPredictor(w["model"]).trajectory(frames, **how)


def of_other_energies(w: dict[str, Any]) -> list[Any]:
    """Predictions of one site on two grids."""
    grids = np.array([8990.0]), np.array([8991.0])
    return [site for grid in grids for site in XANESPredictor(w["model"])(COPPER, energy=grid)]


def changed_record(w: dict[str, Any]) -> object:
    """Write a record again that has changed."""
    database = Database(w["db"])
    return write_records(w["db"], [replace(database.record(database.ids[0]), version="2")])


def dataset(w: dict[str, Any], ids: Any = None, **changes: Any) -> object:
    """First graph of a data set."""
    database = Database(w["db"])
    how = {"r_max": 5.0, "grid": ENERGIES, "extend_below": 0.0, **changes}
    return XANESDataset(database, ids or database.ids[:1], **how)[0]


def read(w: dict[str, Any], path: str = "{calculations}", format: str = "feff", **options: Any):
    """Read a source."""
    return list(read_source(Source(Path(path.format(**w)), format), ReadOptions(**options)))


def only_reason(path: Path) -> None:
    """Raise the reason for which the only record of a Materials Project file is rejected."""
    (rejected,) = read_materials_project(path)
    assert isinstance(rejected, Rejected)
    raise RecordError(rejected.reason)


def fields(call: Any, error: Any, *names: str, **values: Any) -> list[Any]:
    """Rows of a call with one bad keyword each, whose name and value (or shape) are named."""
    return [
        (lambda w, n=field, v=value: call(w, **{n: v}), error,
         [*names, f"`{field}`", tuple(value.shape) if hasattr(value, "shape") else value])
        for field, value in values.items()
    ]  # fmt: skip


def bad(call: Any, error: Any, *rows: tuple[dict[str, Any], str]) -> list[Any]:
    """Rows of a call with bad keywords, and what is named, between bars."""
    return [(lambda w, h=how: call(w, **h), error, said.split("|")) for how, said in rows]


def files(error: Any, *rows: tuple[Any, str]) -> list[Any]:
    """Rows of a function with a bad file of the world as its only argument, which is named."""
    return [
        (lambda w, f=function, n=name: list(f(Path(w[n])) or []), error, [f"{{{name}}}"])
        for function, names in rows for name in names.split()
    ]  # fmt: skip


NETWORK = [
    *bad(
        lambda _, **changes: tiny()(graph(**changes)), ValueError,
        ({"pos": torch.zeros(2, 2)}, "`pos`|(2, 2)|(2, 3)"),
        ({"edge_index": torch.tensor([[0, 7], [1, 0]])}, "`edge_index`"),
    ),
    *bad(
        lambda _, grid: tiny().predict_spectra(graph(), grid), ConfigError,
        ({"grid": torch.tensor([8980.0, 8990.0])}, "`energy_grid`|8980.000|8990.000"),
        ({"grid": torch.tensor([nan, 1.0])}, "`energy_grid`|nan"),
        ({"grid": torch.zeros(2, 2)}, "`energy_grid`|(2, 2)"),
    ),
    *fields(
        lambda _, mean=GRID, scale=1.0: tiny().set_target_statistics(GRID, mean, scale),
        ConfigError, mean=torch.zeros(3), scale=0.0,
    ),
]  # fmt: skip

TRAINING = [
    *fields(
        lambda _, **changes: TrainingConfig(**config(**changes)), ConfigError,
        lambda_grad=-1.0, epochs=1.5, lr="1e-3", batch_size=0, max_edges=0, weight_decay=inf,
        warmup=1.0, ema_decay=nan, clip_norm=0.0, displacement=1.0, patience=0, max_hours=nan,
        seed=2**63, workers=-1, checkpoint_minutes=nan, keep=0, resume="no", save_path="",
        checkpoint_path=3, metrics_path=3, precision="float16", energy_grid=torch.zeros(3),
    ),
    *bad(
        lambda _, **changes: TrainingConfig(**config(**changes)), ConfigError,
        ({"score_window": (3.0, 1.0)}, "`score_window`|3.0|1.0"),
        ({"score_window": (900.0, 1000.0)}, "`score_window`|900.0|1000.0|-10.0|50.0"),
        ({"resume": True}, "`resume`|`checkpoint_path`"),
        ({"batch_size": None}, "`batch_size`"),
    ),
    (lambda _: TrainingConfig.from_mapping({"learning_rate": 1}), ConfigError, ["learning_rate"]),
    *bad(
        train, ConfigError,
        ({"graphs": []}, "train_dataset"),
        ({"graphs": [graph(5)]}, "train_dataset[0]|`y`|(1, 5)|(1, 31)"),
        ({"graphs": [atoms_to_graph(COPPER, [0], 5.0)]}, "train_dataset[0]|`y`"),
        ({"save_path": "nowhere/x.pt"}, "`save_path`|nowhere/x.pt"),
        ({"device": "gpu"}, "`device`|'gpu'"),
        ({"model": tiny(emax=30.0)}, "`energy_grid`|50.000|30.000"),
        ({"model": tiny(max_z=10)}, "train_dataset[0]|`z`|29|10"),
        ({"model": tiny(r_max=6.0)}, "train_dataset[0]|`r_max`|5|6"),
        ({"model": tiny().double(), "precision": "bfloat16"}, "`precision`|bfloat16|float64"),
    ),
    (lambda w: train(w, criterion=Nothing()), LossError, ["epoch 1, batch 1", "nan"]),
    (lambda w: train(w, info=ModelInfo(element="Xx")), CheckpointError,
     ["{out}.pt", "`element`", "Xx"]),
]  # fmt: skip

PREDICTION = [
    *bad(
        predict, StructureError,
        ({"atoms": Atoms()}, "structure"),
        ({"atoms": Atoms("Cu", [[nan, 0, 0]])}, "structure|atom 0"),
        ({"atoms": Atoms("Cu", cell=[1, 1, 0], pbc=True)}, "structure|cell"),
        ({"sites": []}, "structure|absorber"),
    ),
    *(
        row
        for call in (predict, several)
        for row in bad(
            call, StructureError,
            ({"atoms": 3}, ": |int"), ({"sites": [5]}, ": |site 5"),
            ({"sites": [0.5]}, ": |site 0.5"), ({"sites": [True, False]}, ": |site True"),
            ({"sites": [1]}, ": |site 1|O|Cu|`other_element`"),
        )
    ),
    *bad(
        explained, StructureError,
        ({"atoms": 3}, "int"), ({"site": 9}, "site 9"), ({"site": 1}, "site 1|O|Cu"),
        ({"radius": 0.5}, "radius"),
    ),
    *fields(explained, ConfigError, radius=nan),
    *(
        row
        for call in (predict, several, explained, trajectory)
        for row in bad(
            call, ConfigError,
            ({"energy": FAR}, "1.000|2.000|8983.173"), ({"energy": 8990.0}, "()"),
        )
    ),
    (lambda w: predict(w, model="chemistry"), ConfigError, ["spectra"]),
    *bad(
        trajectory, StructureError,
        ({"frames": "{missing}"}, "{missing}"), ({"frames": "{text}"}, "{text}"),
        ({"frames": []}, "trajectory"), ({"frames": COPPER}, "frame 0|Atom"),
        ({"sites": [9]}, "frame 0|site 9"),
    ),
    (lambda w: XANESPredictor(w["model"], "cuda:99"), ConfigError, ["`device`", "'cuda:99'"]),
    (lambda w: material_mean(of_other_energies(w)), StructureError, ["site 0", "other energies"]),
]  # fmt: skip

DATA = [
    *(
        (lambda _, c=call: c(Spectrum(ENERGIES, np.zeros(3))), RecordError, names)
        for call, names in (
            (lambda s: s.at(np.array([nan, 8990.0])), ["nan", "point 1"]),
            (lambda s: s.within(nan, 9000.0), ["nan", "9000.000"]),
            (lambda s: s.shifted(-9000.0), ["-20.0"]),
        )
    ),
    *bad(
        lambda _, **changes: replace(record(), **changes), RecordError,
        ({"material": "../x"}, "here|`material`|../x"), ({"atoms": Atoms()}, "mp-1_000|0 atoms"),
        ({"mean_over": (0, 1)}, "mp-1_000"), ({"code": "a\x1bb"}, r"mp-1_000|`code`|'a\x1bb'"),
    ),
    *fields(lambda _, **how: replace(record(), **how), RecordError, "mp-1_000",
            edge="k", fermi_level=nan),
    (lambda _: Database("ftp://x/y"), ConfigError, ["ftp://x/y"]),
    (lambda w: list(Database(w["db"]).records(["mp-0_000"])), DatabaseError, ["{db}", "mp-0_000"]),
    (lambda w: write_records(f"{w['nodir']}/x.db", [record()]), DatabaseError, ["{nodir}/x.db"]),
    (lambda w: write_records(w["dir"], [record()]), DatabaseError, ["{dir}"]),
    (lambda w: write_records(f"{w['out']}.db", [record(), record(version="2")]), DatabaseError,
     ["{out}.db", "here", "mp-1_000"]),
    (changed_record, DatabaseError, ["{db}", "mp-"]),
    *bad(
        dataset, DatabaseError,
        ({"ids": ["mp-0_000"]}, "{db}|mp-0_000"), ({"grid": FAR}, "{db}|mp-"),
    ),
    *fields(dataset, ConfigError, r_max=inf, extend_below=-1.0, max_z=0, grid=ENERGIES[::-1],
            memory_bytes=-1),
    (lambda _: split_by_hash(["a_0"], {"train": nan}), DatabaseError, ["fractions"]),
    (lambda _: split_by_hash("abc", {"a": 1.0}), DatabaseError, ["`ids`", "'abc'"]),
    (lambda _: split_by_hash(["a_0"], {"a": 1.0}, seed=nan), ConfigError, ["`seed`", "nan"]),
]  # fmt: skip

FILES = [
    *files(CheckpointError, (load_model, "missing text dir"), (XANESPredictor, "missing")),
    *files(DatabaseError, (Database, "missing text"), (read_spectra, "missing ase"),
           (read_ids, "missing model text")),
    *files(RecordError, (find_sources, "missing"), (read_feff, "missing"), (read_fdmnes, "missing"),
           (read_extxyz, "missing"), (read_materials_project, "text"), (read_npz, "missing npz"),
           (read_table, "csv"), (read_measured, "missing columns"), (read_xdi, "missing text"),
           (read_columns, "text")),
    *files(StructureError, (read_structures, "missing"), (named_structures, "text")),
    *files((ConfigError, RecordError), (find_sources, "text"), (read_athena, "text missing")),
    (lambda w: only_reason(Path(w["json"])), RecordError, ["`spectrum_type`"]),
    *bad(
        read, (ConfigError, RecordError),
        ({"path": "{missing}", "format": "extxyz"}, "{missing}"),
        ({"format": "other"}, "`format`|'other'"), ({"path": "{csv}", "format": "npz"}, "{csv}"),
        ({"energy": (0.0, 1.0, 1.0)}, "--energy|{calculations}"),
        ({"path": "{xyz}", "format": "extxyz"}, "{xyz}|frame 1|--energy"),
        ({"path": "{xyz}", "format": "extxyz", "energy": (0, 9, 1)}, "{xyz}|frame 1|10|3"),
        ({"target": "as_given"}, "--target as_given|{calculations}"),
        ({"energy": (0.0, nan, 1.0)}, "0.0|nan"), ({"energy": (2.0, 0.0, 1.0)}, "2.0|0.0"),
    ),
    *fields(
        read, (ConfigError, RecordError), element="copper", edge="Q", axis="other", target="other",
        energy=(0.0, 1.0),
    ),
    *bad(
        lambda w, reader, **how: list(reader(w["runs"], **how)), (ConfigError, RecordError),
        *(({"reader": reader, name: value}, f"`{name}`|{value}")
          for reader in (read_feff, read_fdmnes)
          for name, value in (("element", "copper"), ("edge", "k"))),
    ),
    (lambda w: read_measured(w["foil"], "other"), RecordError, ["{foil}", "'other'"]),
    (lambda w: read_measured(w["columns"], 3), RecordError, ["{columns}", "3", "2"]),
    (lambda w: write_xdi(Spectrum(ENERGIES, ENERGIES), Path(w["nodir"], "x.xdi")), CheckpointError,
     ["{nodir}/x.xdi"]),
    (lambda w: save_model(f"{w['nodir']}/x.pt", tiny(), ModelInfo()), CheckpointError,
     ["{nodir}/x.pt"]),
]  # fmt: skip

CALLS = [*NETWORK, *TRAINING, *PREDICTION, *DATA, *FILES]
