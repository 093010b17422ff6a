"""Bad values of the public functions' arguments: call, error, and what the message must name."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms
from records import record
from torch import nn

from src.checkpoints.trained_model import ModelInfo, TrainedModel, load_model, save_model
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
from src.loss import SpectrumLoss
from src.model.gnn import XANES_E3GNN
from src.prediction.material import material_half_width, material_mean
from src.prediction.site_prediction import predict_structure, predict_structures
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
TINY = {"num_layers": 1, "lmax": 0, "channels": 4, "num_heads": 1, "num_basis": 16}
ENERGIES = np.linspace(8980.0, 9000.0, 3)
FAR = np.array([1.0, 2.0])
nan, inf = float("nan"), float("inf")


def tiny(**changes: Any) -> XANES_E3GNN:
    """A small network."""
    return XANES_E3GNN(**{**TINY, **changes})


def graph(n_energies: int = 31, **changes: Any) -> Any:
    """A small graph with a target."""
    found = atoms_to_graph(COPPER, [0], 5.0)
    found.y = torch.zeros(1, n_energies)
    found.y_mask = torch.ones(1, n_energies, dtype=torch.bool)
    for name, value in changes.items():
        found[name] = value
    return found


def config(**changes: Any) -> dict[str, Any]:
    """Settings of a training."""
    return {"energy_grid": GRID, "batch_size": 1, "epochs": 1, **changes}


def settings(_: Any, **changes: Any) -> object:
    """Checked settings of a training."""
    return TrainingConfig(**config(**changes))


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


def loss(_: Any, shape: Any = (2, 3), target: Any = (2, 3), grid: Any = GRID[:3], **how: Any):
    """Evaluate the loss."""
    return SpectrumLoss()(torch.zeros(shape), torch.zeros(target), grid, **how)


def save(w: dict[str, Any], path: str = "{out}.pt", model: Any = None, **info: Any) -> None:
    """Write a model file."""
    save_model(path.format(**w), model or tiny(), ModelInfo(**info))


def spoiled() -> XANES_E3GNN:
    """A network with a weight that is no number."""
    network = tiny()
    network.embedding.weight.data[3, 0] = nan
    return network


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


def bare(w: dict[str, Any]) -> object:
    """Predict with a model that names no energies."""
    return predict_structure(TrainedModel(tiny().eval(), ModelInfo(element="Cu")), COPPER)


def called(w: dict[str, Any], atoms: Any = COPPER, **how: Any) -> object:
    """Call the predictor."""
    return XANESPredictor(w["model"])(atoms, **how)


def trajectory(w: dict[str, Any], frames: Any = (COPPER,), **how: Any) -> object:
    """Predict a trajectory."""
    frames = frames.format(**w) if isinstance(frames, str) else frames
    return XANESPredictor(w["model"]).trajectory(frames, **how)


def of_other_energies(w: dict[str, Any]) -> list[Any]:
    """Predictions of one site on two grids."""
    grids = np.array([8990.0]), np.array([8991.0])
    return [site for grid in grids for site in XANESPredictor(w["model"])(COPPER, energy=grid)]


def spectrum(_: Any = None, energy: Any = ENERGIES, mu: Any = (0.0, 0.0, 0.0), **how: Any):
    """A small spectrum."""
    return Spectrum(np.asarray(energy), np.asarray(mu), **how)


def one_record(_: Any, **changes: Any) -> object:
    """A small record."""
    return replace(record(), **changes)


def changed_record(w: dict[str, Any]) -> object:
    """Write a record again that has changed."""
    database = Database(w["db"])
    return write_records(w["db"], [replace(database.record(database.ids[0]), version="2")])


def dataset(w: dict[str, Any], ids: Any = None, **changes: Any) -> object:
    """First graph of a data set."""
    database = Database(w["db"])
    how = {"r_max": 5.0, "grid": ENERGIES, "extend_below": 0.0, **changes}
    return XANESDataset(database, ids or database.ids[:1], **how)[0]


def cut(_: Any, absorbers: Any = (0,), r_max: float = 5.0, **how: Any) -> object:
    """Cut a graph."""
    return atoms_to_graph(COPPER, absorbers, r_max, **how)


def read(w: dict[str, Any], path: str = "{calculations}", format: str = "feff", **given: Any):
    """Read a source."""
    return list(read_source(Source(Path(path.format(**w)), format), ReadOptions(**given)))


def of(function: Any, name: str, *more: Any, **how: Any) -> Any:
    """Call of a function with a file or folder of the world."""
    return lambda w: list(function(w[name], *more, **how) or [])


def only_reason(found: list[object]) -> None:
    """Raise what a reader has said of the only thing that it found."""
    (rejected,) = found
    assert isinstance(rejected, Rejected)
    raise RecordError(rejected.reason)


def fields(call: Any, error: Any, *names: str, **values: list[Any]) -> list[Any]:
    """Rows of a call with one bad keyword each; field and value are named, or the shape."""
    return [
        (lambda w, n=field, v=value: call(w, **{n: v}), error,
         [*names, f"`{field}`", tuple(value.shape) if hasattr(value, "shape") else value])
        for field, several in values.items() for value in several
    ]  # fmt: skip


def bad(call: Any, error: Any, *rows: tuple[dict[str, Any], str]) -> list[Any]:
    """Rows of a call with bad keywords, and what is named, between bars."""
    return [(lambda w, h=how: call(w, **h), error, said.split("|")) for how, said in rows]


NETWORK = [
    *fields(
        lambda _, **how: tiny(**how), ConfigError,
        max_z=[0, 1.5], num_layers=[0, 1.5], lmax=[5, 1.5], channels=[0, 1.5], num_radial=[0, 1.5],
        num_basis=[3, 1.5], radial_rank=[0, 1.5], num_heads=[3, 1.5], num_amplitudes=[-1, 1.5],
        r_max=[-1.0, nan, inf, "5"], emin=[60.0, "5"], emax=[inf, "5"],
        avg_num_neighbors=[0.0, "5"], dropout=[1.0, nan, "5"],
    ),
    *(
        (lambda _, v=scales: tiny(basis_scales=v), ConfigError, ["`basis_scales`", list(scales)])
        for scales in ((), (-1.0,), (nan,), (inf,))
    ),
    *bad(
        lambda _, network=None, **changes: tiny(**(network or {}))(graph(**changes)), ValueError,
        ({"network": {"max_z": 10}}, "`z`|29|10"),
        ({"network": {"r_max": 6.0}}, "`r_max`|5|6"),
        ({"z": None}, "`z`"),
        ({"z": torch.tensor([29.0, 8.0])}, "`z`|torch.float32"),
        ({"pos": torch.zeros(2, 2)}, "`pos`|(2, 2)|(2, 3)"),
        ({"pos": torch.full((2, 3), nan)}, "`pos`|finite"),
        ({"edge_index": torch.tensor([[0, 7], [1, 0]])}, "`edge_index`|0 .. 1"),
        ({"edge_index": torch.tensor([0, 1])}, "`edge_index`|(2,)|(2, 2)"),
        ({"edge_shift": torch.zeros(5, 3)}, "`edge_shift`|(5, 3)|(2, 3)"),
        ({"absorber_mask": torch.zeros(2, dtype=torch.bool)}, "`absorber_mask`"),
    ),
    *(
        row
        for call in (
            lambda _, grid: tiny().predict_spectra(graph(), grid),
            lambda _, grid: tiny().set_target_statistics(grid, torch.zeros(31), 1.0),
        )
        for row in bad(
            call, ConfigError,
            ({"grid": torch.tensor([8980.0, 8990.0])}, "`energy_grid`|8980.000|8990.000"),
            ({"grid": torch.tensor([nan, 1.0])}, "`energy_grid`|nan"),
            ({"grid": torch.zeros(0)}, "`energy_grid`|(0,)"),
            ({"grid": torch.zeros(2, 2)}, "`energy_grid`|(2, 2)"),
        )
    ),
    *fields(
        lambda _, mean=GRID, scale=1.0: tiny().set_target_statistics(GRID, mean, scale),
        ConfigError, mean=[torch.zeros(3), torch.full((31,), nan)], scale=[0.0, -1.0, nan, inf],
    ),
    *fields(lambda _, **how: SpectrumLoss(**how), ValueError, lambda_grad=[-1.0, nan, inf]),
    *bad(
        loss, ValueError,
        ({"target": (2, 4)}, "(2, 3)|(2, 4)"),
        ({"shape": (3,), "target": (3,)}, "(3,)"),
        ({"grid": torch.zeros(3)}, "`energy_grid`"),
        ({"grid": GRID}, "`energy_grid`|(31,)|3"),
        ({"grid": torch.tensor([0.0, 1.0, inf])}, "`energy_grid`"),
        ({"weights": torch.ones(3)}, "`weights`|(3,)|(2,)"),
        ({"weights": torch.tensor([-1.0, 3.0])}, "`weights`|-1.0"),
        ({"weights": torch.zeros(2)}, "positive weight"),
        ({"mask": torch.ones(2, 2)}, "`mask`|(2, 2)|(2, 3)"),
        ({"mask": torch.ones(2, 3)}, "`mask`|torch.float32"),
    ),
]  # fmt: skip

TRAINING = [
    *fields(
        settings, ConfigError,
        lambda_grad=[-1.0, nan, inf], epochs=[0, 1.5, "3"], lr=[0.0, nan, inf, "1e-3"],
        batch_size=[0, 1.5], max_edges=[0], weight_decay=[-1.0, inf], warmup=[1.0],
        ema_decay=[1.0, nan], clip_norm=[0.0, nan], displacement=[1.0, nan], patience=[0, 2.5],
        max_hours=[0.0, nan], seed=[2**63, 1.5], workers=[-1], checkpoint_minutes=[nan], keep=[0],
        resume=["no"], save_path=[None, ""], checkpoint_path=[3], metrics_path=[3],
        precision=["float16"],
        energy_grid=[torch.tensor([0.0, nan, 1.0]), torch.zeros(3), torch.zeros(1),
                     torch.tensor([0.0, 1.0, inf]), torch.zeros(3, 2)],
    ),
    *bad(
        settings, ConfigError,
        ({"score_window": (1.0,)}, "`score_window`"),
        ({"score_window": (3.0, 1.0)}, "`score_window`|3.0|1.0"),
        ({"score_window": (nan, 1.0)}, "`score_window`|nan"),
        ({"score_window": (900.0, 1000.0)}, "`score_window`|900.0|1000.0|-10.0|50.0"),
        ({"resume": True}, "`resume`|`checkpoint_path`"),
        ({"batch_size": None}, "`batch_size`"),
        ({"energy_grid": None}, "`energy_grid`"),
    ),
    (lambda _: TrainingConfig.from_mapping({"learning_rate": 1}), ConfigError, ["learning_rate"]),
    *bad(
        train, ConfigError,
        ({"graphs": []}, "train_dataset"),
        ({"graphs": [graph(5)]}, "train_dataset[0]|`y`|(1, 5)|(1, 31)"),
        ({"val": [graph(y=torch.full((1, 31), nan))]}, "val_dataset[0]|`y`"),
        ({"graphs": [atoms_to_graph(COPPER, [0], 5.0)]}, "train_dataset[0]|`y`"),
        ({"graphs": [graph(edge_index=torch.tensor([[0, 7], [1, 0]]))]},
         "train_dataset[0]|`edge_index`"),
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

MODELS = [
    (of(load_model, "missing"), CheckpointError, ["{missing}"]),
    (of(load_model, "text"), CheckpointError, ["{text}"]),
    (of(load_model, "dir"), CheckpointError, ["{dir}/model.pt"]),
    *bad(
        save, CheckpointError,
        ({"path": "{nodir}/x.pt"}, "{nodir}/x.pt"), ({"path": "{dir}"}, "{dir}"),
        ({"element": "Xx"}, "{out}.pt|`element`|Xx"),
        ({"model": spoiled()}, "{out}.pt|1 of 404|embedding.weight"),
    ),
    (of(XANESPredictor, "missing"), CheckpointError, ["{missing}"]),
    (of(XANESPredictor, "model", "gpu"), ConfigError, ["`device`", "'gpu'"]),
    (of(XANESPredictor, "model", "cuda:99"), ConfigError, ["`device`", "'cuda:99'"]),
]  # fmt: skip

PREDICTION = [
    *bad(
        predict, StructureError,
        ({"atoms": Atoms()}, "structure"),
        ({"atoms": Atoms("Cu", [[nan, 0, 0]])}, "structure|atom 0"),
        ({"atoms": Atoms("CuO", [[0, 0, 0], [0, 0, 0.01]])}, "structure|atoms"),
        ({"atoms": Atoms("Cu", cell=[1, 1, 0], pbc=True)}, "structure|cell"),
        ({"atoms": Atoms("Zn")}, "structure|Zn|Cu"),
        ({"sites": []}, "structure|absorber"),
    ),
    *(
        row
        for call, name in ((predict, "structure: "), (several, ": "), (called, "structure: "))
        for row in bad(
            call, StructureError,
            ({"atoms": 3}, f"{name}|int"), ({"sites": [5]}, f"{name}|site 5|0 .. 1"),
            ({"sites": [-1]}, f"{name}|site -1"), ({"sites": [0.5]}, f"{name}|site 0.5"),
            ({"sites": [True, False]}, f"{name}|site True"),
            ({"sites": [1]}, f"{name}|site 1|O|Cu|`other_element`"),
        )
    ),
    (lambda w: several(w, "Cu"), StructureError, ["a: ", "str"]),
    *bad(
        explained, StructureError,
        ({"atoms": 3}, "int"), ({"atoms": Atoms("CuO", [[0, 0, 0], [nan, 0, 0]])}, "atom 1"),
        ({"site": 9}, "site 9"), ({"site": 0.5}, "site 0.5"), ({"site": 1}, "site 1|O|Cu"),
        ({"radius": 0.5}, "radius"),
    ),
    *fields(explained, ConfigError, radius=[nan]),
    *(
        row
        for call in (predict, several, explained, called, trajectory)
        for row in bad(
            call, ConfigError,
            ({"energy": FAR}, "1.000|2.000|8983.173"), ({"energy": np.zeros(0)}, "(0,)"),
            ({"energy": np.array([8990.0, nan])}, "(2,)"), ({"energy": 8990.0}, "()"),
        )
    ),
    (lambda w: predict(w, model="chemistry"), ConfigError, ["spectra"]),
    (bare, ConfigError, ["energies"]),
    *bad(
        trajectory, StructureError,
        ({"frames": "{missing}"}, "{missing}"), ({"frames": "{text}"}, "{text}"),
        ({"frames": []}, "trajectory"), ({"frames": COPPER}, "frame 0|Atom"),
        ({"sites": [9]}, "frame 0|site 9"),
    ),
    *(
        (lambda w, c=call, s=sites: c(s(w)), StructureError, [name])
        for call in (material_mean, material_half_width)
        for sites, name in ((lambda _: [], "material"), (of_other_energies, "site 0 of structure"))
    ),
    (of(read_spectra, "missing"), DatabaseError, ["{missing}"]),
    (of(read_spectra, "ase"), DatabaseError, ["{ase}"]),
]  # fmt: skip

SPECTRA = [
    *bad(
        spectrum, RecordError,
        ({"mu": np.zeros(2)}, "(3,)|(2,)"), ({"mu": [0, nan, 1]}, "mu|nan|2"),
        ({"energy": [8980.0], "mu": [0.0]}, "(1,)"),
        ({"energy": ENERGIES[::-1]}, "8990.000|9000.000"), ({"energy": ENERGIES - 8990}, "-10.0"),
        ({"header": {"Scan.number": 3}}, "`header`|Scan.number|3"),
    ),
    *fields(spectrum, RecordError, e0=[nan, inf, -1.0]),
    *(
        (lambda _, c=call: c(spectrum()), RecordError, names)
        for call, names in (
            (lambda s: s.at(FAR), ["1.000", "2.000", "8980.000"]),
            (lambda s: s.at(np.zeros(0)), ["energies"]),
            (lambda s: s.at(np.array([nan, 8990.0])), ["nan", "point 1"]),
            (lambda s: s.at(np.array([8990.0, 8985.0])), ["8985.000", "8990.000"]),
            (lambda s: s.within(9990, 9999), ["9990.000", "9999.000"]),
            (lambda s: s.within(nan, 9000.0), ["nan", "9000.000"]),
            (lambda s: s.within(9000.0, 8980.0), ["9000.000", "8980.000"]),
            (lambda s: s.shifted(nan), ["nan"]),
            (lambda s: s.shifted(-9000.0), ["-20.0"]),
            (lambda s: s.minus(spectrum(energy=ENERGIES + 500.0)), ["9480.000", "9500.000"]),
            (lambda s: s.minus(spectrum(unit="Mb")), ["arbitrary", "Mb"]),
        )
    ),
    *bad(
        one_record, RecordError,
        ({"id": ""}, "here|id"), ({"id": "other_000"}, "here|other_000"),
        ({"material": "../x"}, "here|`material`|../x"),
        ({"atoms": Atoms()}, "mp-1_000|0 atoms"),
        ({"site": 9}, "mp-1_000|9|3 atoms"), ({"site": -1}, "mp-1_000|-1"),
        ({"site": 0.5}, "mp-1_000|0.5"), ({"element": "Zn"}, "mp-1_000|Zn|Cu"),
        ({"target": "other"}, "mp-1_000|target|other"), ({"axis": "other"}, "mp-1_000|axis|other"),
        ({"mean_over": (0, 1)}, "mp-1_000"), ({"code": "a\x1bb"}, r"mp-1_000|`code`|'a\x1bb'"),
        ({"version": "a\x1bb"}, r"mp-1_000|`version`|'a\x1bb'"),
        ({"mu": np.array([0, inf, 1])}, "mp-1_000|mu"), ({"mu": np.zeros(2)}, "mp-1_000|(3,)|(2,)"),
        ({"energy": np.array([3.0, 2.0, 1.0])}, "mp-1_000|2.000|3.000"),
        ({"energy": np.array([-1.0, 2.0, 4.0])}, "mp-1_000|-1.000"),
    ),
    *fields(one_record, RecordError, "mp-1_000", edge=["k", ""], fermi_level=[nan]),
]  # fmt: skip

DATA = [
    (of(Database, "missing"), DatabaseError, ["{missing}"]),
    (of(Database, "text"), DatabaseError, ["{text}"]),
    (lambda _: Database("ftp://x/y"), ConfigError, ["ftp://x/y"]),
    (lambda w: Database(w["db"]).record("mp-0_000"), DatabaseError, ["{db}", "mp-0_000"]),
    (lambda w: list(Database(w["db"]).records(["mp-0_000"])), DatabaseError, ["{db}", "mp-0_000"]),
    (lambda w: write_records(f"{w['nodir']}/x.db", [record()]), DatabaseError, ["{nodir}/x.db"]),
    (lambda w: write_records(w["dir"], [record()]), DatabaseError, ["{dir}"]),
    (lambda w: write_records(f"{w['out']}.db", [record(), record(version="2")]), DatabaseError,
     ["{out}.db", "here", "mp-1_000"]),
    (lambda w: write_records(f"{w['out']}.db", [Rejected("run", "cut")], strict=True), RecordError,
     ["run: cut"]),
    (changed_record, DatabaseError, ["{db}", "mp-"]),
    *bad(
        dataset, DatabaseError,
        ({"ids": ["mp-0_000"]}, "{db}|mp-0_000"), ({"grid": FAR}, "{db}|mp-"),
    ),
    *fields(
        dataset, ConfigError, r_max=[-1.0, nan, inf], extend_below=[-1.0, nan, inf], max_z=[0],
        grid=[np.array([nan, 8990.0]), ENERGIES[::-1], np.zeros(0), np.ones((2, 2))],
        memory_bytes=[-1],
    ),
    *bad(
        cut, StructureError,
        ({"max_z": 10}, "atom 0|29|10"), ({"absorbers": []}, "absorber"),
        ({"absorbers": [7]}, "absorber 7|0 .. 1"), ({"absorbers": [-1]}, "absorber -1"),
        ({"absorbers": [0.5]}, "absorber 0.5"), ({"absorbers": ["0"]}, "absorber '0'"),
    ),
    *fields(cut, ConfigError, r_max=[-1.0], dtype=[torch.int32]),
    *(
        (lambda _, f=fractions: split_by_hash(["a_0"], f), DatabaseError, ["fractions"])
        for fractions in ({}, {"train": 1.0, "val": 1.0}, {"train": nan, "val": 1.0})
    ),
    (lambda _: split_by_hash("abc", {"a": 1.0}), DatabaseError, ["`ids`", "'abc'"]),
    (lambda _: split_by_hash(["a_0"], {"a": 1.0}, seed=nan), ConfigError, ["`seed`", "nan"]),
    (of(read_ids, "missing"), DatabaseError, ["{missing}"]),
    (of(read_ids, "model"), DatabaseError, ["{model}"]),
    (of(read_ids, "text"), DatabaseError, ["{text}", "line 1", "nothing of use"]),
]  # fmt: skip

READERS = [
    (of(find_sources, "missing"), RecordError, ["{missing}"]),
    (of(find_sources, "text"), ConfigError, ["{text}"]),
    (of(find_sources, "text", "feff"), ConfigError, ["{text}"]),
    (of(find_sources, "text", "other"), ConfigError, ["`format`", "'other'"]),
    *bad(
        read, (ConfigError, RecordError),
        ({"path": "{missing}", "format": "extxyz"}, "{missing}"),
        ({"format": "other"}, "`format`|'other'"), ({"path": "{csv}", "format": "npz"}, "{csv}"),
        ({"energy": (0.0, 1.0, 1.0)}, "--energy|{calculations}"),
        ({"target": "as_given"}, "--target as_given|{calculations}"),
        ({"energy": (0.0, nan, 1.0)}, "0.0|nan"), ({"energy": (2.0, 0.0, 1.0)}, "2.0|0.0"),
    ),
    *fields(
        read, (ConfigError, RecordError), element=["copper"], edge=["Q"], axis=["other"],
        target=["other"], energy=[(0.0, 1.0)],
    ),
    (of(read_feff, "missing"), RecordError, ["{missing}"]),
    (of(read_feff, "calculations", target="other"), ConfigError, ["`target`", "'other'"]),
    (of(read_fdmnes, "missing"), RecordError, ["{missing}"]),
    *(
        (of(reader, "runs", **{name: value}), error, [f"`{name}`", value])
        for reader in (read_feff, read_fdmnes)
        for name, value, error in (("element", "copper", ConfigError), ("edge", "k", RecordError))
    ),
    (of(read_extxyz, "missing"), RecordError, ["{missing}"]),
    (of(read_extxyz, "xyz"), ConfigError, ["{xyz}", "frame 1", "--energy"]),
    (of(read_extxyz, "xyz", ReadOptions(energy=(0, 9, 1))), ConfigError,
     ["{xyz}", "frame 1", "10", "3"]),
    (lambda w: only_reason(list(read_materials_project(Path(w["json"])))), RecordError,
     ["`spectrum_type`"]),
    (lambda w: list(read_materials_project(Path(w["text"]))), RecordError, ["{text}"]),
    *(
        (lambda w, c=reader, n=name: c(Path(w[n])), RecordError, [f"{{{name}}}"])
        for reader, name in (
            (lambda p: list(read_npz(p)), "missing"), (lambda p: list(read_npz(p)), "npz"),
            (lambda p: list(read_table(p)), "csv"), (read_measured, "missing"),
            (read_measured, "columns"), (read_xdi, "text"), (read_xdi, "missing"),
            (read_columns, "text"),
        )
    ),
    (lambda w: read_measured(w["foil"], "other"), RecordError, ["{foil}", "'other'"]),
    (lambda w: read_measured(w["columns"], 3), RecordError, ["{columns}", "3", "2"]),
    (lambda w: read_xdi(w["foil"], "other"), RecordError, ["{foil}", "'other'"]),
    (lambda w: read_athena(w["missing"]), (ConfigError, RecordError), ["{missing}"]),
    (lambda w: read_athena(w["text"], "other"), (ConfigError, RecordError), ["{text}"]),
    (lambda w: write_xdi(spectrum(), Path(w["nodir"], "x.xdi")), CheckpointError,
     ["{nodir}/x.xdi"]),
    (of(read_structures, "missing"), StructureError, ["{missing}"]),
    (of(read_structures, "cif", "other"), StructureError, ["{cif}"]),
    (of(named_structures, "text"), StructureError, ["{text}"]),
]  # fmt: skip

CALLS = [*NETWORK, *TRAINING, *MODELS, *PREDICTION, *SPECTRA, *DATA, *READERS]
