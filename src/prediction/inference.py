"""Inference in batches: spectra, spread of the members, bands, novelty."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from ase.data import chemical_symbols

from ..checkpoints.trained_model import TrainedModel
from ..dataset.batch import GraphBatchSampler, collate_graphs, count_rows, mean_rows
from ..errors import PredictionError
from ..model.ensemble import Network, XANESEnsemble
from ..model.graph_input import Graph
from ..structures.environments import Environment, environments
from ..uncertainty import FEW
from ..uncertainty.novelty import readout_features

MAX_EDGES = 20_000
"""Graph edges predicted at once; bounds memory."""


@dataclass(frozen=True)
class RawSites:
    """Output of a network for absorbers; float64."""

    mu: np.ndarray
    """Mean spectrum, unit of the training target, shape (n_absorbers, n_energies)."""
    spread: np.ndarray | None
    """Standard deviation over members (n_members - 1), same shape; None: a single network."""
    features: np.ndarray
    """Input of the readout, see ``readout_features``, shape (n_absorbers, n_features)."""


@dataclass(frozen=True)
class Bands:
    """Uncertainty of a calibrated model's spectra."""

    half_width: np.ndarray
    """Half width of the band, unit of the training target, shape (n_absorbers, n_energies); NaN
    outside the calibrated energies."""
    expected: np.ndarray
    """Expected mean absolute error, same unit, shape (n_absorbers,)."""
    distance: np.ndarray
    """Distance to the nearest training site, see ``Novelty``, shape (n_absorbers,)."""
    novel: np.ndarray
    """Whether a site is unlike the training sites, shape (n_absorbers,)."""


@dataclass(frozen=True)
class PredictedSites:
    """Predicted spectra of absorbers; float64."""

    mu: np.ndarray
    """Unit of the training target, shape (n_absorbers, n_energies)."""
    bands: Bands | None = None
    """None: the model is not calibrated."""
    reasons: Sequence[Sequence[str]] = ()
    """Of each absorber, how it is unlike the training sites, in words; none: it is not. See
    ``Chemistry.departures`` and ``Novelty``."""
    around: Sequence[Sequence[Environment]] = ()
    """Of each row the environments, see ``row_environments``."""

    def check(self, names: Sequence[str], first: int = 0) -> None:
        """Raise PredictionError where spectrum, expected error or distance is not finite.

        ``names`` are those of the absorbers from row ``first`` on.
        """
        rows = slice(first, first + len(names))
        finite = np.isfinite(self.mu[rows]).all(axis=1)
        if self.bands is not None:  # half widths are NaN where nothing was calibrated
            finite &= np.isfinite(self.bands.expected[rows] + self.bands.distance[rows])
        bad = [name for name, good in zip(names, finite, strict=True) if not good]
        if bad:
            raise PredictionError(
                f"{', '.join(bad)}: the model predicts values that are not finite"
            )


def raw_sites(model: Network, graphs: Sequence[Graph], energy: np.ndarray) -> RawSites:
    """Predict graphs, at least one, in batches of bounded size, in evaluation mode.

    The rows are the absorbers of all graphs, one graph after the other; absorbers over whose
    spectra a mean is taken are one row. ``energy``: relative to the reference, eV, (n_energies,).
    """
    if model.training:  # setting the mode of all modules takes milliseconds
        model.eval()
    device, dtype = model.coefficient_mean.device, model.coefficient_mean.dtype
    grid = torch.as_tensor(energy, dtype=dtype, device=device)
    spectra, spreads, features = [], [], []
    for numbers in GraphBatchSampler([g.num_edges for g in graphs], MAX_EDGES, None, seed=None):
        with torch.inference_mode(), readout_features(model) as collected:
            batch = collate_graphs([graphs[k] for k in numbers], model.num_layers).to(device)
            rows = batch.get("row_of_site")
            if isinstance(model, XANESEnsemble):
                members = [mean_rows(mu, rows) for mu in model.member_spectra(batch, grid)]
                mu = torch.stack(members).mean(dim=0)
                spreads.append(torch.stack(members).double().std(dim=0).cpu())
            else:
                mu = mean_rows(model.predict_spectra(batch, grid), rows)
            spectra.append(mu.double().cpu())
            features.append(mean_rows(torch.cat(collected), rows).double().cpu())
    return RawSites(
        torch.cat(spectra).numpy(),
        torch.cat(spreads).numpy() if spreads else None,
        torch.cat(features).numpy(),
    )


def check_neighbors(graph: Graph) -> None:
    """Raise PredictionError for an absorber without neighbors within the graph's cutoff."""
    counts = torch.bincount(graph.edge_index[1], minlength=len(graph.z))
    lonely = (graph.absorber_mask & (counts == 0)).nonzero().flatten().tolist()
    if lonely:
        symbol, ids = chemical_symbols[int(graph.z[lonely[0]])], graph.get("record_id")
        raise PredictionError(
            f"{f'{ids[0]}: ' if ids else ''}{symbol} site {lonely[0]} has no neighbor within"
            f" {graph.r_max:g} Angstrom, and the spectrum of an isolated atom can't be predicted"
        )


def row_environments(graph: Graph) -> list[list[Environment]]:
    """Environments of the absorbers of each row of a graph's spectra: one, or several of a mean."""
    around, rows = environments(graph), graph.get("row_of_site")
    if rows is None:
        return [[site] for site in around]
    of_rows: list[list[Environment]] = [[] for _ in range(count_rows(graph))]
    for row, site in zip(rows.tolist(), around, strict=True):
        of_rows[row].append(site)
    return of_rows


def find_departures(
    model: TrainedModel, around: Sequence[Sequence[Environment]]
) -> list[list[str]]:
    """How the environments of each row are unlike the training sites, see ``Chemistry.departures``.

    So are those of an absorber with ``FEW`` training spectra. A model without a summary of its
    training set knows no other reasons.
    """
    info, common = model.info, list[str]()
    if info.absorber_spectra is not None and info.absorber_spectra < FEW:
        spectra = "spectrum" if info.absorber_spectra == 1 else "spectra"
        number = info.absorber_spectra or "no"
        common = [f"{number} training {spectra} of the {info.element} {info.edge} edge"]
    if info.chemistry is None:
        return [common.copy() for _ in around]
    chemistry = info.chemistry
    return [
        [*common, *dict.fromkeys(r for site in sites for r in chemistry.departures(site))]
        for sites in around
    ]


def predict_sites(
    model: TrainedModel, graphs: Sequence[Graph], energy: np.ndarray
) -> PredictedSites:
    """Predict graphs, with bands where the model is calibrated; see ``raw_sites``.

    Raises:
        PredictionError: see ``check_neighbors``.
    """
    for graph in graphs:
        check_neighbors(graph)
    around = [sites for graph in graphs for sites in row_environments(graph)]
    calibration, reasons = model.calibration, find_departures(model, around)
    if calibration is None:
        return PredictedSites(raw_sites(model.network, graphs, energy).mu, None, reasons, around)
    n_energies = len(energy)  # a site's expected error is a mean over the calibrated energies
    raw = raw_sites(model.network, graphs, np.concatenate([energy, calibration.energy]))
    here, spread = None, None
    if raw.spread is not None:
        here, spread = raw.spread[:, :n_energies], raw.spread[:, n_energies:]
    distance = calibration.novelty.distance(raw.features)
    for row, reason in enumerate(calibration.novelty.describe(distance)):
        reasons[row] += reason
    bands = Bands(
        half_width=calibration.half_width(spread, distance, energy, here),
        expected=calibration.expected_error(spread, distance),
        distance=distance,
        novel=np.array([len(found) > 0 for found in reasons]),
    )
    return PredictedSites(raw.mu[:, :n_energies], bands, reasons, around)
