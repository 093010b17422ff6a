"""Bad values of the public functions' arguments, and what is said of each."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms
from records import record

from src.checkpoints.trained_model import ModelInfo, TrainedModel, load_model, save_model
from src.dataset.database import Database, write_records
from src.dataset.dataset import XANESDataset
from src.dataset.record import Rejected
from src.dataset.split import read_ids, split_by_hash
from src.errors import (
    CheckpointError,
    ConfigError,
    DatabaseError,
    RecordError,
    StructureError,
)  # fmt: skip
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
from src.readers.formats import find_sources, read_source
from src.readers.materials_project import read_materials_project
from src.readers.npz import read_npz
from src.readers.options import Given
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
nan, inf = float("nan"), float("inf")


@dataclass(frozen=True)
class Function:
    """A bad value of a function's argument."""

    where: str
    """The function, as it is imported."""
    argument: str
    """Its argument."""
    value: str
    """What is given, in words."""
    call: Callable[[dict[str, Any]], object]
    """The call, with the names of files."""
    error: type[Exception]
    """What is raised."""
    message: str
    """How the message begins, names of files in braces."""


F = Function


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


def energies(count: int = 3) -> np.ndarray:
    """Energies of a spectrum, eV."""
    return np.linspace(8980.0, 9000.0, count)


def only_reason(found: list[object]) -> None:
    """Raise what a reader has said of the only thing that it found."""
    (rejected,) = found
    assert isinstance(rejected, Rejected)
    raise RecordError(rejected.reason)


def loss(prediction: Any, target: Any, grid: Any, **how: Any) -> object:
    """Evaluate the loss."""
    return SpectrumLoss()(prediction, target, grid, **how)


NETWORK = [
    *(
        F("XANES_E3GNN", name, str(value), lambda _, n=name, v=value: tiny(**{n: v}), ConfigError,
          message)
        for name, value, message in (
            ("max_z", 0, "`max_z` is 0 but must be at least 1"),
            ("num_layers", 0, "`num_layers` is 0 but must be at least 1"),
            ("lmax", 5, "`lmax` is 5 but must be within 0 .. 4"),
            ("channels", 0, "`channels` is 0 but must be at least 1"),
            ("r_max", nan, "`r_max` is nan but must be positive"),
            ("num_radial", 0, "`num_radial` is 0 but must be at least 1"),
            ("num_basis", 3, "`num_basis` is 3 but must be at least 4"),
            ("basis_scales", (), "`basis_scales` is [] but must be one or more positive"),
            ("emin", 60.0, "`emin` is 60.0 and `emax` is 50.0 but emin < emax is needed"),
            ("emax", inf, "`emin` is -10.0 and `emax` is inf but emin < emax is needed"),
            ("avg_num_neighbors", 0.0, "`avg_num_neighbors` is 0.0 but must be positive"),
            ("dropout", 1.0, "`dropout` is 1.0 but must be at least 0 and below 1"),
            ("radial_rank", 0, "`radial_rank` is 0 but must be at least 1"),
            ("num_heads", 3, "`num_heads` is 3 but must divide `channels`, 4"),
            ("num_amplitudes", -1, "`num_amplitudes` is -1 but must be finite and not negative"),
        )
    ),
    F("XANES_E3GNN.forward", "data", "an atomic number beyond `max_z`",
      lambda _: tiny(max_z=10)(graph()), ValueError, "`z` holds 29 but must be within 1 .. 10"),
    F("XANES_E3GNN.forward", "data", "cut with another radius", lambda _: tiny(r_max=6.0)(graph()),
      ValueError, "the graph was cut with `r_max` 5 but that of the network is 6"),
    F("SpectrumLoss", "lambda_grad", "-1.0", lambda _: SpectrumLoss(-1.0), ValueError,
      "`lambda_grad` is -1.0 but must be finite and not negative"),
    F("SpectrumLoss.forward", "target", "of another shape",
      lambda _: loss(torch.zeros(2, 3), torch.zeros(2, 4), GRID[:3]), ValueError,
      "prediction (2, 3) and target (2, 4) must both have the shape"),
    F("SpectrumLoss.forward", "energy_grid", "not increasing",
      lambda _: loss(torch.zeros(2, 3), torch.zeros(2, 3), torch.zeros(3)), ValueError,
      "`energy_grid` must hold two or more strictly increasing energies"),
    F("SpectrumLoss.forward", "energy_grid", "of another length",
      lambda _: loss(torch.zeros(2, 3), torch.zeros(2, 3), GRID), ValueError,
      "`energy_grid` has shape (31,) but the spectra have 3 energies"),
    F("SpectrumLoss.forward", "weights", "of another length",
      lambda _: loss(*[torch.zeros(2, 3)] * 2, GRID[:3], weights=torch.ones(3)), ValueError,
      "`weights` has shape (3,), wanted (2,)"),
    F("SpectrumLoss.forward", "mask", "of another shape",
      lambda _: loss(*[torch.zeros(2, 3)] * 2, GRID[:3], mask=torch.ones(2, 2)), ValueError,
      "`mask` has shape (2, 2), wanted (2, 3)"),
]  # fmt: skip

TRAINING = [
    F("TrainingConfig", "energy_grid", "none", lambda _: TrainingConfig(batch_size=1), ConfigError,
      "`energy_grid` is missing: the energies of `y`, eV"),
    F("TrainingConfig", "batch_size", "none, nor max_edges",
      lambda _: TrainingConfig(energy_grid=GRID), ConfigError, "give `batch_size` (graphs a batch"),
    F("TrainingConfig", "lr", "nan", lambda _: TrainingConfig(**config(lr=nan)), ConfigError,
      "`lr` is nan but must be positive"),
    F("TrainingConfig", "precision", "'float16'",
      lambda _: TrainingConfig(**config(precision="float16")), ConfigError,
      "`precision` is 'float16', expected 'float32' or 'bfloat16'"),
    F("TrainingConfig", "resume", "without a state",
      lambda _: TrainingConfig(**config(resume=True)), ConfigError,
      "`resume` needs `checkpoint_path`, the state to continue from"),
    F("TrainingConfig.from_mapping", "values", "an unknown key",
      lambda _: TrainingConfig.from_mapping({"learning_rate": 1}), ConfigError,
      "unknown key 'learning_rate' in the configuration; nearest: "),
    F("run_training", "train_dataset", "empty",
      lambda _: run_training(tiny(), [], [graph()], config()), ConfigError,
      "train_dataset is empty"),
    F("run_training", "train_dataset", "y of another length",
      lambda _: run_training(tiny(), [graph(5)], [graph()], config()), ConfigError,
      "train_dataset[0]: `y` has shape (1, 5), wanted (1, 31)"),
    F("run_training", "val_dataset", "y not finite",
      lambda _: run_training(tiny(), [graph()], [graph(y=torch.full((1, 31), nan))], config()),
      ConfigError, "val_dataset[0]: `y` holds values that are not finite"),
    F("run_training", "config", "a folder that is not there",
      lambda w: run_training(tiny(), [graph()], [graph()],
                             config(save_path=f"{w['nodir']}/x.pt")),
      ConfigError, "`save_path` is {nodir}/x.pt but the folder {nodir} is not there"),
    F("run_training", "config", "a device that is not there",
      lambda _: run_training(tiny(), [graph()], [graph()], config(device="gpu")), ConfigError,
      "`device` is 'gpu', expected auto, cpu, cuda or cuda:N"),
]  # fmt: skip

MODELS = [
    F("load_model", "path", "missing", lambda w: load_model(w["missing"]), CheckpointError,
      "{missing}: no such file; models that ship with the package: "),
    F("load_model", "path", "a text", lambda w: load_model(w["text"]), CheckpointError,
      "{text}: not a model file, or damaged: its header has "),
    F("load_model", "path", "a folder without a model", lambda w: load_model(w["dir"]),
      CheckpointError, "{dir}/model.pt: no such file"),
    F("save_model", "path", "in a folder that is not there",
      lambda w: save_model(f"{w['nodir']}/x.pt", tiny(), ModelInfo()), CheckpointError,
      "{nodir}/x.pt: the folder {nodir} does not exist"),
    F("save_model", "path", "a folder", lambda w: save_model(w["dir"], tiny(), ModelInfo()),
      CheckpointError, "{dir}: can't be written, it is a folder or a device"),
    F("XANESPredictor", "model", "missing", lambda w: XANESPredictor(w["missing"]),
      CheckpointError, "{missing}: no such file; models that ship with the package: "),
    F("XANESPredictor", "device", "'gpu'", lambda w: XANESPredictor(w["model"], "gpu"), ConfigError,
      "`device` is 'gpu', expected auto, cpu, cuda or cuda:N"),
    F("XANESPredictor.__call__", "structure", "3", lambda w: XANESPredictor(w["model"])(3),
      StructureError, "structure: expected ase.Atoms or pymatgen's Structure or Molecule"),
    F("XANESPredictor.trajectory", "frames", "missing",
      lambda w: XANESPredictor(w["model"]).trajectory(w["missing"]), StructureError,
      "{missing}: no such file"),
    F("XANESPredictor.trajectory", "frames", "none",
      lambda w: XANESPredictor(w["model"]).trajectory([]), StructureError,
      "a trajectory without frames has no spectrum"),
]  # fmt: skip


def trained(w: dict[str, Any]) -> TrainedModel:
    """The small model."""
    return TrainedModel.load(w["model"])


def predict(w: dict[str, Any], atoms: Any = COPPER, **how: Any) -> object:
    """Predict with the small model."""
    return predict_structure(trained(w), atoms, **how)


PREDICTION = [
    F("predict_structure", "atoms", "none", lambda w: predict(w, Atoms()), StructureError,
      "structure: the structure has no atoms"),
    F("predict_structure", "atoms", "a position that is not finite",
      lambda w: predict(w, Atoms("Cu", [[nan, 0, 0]])), StructureError,
      "structure: the position of atom 0 is not finite"),
    F("predict_structure", "atoms", "two at one place",
      lambda w: predict(w, Atoms("CuO", [[0, 0, 0], [0, 0, 0.01]])), StructureError,
      "structure: atoms "),
    F("predict_structure", "atoms", "a flat cell",
      lambda w: predict(w, Atoms("Cu", cell=[1, 1, 0], pbc=True)), StructureError,
      "structure: the cell is singular along its periodic directions"),
    F("predict_structure", "atoms", "without the element", lambda w: predict(w, Atoms("Zn")),
      StructureError, "structure: Zn contains no Cu, the element that the model was trained for"),
    F("predict_structure", "sites", "[5]", lambda w: predict(w, sites=[5]), StructureError,
      "structure: site 5 is not within 0 .. 1"),
    F("predict_structure", "sites", "[]", lambda w: predict(w, sites=[]), StructureError,
      "structure: no absorber is given"),
    F("predict_structure", "energy", "outside", lambda w: predict(w, energy=np.array([1.0, 2.0])),
      ConfigError, "energies are 1.000 to 2.000 eV, but the model reaches from 8983.173"),
    F("predict_structure", "energy", "nan", lambda w: predict(w, energy=np.array([8990.0, nan])),
      ConfigError, "energies must be finite and one-dimensional, found the"),
    F("predict_structure", "energy", "none at all", lambda w: predict(w, energy=np.zeros(0)),
      ConfigError, "energies must be finite and one-dimensional, found the"),
    F("predict_structures", "structures", "a text",
      lambda w: predict_structures(trained(w), [("a", "Cu")]), StructureError,
      "a: expected ase.Atoms or pymatgen's Structure or Molecule, found str"),
    F("predict_structures", "model", "one of no spectra",
      lambda _: predict_structures(TrainedModel.load("chemistry"), [("a", COPPER)]), ConfigError,
      "the model has seen no spectra, only "),
    F("explain", "site", "1, an oxygen", lambda w: explain(trained(w), COPPER, 1),
      StructureError, "site 1 is O, but the model was trained for Cu"),
    F("explain", "radius", "0.5", lambda w: explain(trained(w), COPPER, 0, radius=0.5),
      StructureError, "site 0 has no neighbour within the radius; take a larger one"),
    F("explain", "radius", "nan", lambda w: explain(trained(w), COPPER, 0, radius=nan),
      ConfigError, "`radius` is nan but must be positive and finite"),
    F("material_mean", "sites", "none", lambda _: material_mean([]), StructureError,
      "a material without absorbers has no spectrum"),
    F("material_half_width", "sites", "none", lambda _: material_half_width([]), StructureError,
      "a material without absorbers has no spectrum"),
    F("read_spectra", "path", "missing", lambda w: list(read_spectra(w["missing"])), DatabaseError,
      "{missing}: no such database"),
    F("read_spectra", "path", "a database of structures", lambda w: list(read_spectra(w["ase"])),
      DatabaseError, "{ase}: not a database of predicted spectra"),
]  # fmt: skip

SPECTRA = [
    F("Spectrum", "mu", "of another length", lambda _: Spectrum(energies(), np.zeros(2)),
      RecordError, "spectrum: energy (3,) and mu (2,) must both be (n_energies,)"),
    F("Spectrum", "mu", "nan", lambda _: Spectrum(energies(), np.array([0, nan, 1])), RecordError,
      "spectrum: mu is nan at point 2"),
    F("Spectrum", "energy", "not increasing", lambda _: Spectrum(energies()[::-1], np.zeros(3)),
      RecordError, "spectrum: energies must increase, but 8990.000 eV follows 9000.000 eV"),
    F("Spectrum", "energy", "negative", lambda _: Spectrum(energies() - 8990, np.zeros(3)),
      RecordError, "spectrum: photon energies must be positive, the first is -10.0 eV"),
    F("Spectrum.at", "energy", "outside",
      lambda _: Spectrum(energies(), np.zeros(3)).at(np.array([1.0, 2.0])), RecordError,
      "spectrum: 1.000 .. 2.000 eV are asked for, it has 8980.000 .. 9000.000 eV"),
    F("Spectrum.within", "low", "above all",
      lambda _: Spectrum(energies(), np.zeros(3)).within(9990, 9999), RecordError,
      "spectrum: 0 points between 9990.000 and 9999.000 eV, two or more are needed"),
    F("Spectrum.shifted", "shift", "nan", lambda _: Spectrum(energies(), np.zeros(3)).shifted(nan),
      RecordError, "spectrum: energy is nan at point 1"),
    F("Spectrum.minus", "other", "of another unit",
      lambda _: Spectrum(energies(), np.zeros(3)).minus(Spectrum(energies(), np.zeros(3), "Mb")),
      RecordError, "spectrum is in arbitrary, spectrum in Mb; they can't be subtracted"),
    *(
        F("Record", name, repr(value), lambda _, n=name, v=value: replace(record(), **{n: v}),
          RecordError, message)
        for name, value, message in (
            ("id", "other_000", "here: record id 'other_000' is not `<material>_<site>` of the"),
            ("material", "../x", "here: `material` is '../x', but must contain no slash"),
            ("site", 9, "mp-1_000: absorber index 9, but the structure has 3 atoms"),
            ("element", "Zn", "mp-1_000: the absorber should be Zn but atom 0 is Cu"),
            ("target", "other", "mp-1_000: target is 'other', not one of ['absolute'"),
            ("axis", "other", "mp-1_000: axis is 'other', not one of ['absolute', 'relative']"),
            ("code", "a\x1bb", "mp-1_000: `code` is 'a\\x1bb', with characters that can't be"),
            ("mean_over", (0, 1), "mp-1_000: ids of means over atoms, and only those, end"),
        )
    ),
    F("Record", "mu", "not finite", lambda _: record(mu=np.array([0, inf, 1])), RecordError,
      "mp-1_000: mu is not finite at"),
    F("Record", "energy", "not increasing", lambda _: record(energy=np.array([3.0, 2.0, 1.0])),
      RecordError, "mp-1_000: energies must increase, but 2.000 eV follows 3.000 eV"),
]  # fmt: skip

DATA = [
    F("Database", "path", "missing", lambda w: Database(w["missing"]), DatabaseError,
      "{missing}: no such database"),
    F("Database", "path", "a text", lambda w: Database(w["text"]), DatabaseError,
      "{text}: not an ASE database (SQLite)"),
    F("Database", "path", "'ftp://x/y'", lambda _: Database("ftp://x/y"), ConfigError,
      "ftp://x/y: scheme 'ftp', but a database is a file (SQLite) or a URL"),
    F("Database.record", "record_id", "unknown", lambda w: Database(w["db"]).record("mp-0_000"),
      DatabaseError, "{db}: has no record mp-0_000"),
    F("write_records", "path", "in a folder that is not there",
      lambda w: write_records(f"{w['nodir']}/x.db", [record()]), DatabaseError,
      "{nodir}/x.db: the folder {nodir} does not exist"),
    F("write_records", "records", "two of one id",
      lambda w: write_records(f"{w['out']}.db", [record(), record(version="2")]), DatabaseError,
      "{out}.db: here and here are different calculations but both would be mp-1_000"),
    F("write_records", "records", "a rejected one, strictly",
      lambda w: write_records(f"{w['out']}.db", [Rejected("run", "cut")], strict=True), RecordError,
      "run: cut"),
    F("XANESDataset", "ids", "unknown",
      lambda w: XANESDataset(Database(w["db"]), ["mp-0_000"], 5.0, energies(), 0.0), DatabaseError,
      "{db}: has no record mp-0_000"),
    F("XANESDataset", "grid", "where nothing was calculated",
      lambda w: dataset(w, grid=np.array([1.0, 2.0])), DatabaseError, "{db}: mp-"),
    F("XANESDataset", "r_max", "nan", lambda w: dataset(w, r_max=nan), ConfigError,
      "`r_max` is nan but must be positive"),
    F("atoms_to_graph", "atoms", "an element beyond max_z",
      lambda _: atoms_to_graph(COPPER, [0], 5.0, max_z=10), StructureError,
      "atom 0 has atomic number 29, expected 1 .. 10"),
    F("atoms_to_graph", "absorbers", "[]", lambda _: atoms_to_graph(COPPER, [], 5.0),
      StructureError,      "no absorber is given"),
    F("atoms_to_graph", "absorbers", "[7]", lambda _: atoms_to_graph(COPPER, [7], 5.0),
      StructureError, "absorber 7 is not in the structure of 2 atoms"),
    F("atoms_to_graph", "r_max", "-1.0", lambda _: atoms_to_graph(COPPER, [0], -1.0), ConfigError,
      "`r_max` is -1.0 but must be positive"),
    F("split_by_hash", "fractions", "that add up to 2",
      lambda _: split_by_hash(["a_0"], {"train": 1.0, "val": 1.0}), DatabaseError,
      "the fractions {{'train': 1.0, 'val': 1.0}} must not be negative and add up to 1"),
    F("split_by_hash", "fractions", "nan",
      lambda _: split_by_hash(["a_0"], {"train": nan, "val": 1.0}), DatabaseError,
      "the fractions {{'train': nan, 'val': 1.0}} must not be negative and add up to 1"),
    F("read_ids", "path", "missing", lambda w: read_ids(w["missing"]), DatabaseError,
      "{missing}: no such file"),
    F("read_ids", "path", "no text", lambda w: read_ids(w["model"]), DatabaseError,
      "{model}: not a text file"),
    F("read_ids", "path", "lines of words", lambda w: read_ids(w["text"]), DatabaseError,
      "{text}: line 1: expected one id, found 'nothing of use'"),
]  # fmt: skip


def dataset(w: dict[str, Any], **changes: Any) -> object:
    """First graph of a data set."""
    database = Database(w["db"])
    settings = {"r_max": 5.0, "grid": energies(), "extend_below": 0.0, **changes}
    return XANESDataset(database, database.ids[:1], **settings)[0]


READERS = [
    F("find_sources", "path", "missing", lambda w: find_sources(Path(w["missing"])), RecordError,
      "{missing}: no such folder"),
    F("find_sources", "path", "of no format", lambda w: find_sources(Path(w["text"])), ConfigError,
      "{text}: of no known format, expected feff"),
    F("find_sources", "format", "'feff' of a file",
      lambda w: find_sources(Path(w["text"]), "feff"), ConfigError,
      "{text}: a file, but FEFF runs are folders; give the folder"),
    F("find_sources", "format", "'other'", lambda w: find_sources(Path(w["text"]), "other"),
      ConfigError, "`format` is 'other', expected one of feff, fdmnes, extxyz, materials_project"),
    F("read_source", "given", "'as_given' of FEFF",
      lambda w: list(read_source(find_sources(w["calculations"])[0], Given(target="as_given"))),
      ConfigError, "`--target as_given` does not go with {calculations}: FEFF has units"),
    F("read_feff", "root", "missing", lambda w: list(read_feff(w["missing"])), RecordError,
      "{missing}: no such folder"),
    F("read_feff", "target", "'other'",
      lambda w: list(read_feff(w["calculations"], target="other")), ConfigError,
      "`target` is 'other', expected absolute or normalized"),
    F("read_fdmnes", "folder", "missing", lambda w: list(read_fdmnes(Path(w["missing"]))),
      RecordError,      "{missing}: no such folder"),
    F("read_extxyz", "path", "missing", lambda w: list(read_extxyz(w["missing"])), RecordError,
      "{missing}: no such file"),
    F("read_extxyz", "given", "no energies", lambda w: list(read_extxyz(w["xyz"])), ConfigError,
      "{xyz}: frame 1 has 3 values of `mu` but no energies; give `--energy START STOP STEP`"),
    F("read_extxyz", "given", "energies of another number",
      lambda w: list(read_extxyz(w["xyz"], Given(energy=(0, 9, 1)))), ConfigError,
      "`--energy` 0 9 1 is 10 energies, but {xyz}: frame 1 has 3 values of `mu`"),
    F("read_materials_project", "path", "other JSON",
      lambda w: only_reason(list(read_materials_project(Path(w["json"])))), RecordError,
      "no `spectrum_type`, expected an XAS object of pymatgen"),
    F("read_materials_project", "path", "no JSON",
      lambda w: list(read_materials_project(Path(w["text"]))), RecordError, "{text}: no JSON ("),
    F("read_npz", "path", "missing", lambda w: list(read_npz(Path(w["missing"]))), RecordError,
      "{missing}: no such file"),
    F("read_npz", "path", "no archive", lambda w: list(read_npz(Path(w["npz"]))), RecordError,
      "{npz}: damaged, or no archive of plain arrays ("),
    F("read_table", "path", "without a column of spectra",
      lambda w: list(read_table(Path(w["csv"]))), RecordError,
      "{csv}: wanted a column `spectrum` or columns of energies, one of both"),
    F("read_measured", "path", "missing", lambda w: read_measured(w["missing"]), RecordError,
      "{missing}: no such file"),
    F("read_measured", "path", "energies below 120", lambda w: read_measured(w["columns"]),
      RecordError, "{columns}: energies 0 .. 29 are not eV of an X-ray edge; are they keV"),
    F("read_measured", "column", "'other'", lambda w: read_measured(w["foil"], "other"),
      RecordError,      "{foil}: no column 'other'; it has energy, i0,"),
    F("read_athena", "path", "missing", lambda w: read_athena(Path(w["missing"])),
      (ConfigError, RecordError), "{missing}: "),
    F("read_xdi", "path", "no XDI file", lambda w: read_xdi(Path(w["text"])), RecordError,
      "{text}: does not begin with '# XDI/'"),
    F("read_xdi", "path", "missing", lambda w: read_xdi(Path(w["missing"])), RecordError,
      "{missing}: no such file"),
    F("write_xdi", "path", "in a folder that is not there",
      lambda w: write_xdi(Spectrum(energies(), np.zeros(3)), Path(w["nodir"], "x.xdi")),
      CheckpointError, "{nodir}/x.xdi: the folder {nodir} does not exist"),
    F("read_columns", "path", "no table", lambda w: read_columns(Path(w["text"])), RecordError,
      "{text}: contains no table of two or more columns and rows of numbers"),
    F("read_structures", "path", "missing", lambda w: read_structures(w["missing"]), StructureError,
      "{missing}: no such file"),
    F("read_structures", "format", "'other'", lambda w: read_structures(w["cif"], "other"),
      StructureError, "{cif}: not a structure that ASE reads ("),
    F("named_structures", "path", "no structure", lambda w: named_structures(w["text"]),
      StructureError, "{text}: not a structure that ASE reads ("),
]  # fmt: skip

FUNCTIONS = [*NETWORK, *TRAINING, *MODELS, *PREDICTION, *SPECTRA, *DATA, *READERS]
