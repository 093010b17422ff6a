"""Choosing sites to calculate: those least like what a model knows, and least like each other."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.spatial.distance import cdist

from ..checkpoints.trained_model import TrainedModel
from ..errors import CheckpointError
from ..model.ensemble import networks_of
from ..prediction.inference import raw_sites
from .plan import Site


def farthest_points(points: np.ndarray, known: np.ndarray, number: int) -> list[int]:
    """Order points so that each is the farthest from all before it.

    Farthest-point sampling (Gonzalez, Theor. Comput. Sci. 38, 293 (1985)), from known points on:

        i_n = argmax_i min(min_k |x_i - t_k|, min_{m < n} |x_i - x_{i_m}|)

    Args:
        points: x, shape (n_points, n_components).
        known: t, shape (n_known, n_components); none: the first is the farthest from the mean.
        number: how many to order.

    Returns:
        Indices, ``number`` or as many as there are points.
    """
    start = known if len(known) else points.mean(axis=0, keepdims=True)
    nearest = cdist(points, start).min(axis=1)
    chosen: list[int] = []
    for _ in range(min(number, len(points))):
        chosen.append(int(np.argmax(nearest)))
        nearest = np.minimum(nearest, cdist(points, points[chosen[-1:]])[:, 0])
        nearest[chosen] = -np.inf
    return chosen


def site_features(model: TrainedModel, sites: Sequence[Site]) -> np.ndarray:
    """What enters the readout of a model for sites, see ``readout_features``.

    Returns:
        Shape (n_sites, n_features).
    """
    kinds = [(site.element, site.edge) for site in sites]
    found: dict[int, np.ndarray] = {}
    for kind in dict.fromkeys(kinds):
        one = model if model.info.edges is None else model.of(*kind)
        rows = [row for row, other in enumerate(kinds) if other == kind]
        graphs = [one.graph(sites[row].atoms, [sites[row].site]) for row in rows]
        features = raw_sites(networks_of(one.network)[0], graphs, np.zeros(1)).features
        found |= dict(zip(rows, features, strict=True))
    return np.stack([found[row] for row in range(len(sites))])


def choose_novel(name: Path, sites: Sequence[Site], number: int) -> list[Site]:
    """A number of sites, those most novel to a model first, in the feature space of ``Novelty``.

    Raises:
        CheckpointError: the model is not calibrated, so it does not know its training sites.
        StructureError: a structure can't be used.
    """
    model = TrainedModel.load(name)
    if model.calibration is None:
        raise CheckpointError(f"{name}: not calibrated, so it has no measure of novelty")
    novelty = model.calibration.novelty
    points = novelty.whitened(site_features(model, sites))
    order = farthest_points(points, novelty.sites.astype(float), number)
    return [sites[k] for k in order]
