"""More bad values for prediction, spectra, data sets and readers."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms
from input_functions import (
    COPPER,
    Function,
    dataset,
    energies,
    inf,
    nan,
)
from records import record

from src.checkpoints.trained_model import ModelInfo, TrainedModel
from src.dataset.database import Database, write_records
from src.dataset.record import Rejected
from src.dataset.split import split_by_hash
from src.errors import ConfigError, DatabaseError, RecordError, StructureError
from src.explanation.attribution import explain
from src.prediction.material import material_half_width, material_mean
from src.prediction.site_prediction import predict_structure, predict_structures
from src.predictor import XANESPredictor
from src.readers.fdmnes import read_fdmnes
from src.readers.feff import read_feff
from src.readers.formats import Source, read_source
from src.readers.options import Given
from src.structures.graph import atoms_to_graph
from src.xas.measured import read_athena, read_measured
from src.xas.spectrum import Spectrum
from src.xas.xdi import read_xdi

F = Function
FAR = np.array([1.0, 2.0])


def of_other_energies(w: dict[str, Any]) -> list[Any]:
    """Predictions of one site on two grids."""
    model = XANESPredictor(w["model"])
    return [*model(COPPER, energy=np.array([8990.0])), *model(COPPER, energy=np.array([8991.0]))]


def with_model(call: Any, **how: Any) -> Any:
    """A call with the small model and its description, unless others are given."""

    def of_world(w: dict[str, Any]) -> object:
        model = TrainedModel.load(how.get("model") or w["model"])
        model.info = how.get("info") or model.info
        rest = {name: value for name, value in how.items() if name not in ("model", "info")}
        return call(model, **rest)

    return of_world


PREDICTION = [
    *(
        F(where, argument, value, with_model(call, **{**usual, **how}), error, begins + message)
        for where, call, usual, begins in (
            ("predict_structure", predict_structure, {"structure": COPPER}, "structure: "),
            ("predict_structures", predict_structures, {"structures": [("a", COPPER)]}, "a: "),
        )
        for argument, value, how, error, message in (
            ("sites", "[0.5]", {"sites": [0.5]}, StructureError, "site 0.5 is no whole number"),
            ("sites", "a mask", {"sites": [True, False]}, StructureError, "site True is no whole"),
            ("sites", "[-1]", {"sites": [-1]}, StructureError, "site -1 is not within 0 .. 1"),
            ("sites", "[1], an oxygen", {"sites": [1]}, StructureError,
             "site 1 is O, but the model was trained for Cu; `other_element` predicts it all the"),
        )
    ),
    *(
        F(where, argument, value, with_model(call, **{**usual, **how}), ConfigError, message)
        for where, call, usual in (
            ("predict_structure", predict_structure, {"structure": COPPER}),
            ("predict_structures", predict_structures, {"structures": [("a", COPPER)]}),
            ("explain", explain, {"structure": COPPER, "site": 0}),
        )
        for argument, value, how, message in (
            ("model", "one of no spectra", {"model": "chemistry"}, "the model has seen no spectra"),
            ("info", "without energies", {"info": ModelInfo(element="Cu")},
             "the model file names no energies"),
            ("energy", "outside", {"energy": FAR}, "energies are 1.000 to 2.000 eV, but"),
            ("energy", "a number", {"energy": 8990.0}, "energies must be finite"),
        )
        if (where, argument, value) not in {
            ("predict_structure", "energy", "outside"),
            ("predict_structures", "model", "one of no spectra"),
        }
    ),
    F("explain", "structure", "3", with_model(explain, structure=3, site=0), StructureError,
      "expected ase.Atoms or pymatgen's Structure or Molecule, found int"),
    F("explain", "structure", "a position that is not finite",
      with_model(explain, structure=Atoms("CuO", [[0, 0, 0], [nan, 0, 0]]), site=0),
      StructureError, "the position of atom 1 is not finite"),
    F("explain", "site", "9", with_model(explain, structure=COPPER, site=9), StructureError,
      "site 9 is not within 0 .. 1"),
    F("explain", "site", "0.5", with_model(explain, structure=COPPER, site=0.5), StructureError,
      "site 0.5 is no whole number; atoms count from 0"),
    F("XANESPredictor", "device", "'cuda:99'", lambda w: XANESPredictor(w["model"], "cuda:99"),
      ConfigError, "`device` is 'cuda:99': process 0 of this machine wants GPU 99, but"),
    F("XANESPredictor.__call__", "sites", "[9]",
      lambda w: XANESPredictor(w["model"])(COPPER, sites=[9]), StructureError,
      "structure: site 9 is not within 0 .. 1"),
    F("XANESPredictor.__call__", "energy", "outside",
      lambda w: XANESPredictor(w["model"])(COPPER, energy=FAR), ConfigError,
      "energies are 1.000 to 2.000 eV, but the model knows 8983.173"),
    F("XANESPredictor.trajectory", "frames", "one structure",
      lambda w: XANESPredictor(w["model"]).trajectory(COPPER), StructureError,
      "frame 0: expected ase.Atoms or pymatgen's Structure or Molecule, found Atom"),
    F("XANESPredictor.trajectory", "frames", "a text",
      lambda w: XANESPredictor(w["model"]).trajectory(w["text"]), StructureError,
      "{text}: not a structure that ASE reads ("),
    F("XANESPredictor.trajectory", "sites", "[9]",
      lambda w: XANESPredictor(w["model"]).trajectory([COPPER], sites=[9]), StructureError,
      "frame 0: site 9 is not within 0 .. 1"),
    F("XANESPredictor.trajectory", "energy", "outside",
      lambda w: XANESPredictor(w["model"]).trajectory([COPPER], energy=FAR), ConfigError,
      "energies are 1.000 to 2.000 eV, but the model knows 8983.173"),
    *(
        F(where, "sites", "on other energies", lambda w, c=call: c(of_other_energies(w)),
          StructureError, "site 0 of structure has other energies than site 0 of structure")
        for where, call in
        (("material_mean", material_mean), ("material_half_width", material_half_width))
    ),
]  # fmt: skip


def spectrum(**changes: Any) -> Spectrum:
    """A small spectrum."""
    return Spectrum(energies(), np.zeros(3), **changes)


def changed_record(w: dict[str, Any]) -> object:
    """Write a record again that has changed."""
    database = Database(w["db"])
    first = database.record(database.ids[0])
    return write_records(w["db"], [replace(first, version="2")])


SPECTRA = [
    *(
        F("Spectrum", "e0", str(value), lambda _, v=value: spectrum(e0=v), RecordError,
          f"spectrum: `e0` is {value} but must be positive and finite")
        for value in (nan, inf, -1.0)
    ),
    F("Spectrum", "header", "a number in it", lambda _: spectrum(header={"Scan.number": 3}),
      RecordError, "spectrum: `header` has 'Scan.number': 3, wanted text"),
    F("Spectrum", "mu", "one point", lambda _: Spectrum(energies(1), np.zeros(1)), RecordError,
      "spectrum: energy (1,) and mu (1,) must both be (n_energies,) with two or more"),
    F("Spectrum.at", "energy", "none", lambda _: spectrum().at(np.zeros(0)), RecordError,
      "spectrum: no energies are asked for"),
    F("Spectrum.at", "energy", "nan", lambda _: spectrum().at(np.array([nan, 8990.0])), RecordError,
      "spectrum: energy is nan at point 1"),
    F("Spectrum.at", "energy", "not increasing",
      lambda _: spectrum().at(np.array([8990.0, 8985.0])), RecordError,
      "spectrum: energies must increase, but 8985.000 eV follows 8990.000 eV"),
    F("Spectrum.within", "low", "nan", lambda _: spectrum().within(nan, 9000.0), RecordError,
      "spectrum: 0 points between nan and 9000.000 eV, two or more are needed"),
    F("Spectrum.within", "high", "below `low`", lambda _: spectrum().within(9000.0, 8980.0),
      RecordError, "spectrum: 0 points between 9000.000 and 8980.000 eV, two or more are needed"),
    F("Spectrum.shifted", "shift", "-9000.0", lambda _: spectrum().shifted(-9000.0), RecordError,
      "spectrum: photon energies must be positive, the first is -20.0 eV"),
    F("Spectrum.minus", "other", "elsewhere",
      lambda _: spectrum().minus(Spectrum(energies() + 500.0, np.zeros(3))), RecordError,
      "spectrum: 0 points between 9480.000 and 9500.000 eV, two or more are needed"),
    *(
        F("Record", name, value, lambda _, n=name, v=given: replace(record(), **{n: v}),
          RecordError, message)
        for name, value, given, message in (
            ("id", "''", "", "here: record id and material must not be empty"),
            ("atoms", "none", Atoms(), "mp-1_000: absorber index 0, but the structure has 0 atoms"),
            ("site", "-1", -1, "mp-1_000: absorber index -1, but the structure has 3 atoms"),
            ("site", "0.5", 0.5, "mp-1_000: absorber index 0.5, but the structure has 3 atoms"),
            ("edge", "'k'", "k", "mp-1_000: `edge` is 'k', expected K, L3, .."),
            ("edge", "''", "", "mp-1_000: `edge` is '', expected K, L3, .."),
            ("version", "'a\\x1bb'", "a\x1bb", r"mp-1_000: `version` is 'a\x1bb', with characters"),
            ("fermi_level", "nan", nan, "mp-1_000: `fermi_level` is nan but must be finite"),
            ("mu", "of another length", np.zeros(2), "mp-1_000: energy (3,) and mu (2,) must both"),
            ("energy", "negative", np.array([-1.0, 2.0, 4.0]),
             "mp-1_000: absolute energies must be positive, but the first is -1.000 eV"),
        )
    ),
]  # fmt: skip

DATA = [
    F("Database.records", "ids", "unknown",
      lambda w: list(Database(w["db"]).records(["mp-0_000"])), DatabaseError,
      "{db}: has no record mp-0_000"),
    F("write_records", "records", "one that has changed", changed_record, DatabaseError,
      "{db}: mp-"),
    F("write_records", "strict", "True, and a rejected one",
      lambda w: write_records(f"{w['out']}.db", [Rejected("run", "cut")], strict=True), RecordError,
      "run: cut"),
    F("write_records", "path", "a folder", lambda w: write_records(w["dir"], [record()]),
      DatabaseError, "{dir}: no such database"),
    *(
        F("XANESDataset", name, value, lambda w, n=name, v=given: dataset(w, **{n: v}), ConfigError,
          f"`{name}` {message}")
        for name, value, given, message in (
            ("r_max", "-1.0", -1.0, "is -1.0 but must be positive"),
            ("r_max", "inf", inf, "is inf but must be positive"),
            ("grid", "nan", np.array([nan, 8990.0]), "has shape (2,) but must be one or more"),
            ("grid", "not increasing", energies()[::-1], "has shape (3,) but must be one or more"),
            ("grid", "none", np.zeros(0), "has shape (0,) but must be one or more finite"),
            ("grid", "of two axes", np.ones((2, 2)), "has shape (2, 2) but must be one or more"),
            ("extend_below", "nan", nan, "is nan but must be finite and not negative"),
            ("extend_below", "inf", inf, "is inf but must be finite and not negative"),
            ("extend_below", "-1.0", -1.0, "is -1.0 but must be finite and not negative"),
            ("max_z", "0", 0, "is 0 but must be at least 1"),
            ("memory_bytes", "-1", -1, "is -1 but must be at least 0"),
        )
    ),
    F("atoms_to_graph", "absorbers", "[0.5]", lambda _: atoms_to_graph(COPPER, [0.5], 5.0),
      StructureError, "absorber 0.5 is no whole number; atoms count from 0"),
    F("atoms_to_graph", "absorbers", "['0']", lambda _: atoms_to_graph(COPPER, ["0"], 5.0),
      StructureError, "absorber '0' is no whole number; atoms count from 0"),
    F("atoms_to_graph", "absorbers", "[-1]", lambda _: atoms_to_graph(COPPER, [-1], 5.0),
      StructureError, "absorber -1 is not in the structure of 2 atoms"),
    F("atoms_to_graph", "max_z", "0", lambda _: atoms_to_graph(COPPER, [0], 5.0, max_z=0),
      StructureError, "atom 0 has atomic number 29, expected 1 .. 0"),
    F("atoms_to_graph", "dtype", "int32",
      lambda _: atoms_to_graph(COPPER, [0], 5.0, dtype=torch.int32), ConfigError,
      "`dtype` is torch.int32 but must be a floating-point type"),
    F("split_by_hash", "ids", "a text", lambda _: split_by_hash("abc", {"a": 0.5, "b": 0.5}),
      DatabaseError, "`ids` is the text 'abc', expected ids"),
    F("split_by_hash", "fractions", "none", lambda _: split_by_hash(["a_0"], {}), DatabaseError,
      "the fractions {{}} must not be negative and add up to 1"),
    F("split_by_hash", "seed", "nan", lambda _: split_by_hash(["a_0"], {"a": 1.0}, seed=nan),
      ConfigError, "`seed` is nan but must be a whole number"),
]  # fmt: skip


def read(w: dict[str, Any], source: Source | None = None, given: Any = None):
    """Read FEFF runs, unless something else is given."""
    runs = Source(Path(w["calculations"]), "feff")
    return list(read_source(source or runs, given or Given()))


READERS = [
    *(
        F(where, argument, value, call, error, message)
        for where, argument, value, call, error, message in (
            ("Source", "path", "missing, for read_source",
             lambda w: read(w, Source(Path(w["missing"]), "extxyz")), RecordError,
             "{missing}: no such file"),
            ("Source", "format", "'other', for read_source",
             lambda w: read(w, Source(Path(w["calculations"]), "other")), ConfigError,
             "`format` is 'other', expected one of feff, fdmnes, extxyz, materials_project"),
            ("read_source", "source", "of a format that it is not",
             lambda w: read(w, Source(Path(w["csv"]), "npz")), RecordError,
             "{csv}: damaged, or no archive of plain arrays ("),
            ("read_source", "given", "energies of FEFF",
             lambda w: read(w, given=Given(energy=(0.0, 1.0, 1.0))), ConfigError,
             "`--energy` does not go with {calculations}: FEFF states it"),
            ("read_athena", "group", "'other', of a text",
             lambda w: read_athena(w["text"], "other"), (ConfigError, RecordError), "{text}: "),
            ("read_measured", "column", "3, of two", lambda w: read_measured(w["columns"], 3),
             RecordError, "{columns}: no column 3; it has 2"),
            ("read_xdi", "column", "'other'", lambda w: read_xdi(w["foil"], "other"), RecordError,
             "{foil}: no column 'other'; it has energy, i0,"),
        )
    ),
    *(
        F("Given", name, str(value), lambda _, n=name, v=value: Given(**{n: v}), error, message)
        for name, value, error, message in (
            ("element", "copper", ConfigError, "`element` is 'copper', expected a symbol such as"),
            ("edge", "Q", RecordError, "`edge` is 'Q', expected K, L3, .."),
            ("energy", (0.0, 1.0), ConfigError, "`energy` is (0.0, 1.0), expected first, last and"),
            ("energy", (0.0, nan, 1.0), ConfigError, "energies from 0.0 to nan eV in steps of 1.0"),
            ("energy", (2.0, 0.0, 1.0), ConfigError, "energies from 2.0 to 0.0 eV in steps of 1.0"),
            ("axis", "other", ConfigError, "`axis` is 'other', expected one of absolute, relative"),
            ("target", "other", ConfigError, "`target` is 'other', expected one of absolute,"),
        )
    ),
    *(
        F(where, name, repr(value), lambda w, c=call, n=name, v=value: list(c(w["runs"], **{n: v})),
          error, f"`{name}` is {value!r}, expected {wanted}")
        for where, call in (("read_feff", read_feff), ("read_fdmnes", read_fdmnes))
        for name, value, error, wanted in (
            ("element", "copper", ConfigError, "a symbol such as Cu"),
            ("edge", "k", RecordError, "K, L3, .."),
        )
    ),
]  # fmt: skip

ARGUMENTS = [*PREDICTION, *SPECTRA, *DATA, *READERS]
