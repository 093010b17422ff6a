"""Real spherical harmonics up to l = 4, and the Clebsch-Gordan coefficients that couple them.

Degrees l = 0 to lmax follow one another, each with m = -l to l and y as the polar axis: the order
of e3nn (Geiger and Smidt, arXiv:2207.09453), which the tests compare with. Importing e3nn itself
would take longer than importing torch.
"""

import functools
import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional


def spherical_harmonics(lmax: int, vectors: Tensor) -> Tensor:
    """Real spherical harmonics Y, shape (..., (lmax + 1)^2); the mean of Y^2 over a sphere is 1.

    Args:
        lmax: highest degree, 0 to 4.
        vectors: any unit and length, shape (..., 3); a zero vector has Y = 0 for l > 0.
    """
    x, y, z = functional.normalize(vectors, dim=-1).unbind(-1)
    sh = [torch.ones_like(x), math.sqrt(3) * x, math.sqrt(3) * y, math.sqrt(3) * z]
    if lmax >= 2:
        y2, rho2 = y.pow(2), x.pow(2) + z.pow(2)
        cos2 = z.pow(2) - x.pow(2)  # rho^2 cos 2 phi, where z + i x = rho exp(i phi)
        sh += [
            math.sqrt(15) * x * z,
            math.sqrt(15) * x * y,
            math.sqrt(5) * (y2 - 0.5 * rho2),
            math.sqrt(15) * y * z,
            0.5 * math.sqrt(15) * cos2,
        ]
    if lmax >= 3:
        sin2 = 2 * x * z  # rho^2 sin 2 phi
        sin3, cos3 = sin2 * z + cos2 * x, cos2 * z - sin2 * x
        sh += [
            math.sqrt(35 / 8) * sin3,
            math.sqrt(105 / 4) * y * sin2,
            math.sqrt(21 / 8) * (4 * y2 - rho2) * x,
            math.sqrt(7 / 4) * (2 * y2 - 3 * rho2) * y,
            math.sqrt(21 / 8) * (4 * y2 - rho2) * z,
            math.sqrt(105 / 4) * y * cos2,
            math.sqrt(35 / 8) * cos3,
        ]
    if lmax >= 4:
        sh += [
            math.sqrt(315 / 64) * (sin3 * z + cos3 * x),
            math.sqrt(315 / 8) * y * sin3,
            math.sqrt(45 / 16) * (6 * y2 - rho2) * sin2,
            math.sqrt(45 / 8) * (4 * y2 - 3 * rho2) * y * x,
            3 / 8 * (8 * y2 * y2 - 24 * y2 * rho2 + 3 * rho2 * rho2),
            math.sqrt(45 / 8) * (4 * y2 - 3 * rho2) * y * z,
            math.sqrt(45 / 16) * (6 * y2 - rho2) * cos2,
            math.sqrt(315 / 8) * y * cos3,
            math.sqrt(315 / 64) * (cos3 * z - sin3 * x),
        ]
    return torch.stack(sh[: (lmax + 1) ** 2], dim=-1)


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


def wigner_3j(l1: int, l2: int, l3: int) -> Tensor:
    """Wigner 3j symbols of real harmonics, l1 + l2 + l3 even and each degree at most 4.

    Then they are Gaunt's integral of three harmonics over the sphere, divided by its norm. The
    quadrature (7 Gauss-Legendre nodes in y, 13 angles) is exact up to l1 + l2 + l3 = 12.

    Returns:
        Symbols in float64, shape (2 l1 + 1, 2 l2 + 1, 2 l3 + 1); the sum of their squares is 1.
    """
    nodes, weights = np.polynomial.legendre.leggauss(7)
    angle = 2.0 * np.pi * np.arange(13) / 13
    rho = np.sqrt(1.0 - nodes**2)[:, None]
    y = np.broadcast_to(nodes[:, None], (7, 13))
    points = torch.from_numpy(np.stack([rho * np.sin(angle), y, rho * np.cos(angle)], axis=-1))
    sh = spherical_harmonics(4, points)
    parts = (sh[..., degree_slice(degree)] for degree in (l1, l2, l3))
    symbols = torch.einsum("p,pqa,pqb,pqc->abc", torch.from_numpy(weights), *parts)
    symbols = symbols / torch.linalg.vector_norm(symbols)
    return symbols.masked_fill(symbols.abs() < 1e-12, 0.0)  # exact zeros instead of rounding error


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
            symbols = wigner_3j(l1, l2, l3)
            block[:, degree_slice(l2), degree_slice(l1)] = symbols.permute(2, 1, 0)
            rows.append(math.sqrt(2 * l3 + 1) * block.flatten(1))
        return torch.cat(rows).to(dtype=dtype, device=device)
