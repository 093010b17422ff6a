"""Degrees and components of spherical tensors, and the Clebsch-Gordan coefficients between them."""

import functools
import math

import torch
from e3nn import o3
from torch import Tensor


def degree_of_component(lmax: int) -> Tensor:
    """Degree l of every component of a feature array, shape ((lmax + 1)^2,)."""
    return torch.cat([torch.full((2 * degree + 1,), degree) for degree in range(lmax + 1)])


def degree_slice(degree: int) -> slice:
    """Components of one degree in a feature array."""
    return slice(degree**2, (degree + 1) ** 2)


def coupling_paths(lmax_in: int, lmax: int) -> list[tuple[int, int, int]]:
    """Triples (l1 <= lmax_in, l2 <= lmax, l3 <= lmax) that couple and keep the parity of harmonics.

    Triangle rule and l1 + l2 + l3 even, ordered by l3.
    """
    return [
        (l1, l2, l3)
        for l3 in range(lmax + 1)
        for l1 in range(lmax_in + 1)
        for l2 in range(lmax + 1)
        if abs(l1 - l2) <= l3 <= l1 + l2 and (l1 + l2 + l3) % 2 == 0
    ]


@functools.cache
def coupling_matrix(lmax_in: int, lmax: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Clebsch-Gordan coefficients of all paths.

    Rows are (path, m3) in the order of ``coupling_paths``, columns (l2 m2, l1 m1); entries are
    sqrt(2 l3 + 1) times the Wigner 3j symbols in e3nn's real basis. Kept apart from the weights, so
    that a network that is converted to float64 gets coefficients exact to float64.

    Returns:
        Matrix of shape (sum over paths of 2 l3 + 1, (l2 m2, l1 m1): (lmax + 1)^2 (lmax_in + 1)^2).
    """
    rows = []
    # the cache outlives an inference_mode block, whose tensors could not be used in training later
    with torch.inference_mode(False), torch.no_grad():
        for l1, l2, l3 in coupling_paths(lmax_in, lmax):
            block = torch.zeros(2 * l3 + 1, (lmax + 1) ** 2, (lmax_in + 1) ** 2).double()
            symbols = o3.wigner_3j(l1, l2, l3, dtype=torch.float64)
            block[:, degree_slice(l2), degree_slice(l1)] = symbols.permute(2, 1, 0)
            rows.append(math.sqrt(2 * l3 + 1) * block.flatten(1))
        return torch.cat(rows).to(dtype=dtype, device=device)
