"""More bad values for the network, its training and its file."""

from typing import Any

import torch
from input_functions import (
    COPPER,
    GRID,
    Function,
    config,
    graph,
    inf,
    loss,
    nan,
    tiny,
)
from torch import nn

from src.checkpoints.trained_model import ModelInfo, save_model
from src.errors import CheckpointError, ConfigError, LossError
from src.loss import SpectrumLoss
from src.model.gnn import XANES_E3GNN
from src.structures.graph import atoms_to_graph
from src.train import run_training
from src.training.config import TrainingConfig

F = Function
ABSOLUTE = torch.tensor([8980.0, 8990.0])
WHOLE = ("max_z", "num_layers", "lmax", "channels", "num_radial", "num_basis", "radial_rank",
         "num_heads", "num_amplitudes")  # fmt: skip
REAL = ("r_max", "emin", "emax", "avg_num_neighbors", "dropout")


class Nothing(nn.Module):
    """A loss that is no number."""

    def forward(self, prediction: Any, *_: Any, **__: Any) -> Any:
        """Three terms."""
        return prediction.sum() * nan, prediction.sum(), prediction.sum()


def spectra(data: Any = None, grid: Any = GRID) -> object:
    """Spectra of a graph."""
    return tiny().predict_spectra(graph() if data is None else data, grid)


def statistics(grid: Any = GRID, mean: Any = None, scale: Any = 1.0) -> None:
    """Set the statistics of the targets."""
    tiny().set_target_statistics(grid, torch.zeros(31) if mean is None else mean, scale)


def train(
    w: dict[str, Any], model: XANES_E3GNN | None = None, graphs: Any = None, **changes: Any
) -> object:
    """Train for one epoch."""
    settings = config(save_path=f"{w['out']}.pt", **changes)
    return run_training(model or tiny(), graphs or [graph()], [graph()], settings)


NETWORK = [
    *(
        F("XANES_E3GNN", name, "1.5", lambda _, n=name: tiny(**{n: 1.5}), ConfigError,
          f"`{name}` is 1.5 but must be a whole number")
        for name in WHOLE
    ),
    *(
        F("XANES_E3GNN", name, "'5'", lambda _, n=name: tiny(**{n: "5"}), ConfigError,
          f"`{name}` is '5' but must be a number")
        for name in REAL
    ),
    *(
        F("XANES_E3GNN.forward", "data", value,
          lambda _, n=name, v=changed: tiny()(graph(**{n: v})), ValueError, message)
        for value, name, changed, message in (
            ("without `z`", "z", None, "the graph has no `z`; it needs z, pos, edge_index"),
            ("`z` of float32", "z", torch.tensor([29.0, 8.0]), "`z` is torch.float32 but must be"),
            ("`pos` in a plane", "pos", torch.zeros(2, 2), "`pos` has shape (2, 2), wanted (2, 3)"),
            ("`pos` of nan", "pos", torch.full((2, 3), nan), "`pos` holds values that are not fin"),
            ("an edge to an atom that is not there", "edge_index", torch.tensor([[0, 7], [1, 0]]),
             "`edge_index` names an atom that is not within 0 .. 1"),
            ("`edge_index` of one row", "edge_index", torch.tensor([0, 1]),
             "`edge_index` has shape (2,), wanted (2, 2)"),
            ("`edge_shift` of other edges", "edge_shift", torch.zeros(5, 3),
             "`edge_shift` has shape (5, 3), wanted (2, 3)"),
            ("no absorber", "absorber_mask", torch.zeros(2, dtype=torch.bool),
             "`absorber_mask` marks no atom; at least one absorber is needed"),
        )
    ),
    F("XANES_E3GNN.predict_spectra", "data", "`pos` of nan",
      lambda _: spectra(graph(pos=torch.full((2, 3), nan))), ValueError, "`pos` holds values"),
    *(
        F(f"XANES_E3GNN.{where}", "energy_grid", value, lambda _, c=call, g=grid: c(grid=g),
          ConfigError, message)
        for where, call in (("predict_spectra", spectra), ("set_target_statistics", statistics))
        for value, grid, message in (
            ("absolute", ABSOLUTE, "`energy_grid` is 8980.000 .. 8990.000 eV but must be within"),
            ("nan", torch.tensor([nan, 1.0]), "`energy_grid` is nan .. nan eV but must be within"),
            ("none", torch.zeros(0), "`energy_grid` has shape (0,) but must be (n_energies,)"),
            ("of two axes", torch.zeros(2, 2), "`energy_grid` has shape (2, 2) but must be"),
        )
    ),
    F("XANES_E3GNN.set_target_statistics", "mean", "of another length",
      lambda _: statistics(mean=torch.zeros(3)), ConfigError, "`mean` has shape (3,) but must be"),
    F("XANES_E3GNN.set_target_statistics", "mean", "nan",
      lambda _: statistics(mean=torch.full((31,), nan)), ConfigError, "`mean` has shape (31,) but"),
    *(
        F("XANES_E3GNN.set_target_statistics", "scale", str(value),
          lambda _, v=value: statistics(scale=v), ConfigError, f"`scale` is {value} but must be p")
        for value in (0.0, -1.0, nan, inf)
    ),
    *(
        F("SpectrumLoss", "lambda_grad", str(value), lambda _, v=value: SpectrumLoss(v), ValueError,
          f"`lambda_grad` is {value} but must be finite and not negative")
        for value in (nan, inf)
    ),
    F("SpectrumLoss.forward", "prediction", "of one axis",
      lambda _: loss(torch.zeros(3), torch.zeros(3), GRID[:3]), ValueError,
      "prediction (3,) and target (3,) must both have the shape"),
    F("SpectrumLoss.forward", "energy_grid", "up to inf",
      lambda _: loss(*[torch.zeros(2, 3)] * 2, torch.tensor([0.0, 1.0, inf])), ValueError,
      "`energy_grid` must hold two or more strictly increasing energies"),
    F("SpectrumLoss.forward", "weights", "one negative",
      lambda _: loss(*[torch.zeros(2, 3)] * 2, GRID[:3], weights=torch.tensor([-1.0, 3.0])),
      ValueError, "`weights` holds -1.0 but must not be negative"),
    F("SpectrumLoss.forward", "weights", "all zero",
      lambda _: loss(*[torch.zeros(2, 3)] * 2, GRID[:3], weights=torch.zeros(2)), ValueError,
      "no spectrum has both a calculated energy and a positive weight"),
    F("SpectrumLoss.forward", "mask", "of float32",
      lambda _: loss(*[torch.zeros(2, 3)] * 2, GRID[:3], mask=torch.ones(2, 3)), ValueError,
      "`mask` is torch.float32 but must be bool"),
]  # fmt: skip

TRAINING = [
    F("run_training", "model", "that ends at 30 eV", lambda w: train(w, tiny(emax=30.0)),
      ConfigError, "`energy_grid` is -10.000 .. 50.000 eV but must be within -10.000 .. 30.000 eV"),
    F("run_training", "model", "that knows no copper", lambda w: train(w, tiny(max_z=10)),
      ConfigError, "train_dataset[0]: `z` holds 29 but must be within 1 .. 10"),
    F("run_training", "model", "of another radius", lambda w: train(w, tiny(r_max=6.0)),
      ConfigError, "train_dataset[0]: the graph was cut with `r_max` 5 but that of the network"),
    F("run_training", "model", "of float64, in bfloat16",
      lambda w: train(w, tiny().double(), precision="bfloat16"), ConfigError,
      "`precision` is bfloat16 but the network is torch.float64; mixed precision is for"),
    F("run_training", "train_dataset", "an edge to an atom that is not there",
      lambda w: train(w, graphs=[graph(edge_index=torch.tensor([[0, 7], [1, 0]]))]), ConfigError,
      "train_dataset[0]: `edge_index` names an atom that is not within 0 .. 1"),
    F("run_training", "train_dataset", "without y",
      lambda w: train(w, graphs=[atoms_to_graph(COPPER, [0], 5.0)]), ConfigError,
      "train_dataset[0] has no `y`; it needs spectra (n_absorbers, n_energies)"),
    *(
        F("TrainingConfig", name, repr(value),
          lambda _, n=name, v=value: TrainingConfig(**config(**{n: v})), ConfigError,
          f"`{name}` is {value!r} but must {message}")
        for name, value, message in (
            ("lambda_grad", -1.0, "not be negative"), ("lambda_grad", inf, "be finite"),
            ("epochs", 0, "be at least 1"), ("epochs", 1.5, "be a whole number"),
            ("epochs", "3", "be a whole number"), ("lr", "1e-3", "be a number"),
            ("lr", 0.0, "be positive"),
            ("batch_size", 1.5, "be a whole number"), ("batch_size", 0, "be at least 1"),
            ("max_edges", 0, "be at least 1"), ("weight_decay", -1.0, "not be negative"),
            ("weight_decay", inf, "be finite"), ("warmup", 1.0, "be in [0, 1)"),
            ("ema_decay", 1.0, "be in [0, 1)"), ("ema_decay", nan, "be in [0, 1)"),
            ("clip_norm", 0.0, "be positive"), ("clip_norm", nan, "be positive"),
            ("displacement", 1.0, "be in [0, 1) Angstrom"), ("displacement", nan, "be in [0, 1)"),
            ("patience", 0, "be at least 1"),
            ("patience", 2.5, "be a whole number"), ("max_hours", nan, "be positive and finite"),
            ("max_hours", 0.0, "be positive and finite"), ("seed", 2**63, "be a number of 64 bits"),
            ("seed", 1.5, "be a whole number"), ("workers", -1, "not be negative"),
            ("checkpoint_minutes", nan, "not be negative"), ("keep", 0, "be at least 1"),
            ("resume", "no", "be True or False"), ("save_path", None, "be the path of a file"),
            ("save_path", "", "be the path of a file"),
            ("checkpoint_path", 3, "be the path of a file"),
            ("metrics_path", 3, "be the path of a file"),
            ("score_window", (1.0,), "be the first and last energy, eV"),
        )
    ),
    *(
        F("TrainingConfig", "energy_grid", value,
          lambda _, g=grid: TrainingConfig(energy_grid=g, batch_size=1), ConfigError,
          f"`energy_grid` has shape {tuple(grid.shape)} but must be two or more finite, strictly")
        for value, grid in (
            ("nan", torch.tensor([0.0, nan, 1.0])), ("not increasing", torch.zeros(3)),
            ("up to inf", torch.tensor([0.0, 1.0, inf])), ("one energy", torch.zeros(1)),
            ("of two axes", torch.zeros(3, 2)),
        )
    ),
    *(
        F("TrainingConfig", "score_window", str(value),
          lambda _, v=value: TrainingConfig(**config(score_window=v)), ConfigError,
          f"`score_window` is {value[0]} .. {value[1]} eV but `energy_grid`, -10.0 .. 50.0 eV,")
        for value in ((3.0, 1.0), (nan, 1.0), (900.0, 1000.0))
    ),
    F("TrainingConfig", "device", "'gpu', for run_training", lambda w: train(w, device="gpu"),
      ConfigError, "`device` is 'gpu', expected auto, cpu, cuda or cuda:N"),
    F("TrainingConfig", "criterion", "one that gives nan, for run_training",
      lambda w: train(w, criterion=Nothing()), LossError, "epoch 1, batch 1: the loss is nan"),
    F("TrainingConfig", "info", "of element 'Xx', for run_training",
      lambda w: train(w, info=ModelInfo(element="Xx")), CheckpointError,
      "{out}.pt: `element` is 'Xx', expected a symbol"),
]  # fmt: skip


def spoiled() -> XANES_E3GNN:
    """A network with a weight that is no number."""
    network = tiny()
    network.embedding.weight.data[3, 0] = nan
    return network


MODELS = [
    F("save_model", "model", "with a weight of nan",
      lambda w: save_model(f"{w['out']}.pt", spoiled(), ModelInfo()), CheckpointError,
      "{out}.pt: 1 of 404 numbers of embedding.weight of member 0 are not finite"),
    F("save_model", "info", "of element 'Xx'",
      lambda w: save_model(f"{w['out']}.pt", tiny(), ModelInfo(element="Xx")), CheckpointError,
      "{out}.pt: `element` is 'Xx', expected a symbol"),
]  # fmt: skip

LEARNING = [*NETWORK, *TRAINING, *MODELS]
