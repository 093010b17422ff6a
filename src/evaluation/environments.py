"""Environments of the sites of an evaluation, and errors grouped by them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch_geometric.data import Data

from ..structures.environments import Environment, environments


@dataclass(frozen=True)
class Group:
    """Errors of sites with a common property."""

    name: str
    """Element nearby or coordination number."""
    sites: int
    """Number of sites."""
    mse: float
    """Mean of their mean squared errors."""


def row_environments(graph: Data) -> list[Environment]:
    """Environment of each row of a graph's spectra.

    That is of its absorber, or of the first one where a spectrum is a mean over several.
    """
    around, rows = environments(graph), graph.get("row_of_site")
    if rows is None:
        return around
    first = dict(reversed(list(zip(rows.tolist(), around, strict=True))))
    return [first[row] for row in sorted(first)]


def group_errors(names: Sequence[Sequence[str]], mse: np.ndarray) -> list[Group]:
    """Mean errors of groups of sites, largest error first.

    Args:
        names: groups that each site belongs to.
        mse: error of each site, shape (n_sites,).
    """
    members: dict[str, list[float]] = {}
    for names_of_site, error in zip(names, mse, strict=True):
        for name in names_of_site:
            members.setdefault(name, []).append(float(error))
    groups = [Group(name, len(errors), float(np.mean(errors))) for name, errors in members.items()]
    return sorted(groups, key=lambda group: (-group.mse, group.name))
