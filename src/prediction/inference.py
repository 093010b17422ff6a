"""Inference in batches: spectra, spread of the members, bands, novelty."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch

from ..checkpoints.trained_model import TrainedModel
from ..dataset.batch import GraphBatchSampler, collate_graphs, mean_rows
from ..errors import PredictionError
from ..model.ensemble import Network, XANESEnsemble
from ..model.graph_input import Graph
from ..uncertainty.novelty import readout_features

MAX_EDGES = 20_000
"""Graph edges predicted at once; bounds memory."""


@dataclass(frozen=True)
class RawSites:
    """What a network gives for the absorbers of one graph; float64."""

    mu: np.ndarray
    """Mean spectrum, unit of the training target, shape (n_absorbers, n_energies)."""
    spread: np.ndarray | None
    """Standard deviation over members (n_members - 1), same shape; None: a single network."""
    features: np.ndarray
    """What entered the readout, see ``readout_features``, shape (n_absorbers, n_features)."""


@dataclass(frozen=True)
class Bands:
    """How sure a calibrated model is of the absorbers of one graph, or of several."""

    half_width: np.ndarray
    """Half width of the band, unit of the training target, shape (n_absorbers, n_energies); NaN
    outside the calibrated energies."""
    expected: np.ndarray
    """Expected mean absolute error, same unit, shape (n_absorbers,)."""
    distance: np.ndarray
    """Distance to the nearest training site, see ``Novelty``, shape (n_absorbers,)."""
    novel: np.ndarray
    """Whether that is beyond the threshold, shape (n_absorbers,)."""


@dataclass(frozen=True)
class PredictedSites:
    """Spectra of the absorbers of one graph, or of several; float64."""

    mu: np.ndarray
    """Unit of the training target, shape (n_absorbers, n_energies)."""
    bands: Bands | None = None
    """None: the model is not calibrated."""


def raw_sites(
    model: Network, graphs: Sequence[Graph], energy: np.ndarray
) -> Iterator[tuple[int, RawSites]]:
    """Predict graphs in batches of bounded size.

    Args:
        model: network or ensemble on any device; used in evaluation mode.
        graphs: graphs with absorbers.
        energy: energies relative to the reference energy, eV, shape (n_energies,).

    Yields:
        Number of the graph, and what the network gives for its absorbers.
    """
    model.eval()
    device, dtype = model.coefficient_mean.device, model.coefficient_mean.dtype
    grid = torch.as_tensor(energy, dtype=dtype, device=device)
    for numbers in GraphBatchSampler([g.num_edges for g in graphs], MAX_EDGES, None, seed=None):
        chosen = [graphs[number] for number in numbers]
        spread = None
        with torch.inference_mode(), readout_features(model) as features:
            batch = collate_graphs(chosen, model.num_layers).to(device)
            rows = batch.get("row_of_site")
            if isinstance(model, XANESEnsemble):
                members = model.member_spectra(batch, grid)
                if rows is not None:
                    members = torch.stack([mean_rows(member, rows) for member in members])
                mu, spread = members.mean(dim=0), members.double().std(dim=0).cpu().numpy()
            else:
                mu = mean_rows(model.predict_spectra(batch, grid), rows)
        collected = mean_rows(torch.cat(features), rows).double().cpu().numpy()
        found = RawSites(mu.double().cpu().numpy(), spread, collected)
        last = 0
        for number, graph in zip(numbers, chosen, strict=True):
            first, last = last, last + count_rows(graph)
            own = slice(first, last)
            part = None if spread is None else spread[own]
            yield number, RawSites(found.mu[own], part, found.features[own])


def count_rows(graph: Graph) -> int:
    """Spectra of a graph: one an absorber, fewer where some are means over several."""
    rows = graph.get("row_of_site")
    return int(graph.absorber_mask.sum()) if rows is None else int(rows.max()) + 1


def predict_sites(
    model: TrainedModel, graphs: Sequence[Graph], energy: np.ndarray
) -> Iterator[tuple[int, PredictedSites]]:
    """Predict graphs, with bands where the model is calibrated.

    Args:
        model: model; where it is not calibrated there are spectra alone.
        graphs: graphs with absorbers.
        energy: energies relative to the reference energy, eV, shape (n_energies,).

    Yields:
        Number of the graph, and the spectra of its absorbers.
    """
    calibration = model.calibration
    if calibration is None:
        for number, raw in raw_sites(model.network, graphs, energy):
            yield number, PredictedSites(raw.mu)
        return
    n_wanted = len(energy)  # the site's expected error is a mean over the calibrated energies
    both = np.concatenate([energy, calibration.energy])
    for number, raw in raw_sites(model.network, graphs, both):
        there, spread = None, None
        if raw.spread is not None:
            there, spread = raw.spread[:, :n_wanted], raw.spread[:, n_wanted:]
        distance = calibration.novelty.distance(raw.features)
        bands = Bands(
            half_width=calibration.half_width(spread, distance, energy, there),
            expected=calibration.expected_error(spread, distance),
            distance=distance,
            novel=distance > calibration.novelty.threshold,
        )
        yield number, PredictedSites(raw.mu[:, :n_wanted], bands)


def check_predicted(sites: PredictedSites, names: Sequence[str]) -> None:
    """Refuse spectra that are no numbers.

    Args:
        sites: spectra of a graph.
        names: what to call each of them.

    Raises:
        PredictionError: spectrum, expected error or distance of a site is not finite; it is named.
    """
    finite = np.isfinite(sites.mu).all(axis=1)
    if sites.bands is not None:  # half widths are NaN where nothing was calibrated
        finite &= np.isfinite(sites.bands.expected) & np.isfinite(sites.bands.distance)
    bad = [name for name, good in zip(names, finite, strict=True) if not good]
    if bad:
        raise PredictionError(f"{', '.join(bad)}: the model predicts values that are not finite")


def join_sites(parts: Sequence[PredictedSites]) -> PredictedSites:
    """Sites of several graphs, one graph after the other."""
    mu = np.concatenate([part.mu for part in parts])
    bands = [part.bands for part in parts if part.bands is not None]
    if not bands:
        return PredictedSites(mu)
    joined = {
        entry.name: np.concatenate([getattr(band, entry.name) for band in bands])
        for entry in fields(Bands)
    }
    return PredictedSites(mu, Bands(**joined))
