"""Bands and a measure of novelty, learned from sites that a model was not trained on."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch_geometric.data import Data
from tqdm import tqdm

from ..checkpoints.trained_model import TrainedModel
from ..dataset.database import Database
from ..dataset.dataset import XANESDataset
from ..errors import DatabaseError
from ..model.ensemble import Network, networks_of
from ..prediction.inference import (
    PredictedSites,
    RawSites,
    check_neighbors,
    find_departures,
    raw_sites,
    row_environments,
)
from ..structures.chemistry import Survey
from ..uncertainty.novelty import Novelty, sample_sites
from ..xas.edge_scale import find_scale
from .conformal import SiteErrors
from .evaluate import calculated, model_dataset, sites_of


def check_not_trained(path: Path, ids: Sequence[str], train_ids: Sequence[str]) -> None:
    """Raise DatabaseError, which names the first ones, for sites of materials trained on."""
    if shared := sites_of(train_ids, ids):
        raise DatabaseError(
            f"{path}: {len(shared)} sites are of materials that the model was trained on, such as"
            f" {', '.join(shared[:3])}; bands need others"
        )


def learn_novelty(model: TrainedModel, database: Database) -> Novelty:
    """Measure of novelty from the training sites in the database.

    The model gets a summary of their environments, too, if its file has none.

    Raises:
        DatabaseError: it contains fewer than two of them.
    """
    ids, trained = set(database.ids), model.info.train_ids or []
    known = [record_id for record_id in trained if record_id in ids]
    if len(known) < 2:
        raise DatabaseError(
            f"{database.path}: contains {len(known)} of the {len(trained)} sites that the model was"
            " trained on, which the measure of novelty needs"
        )
    data = model_dataset(model, database, sample_sites(known))
    graphs = [data[k] for k in tqdm(range(len(data)), desc="training sites", disable=None)]
    if model.info.chemistry is None:
        survey = Survey()
        for graph in graphs:
            survey.add(graph)
        model.info.chemistry = survey.summary(model.network.r_max)
    return Novelty.fit(checked_sites(networks_of(model.network)[0], graphs, np.zeros(1)).features)


def checked_sites(network: Network, graphs: Sequence[Data], energy: np.ndarray) -> RawSites:
    """Output of a network; PredictionError if it is not finite, or a site has no neighbors."""
    for graph in graphs:
        check_neighbors(graph)
    raw = raw_sites(network, graphs, energy)
    values = [array for array in (raw.mu, raw.spread, raw.features) if array is not None]
    PredictedSites(np.concatenate(values, axis=1)).check(calculated(graphs)[0])
    return raw


def site_errors(data: XANESDataset, model: TrainedModel, novelty: Novelty) -> SiteErrors:
    """Errors of the model on the calibration sites."""
    graphs, relative = list(data), data.grid - (model.info.reference_energy or 0.0)
    raw = checked_sites(model.network, graphs, relative)
    names, target, mask = calculated(graphs)
    error = np.where(mask, np.abs(raw.mu - target), np.nan)
    around = [sites for graph in graphs for sites in row_environments(graph)]
    departs = np.array([len(reasons) > 0 for reasons in find_departures(model, around)])
    distance, kinds = novelty.distance(raw.features), None
    if model.info.edges is not None:
        entries = [data.database.entry(name) for name in names]
        kinds = [find_scale(model.info.edges, one.element, one.edge).name for one in entries]
    return SiteErrors(names, relative, error, raw.spread, distance, departs, kinds)
