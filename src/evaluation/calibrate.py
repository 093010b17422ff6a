"""Bands and a measure of novelty, learned from sites that a model was not trained on."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ..checkpoints.trained_model import TrainedModel
from ..dataset.database import Database
from ..dataset.dataset import XANESDataset
from ..errors import DatabaseError
from ..model.ensemble import Network, networks_of
from ..model.graph_input import Graph
from ..prediction.inference import PredictedSites, RawSites, check_predicted, raw_sites
from ..structures.names import material_of
from ..uncertainty.novelty import Novelty, sample_sites
from .conformal import SiteErrors
from .evaluate import model_dataset


def check_not_trained(path: Path, ids: Sequence[str], train_ids: Sequence[str]) -> None:
    """Refuse sites of materials that a model was trained on.

    Raises:
        DatabaseError: the first ones are named.
    """
    trained = {material_of(record_id) for record_id in train_ids}
    shared = [record_id for record_id in ids if material_of(record_id) in trained]
    if shared:
        named = ", ".join(shared[:3]) + (" .." if len(shared) > 3 else "")
        raise DatabaseError(
            f"{path}: {len(shared)} sites are of materials that the model was trained on, {named};"
            " bands need others"
        )


def learn_novelty(model: TrainedModel, database: Database) -> Novelty:
    """Measure of novelty from the training sites that the database holds.

    Raises:
        DatabaseError: it holds fewer than two of them.
    """
    there, trained = set(database.ids), model.info.train_ids or []
    known = [record_id for record_id in trained if record_id in there]
    if len(known) < 2:
        raise DatabaseError(
            f"{database.path}: holds {len(known)} of the {len(trained)} sites that the"
            " model was trained on, which the measure of novelty needs"
        )
    data = model_dataset(model, database, sample_sites(known))
    graphs = [data[k] for k in tqdm(range(len(data)), desc="training sites", disable=None)]
    raw = checked_sites(networks_of(model.network)[0], graphs, np.zeros(1))
    return Novelty.fit(np.concatenate([sites.features for sites in raw]))


def checked_sites(network: Network, graphs: Sequence[Graph], energy: np.ndarray) -> list[RawSites]:
    """What a network gives for each graph; nothing is learned from what is no number.

    Raises:
        PredictionError: spectrum, spread or features of a site are not finite; it is named.
    """
    found = dict(raw_sites(network, graphs, energy))
    for number, graph in enumerate(graphs):
        raw = found[number]
        parts = [part for part in (raw.mu, raw.spread, raw.features) if part is not None]
        check_predicted(PredictedSites(np.concatenate(parts, axis=1)), graph.record_id)
    return [found[number] for number in range(len(graphs))]


def site_errors(data: XANESDataset, model: TrainedModel, novelty: Novelty) -> SiteErrors:
    """What the model predicts for the calibration sites beside what was calculated."""
    graphs = list(data)
    relative = model.energies().relative
    raw = checked_sites(model.network, graphs, relative)
    target = np.concatenate([graph.y.double().numpy() for graph in graphs])
    mask = np.concatenate([graph.y_mask.numpy() for graph in graphs])
    error = np.abs(np.concatenate([sites.mu for sites in raw]) - target)
    spread = [sites.spread for sites in raw if sites.spread is not None]
    return SiteErrors(
        ids=[record_id for graph in graphs for record_id in graph.record_id],
        energy=relative,
        error=np.where(mask, error, np.nan),
        spread=np.concatenate(spread) if spread else None,
        distance=novelty.distance(np.concatenate([sites.features for sites in raw])),
    )
