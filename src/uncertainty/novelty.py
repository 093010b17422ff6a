"""Novelty: the distance of a site from all training sites, in the network's own features."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import get_ident

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import CheckpointError
from ..model.ensemble import Network, networks_of

COMPONENTS = 32
"""Directions of feature space that are kept; 8, 16, 32, 64 gave rank correlations of distance and
error of 0.61, 0.69, 0.73, 0.73 on the Cu K-edge validation sites."""
MOST_SITES = 4096
"""Maximum number of training sites kept, 32 half-precision numbers each, 256 kB. All 3,340 of the
Cu K-edge set give 0.73, 512 of them 0.50."""
SHRINKAGE = 0.1
"""Weight of the multiple of the unit matrix that the covariance is drawn to."""


def sample_sites(ids: Sequence[str], seed: int = 0) -> list[str]:
    """At most ``MOST_SITES`` of the training sites, chosen by a seed, in the order given."""
    order = np.random.default_rng(seed).permutation(len(ids))[:MOST_SITES]
    return [ids[k] for k in sorted(order)]


@contextmanager
def readout_features(model: Network) -> Iterator[list[Tensor]]:
    """Collect what enters the readout while a network predicts.

    These are the absorber's invariants x_i of ``XANES_E3GNN``: its scalars, what it attends to, and
    the magnitudes of its l > 0 channels. Of an ensemble they are the first member's.

    Args:
        model: network or ensemble.

    Yields:
        A list that gets tensors, shape (n, n_features), as the network works through its absorbers,
        a bounded number of them at a time; joined, they are in the absorbers' order.
    """
    features: list[Tensor] = []
    thread = get_ident()  # others may predict with the same network at the same time

    def keep(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if get_ident() == thread:
            features.append(inputs[0].detach())

    handle = networks_of(model)[0].readout.register_forward_pre_hook(keep)
    try:
        yield features
    finally:
        handle.remove()


@dataclass(frozen=True, eq=False)
class Novelty:
    """Distance to the nearest training site in whitened features.

        d_i = min_k |W (x_i - m) - t_k|,  W = diag(s)^(-1/2) V^T

    with mean m and covariance C of the training sites' features, s and V the largest eigenvalues
    and eigenvectors of (1 - a) C + a tr(C) / n_features (shrinkage: Ledoit and Wolf, J. Multivar.
    Anal. 88, 365 (2004)), and t_k = W (x_k - m). The distance to the mean in place of the nearest
    site, Mahalanobis', hardly follows the error (rank correlation 0.16), for training sites form
    many clusters.
    """

    mean: np.ndarray
    """m, shape (n_features,)."""
    whitening: np.ndarray
    """W transposed, shape (n_features, n_components)."""
    sites: np.ndarray
    """t, float16, shape (n_sites, n_components)."""
    threshold: float = np.inf
    """Distance beyond which a site counts as novel, even if ``Chemistry`` finds nothing unusual."""

    @classmethod
    def fit(cls, features: np.ndarray) -> "Novelty":
        """Learn from features of two or more training sites, shape (n_sites, n_features)."""
        features = features.astype(float)
        mean = features.mean(axis=0)
        covariance = np.cov(features.T)
        unit = np.trace(covariance) / len(covariance) * np.eye(len(covariance))
        values, vectors = np.linalg.eigh((1.0 - SHRINKAGE) * covariance + SHRINKAGE * unit)
        kept = slice(None, -COMPONENTS - 1, -1)  # eigenvalues come in rising order
        whitening = vectors[:, kept] / np.sqrt(np.maximum(values[kept], np.finfo(float).tiny))
        sites = ((features - mean) @ whitening).astype(np.float16)
        return cls(mean.astype(np.float32), whitening.astype(np.float32), sites)

    def whitened(self, features: np.ndarray) -> np.ndarray:
        """W (x - m), shape (n_sites, n_components), of features x, shape (n_sites, n_features).

        Raises:
            CheckpointError: the number of features is not that of the training sites.
        """
        if features.shape[1] != len(self.mean):
            raise CheckpointError(
                f"the novelty measure knows {len(self.mean)} features, the network has"
                f" {features.shape[1]}"
            )
        return (features - self.mean).astype(float) @ self.whitening

    def distance(self, features: np.ndarray) -> np.ndarray:
        """Distance d of features to the nearest training site, dimensionless, shape (n_sites,)."""
        points = torch.as_tensor(self.whitened(features))
        known = torch.as_tensor(self.sites.astype(float))
        return torch.cdist(points, known).min(dim=1).values.numpy()

    def describe(self, distance: np.ndarray) -> list[list[str]]:
        """Of each site at a distance, shape (n_sites,), whether it is far, in words; else nothing.

        A distance that is not finite is not far; ``PredictedSites.check`` refuses it.
        """
        far = "far from every training site in the features of the network"
        text = f"{far} (distance {{:.1f}}, threshold {self.threshold:.1f})"
        return [[text.format(d)] if d > self.threshold else [] for d in distance]
