"""The spectrum of a material: the mean over its absorbers."""

from collections.abc import Sequence

import numpy as np

from ..errors import StructureError
from .site_prediction import SitePrediction


def multiplicities(sites: Sequence[SitePrediction]) -> np.ndarray:
    """How many atoms each prediction stands for, shape (n_sites,).

    Raises:
        StructureError: there are none, or their energies differ.
    """
    if not sites:
        raise StructureError("a material without absorbers has no spectrum")
    for site in sites:
        if not np.array_equal(site.energy, sites[0].energy):
            raise StructureError(
                f"site {site.site} of {site.structure} has other energies than site"
                f" {sites[0].site} of {sites[0].structure}; a mean needs the same"
            )
    return np.array([len(site.equivalent) for site in sites], dtype=float)


def material_mean(sites: Sequence[SitePrediction]) -> np.ndarray:
    """Mean spectrum of a structure's absorbers, each distinct site weighted by its multiplicity.

    Args:
        sites: what ``predict_structure`` gives, on one energy grid.

    Returns:
        mu, the unit of the sites', shape (n_energies,).

    Raises:
        StructureError: see ``multiplicities``.
    """
    return np.average([site.mu for site in sites], axis=0, weights=multiplicities(sites))


def material_half_width(sites: Sequence[SitePrediction]) -> np.ndarray | None:
    """Half width of a band around the mean, the mean of the sites' half widths.

    That is its upper bound, reached where the errors of all sites go together; if they did not, it
    would be narrower by up to the root of the number of sites.

    Args:
        sites: what ``predict_structure`` gives.

    Returns:
        Half width, shape (n_energies,); None: the model is not calibrated.

    Raises:
        StructureError: see ``multiplicities``.
    """
    weights = multiplicities(sites)
    widths = [site.half_width for site in sites]
    if any(width is None for width in widths):
        return None
    return np.average([w for w in widths if w is not None], axis=0, weights=weights)
