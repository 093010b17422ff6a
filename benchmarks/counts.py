"""Operations and compulsory traffic of one training step, from the network's formulas.

Counted is the mathematics of ``XANES_E3GNN`` in the order that it is worked out: edges without
padding, only the atoms and edges that the absorbers depend on, Clebsch-Gordan coefficients that are
not zero. A multiplication and an addition are two operations. Each piece reads each of its inputs
once and writes each of its outputs once; what stays inside a piece, as the gathered features of the
neighbor sum, moves nothing. No gradient is taken with respect to positions.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from e3nn import o3
from torch_geometric.data import Data

from src import XANES_E3GNN

from .timing import fastest

FLOAT, INDEX, HIDDEN = 4, 8, 64
"""Bytes of a number and of an index; width of the radial MLPs' hidden layer."""


@dataclass(frozen=True)
class Work:
    """One piece of a step: ``part`` as in ``labels.py``, operations and bytes, there and back."""

    part: str
    name: str
    forward_operations: float
    forward_bytes: float
    backward_operations: float
    backward_bytes: float


@dataclass(frozen=True)
class Sizes:
    """Sizes of one layer: atoms read and updated, their edges, components read and written."""

    atoms: int
    targets: int
    edges: int
    a: int
    b: int


def work(
    part: str, name: str, operations: tuple[float, float], numbers: tuple[float, float]
) -> Work:
    """Piece from its operations and the numbers (4 bytes) it moves, forward and backward."""
    forward, backward = operations
    return Work(part, name, forward, FLOAT * numbers[0], backward, FLOAT * numbers[1])


def layer_sizes(model: XANES_E3GNN, data: Data) -> list[Sizes]:
    """Sizes of every layer, found by walking back from the absorbers."""
    source, target = data.edge_index
    needed = data.absorber_mask
    sizes: list[Sizes] = []
    b = (model.lmax + 1) ** 2
    for layer in reversed(range(model.num_layers)):
        used = needed[target]
        read = needed.clone()
        read[source[used]] = True
        a = 1 if layer == 0 else b
        sizes.insert(0, Sizes(int(read.sum()), int(needed.sum()), int(used.sum()), a, b))
        needed = read
    return sizes


def coupling_counts(lmax_in: int, lmax: int) -> tuple[int, int, int]:
    """Paths (l1, l2, l3), their components m3, and coefficients that are not zero."""
    paths = components = coefficients = 0
    for l1 in range(lmax_in + 1):
        for l2 in range(lmax + 1):
            for l3 in range(abs(l1 - l2), min(l1 + l2, lmax) + 1, 2):
                paths, components = paths + 1, components + 2 * l3 + 1
                coefficients += int((o3.wigner_3j(l1, l2, l3).abs() > 1e-6).sum())
    return paths, components, coefficients


def neighbor_sum(size: Sizes, lmax: int, c: int, k: int) -> Work:
    """Neighbor sum with its gather and radial weighting, see ``model/neighbor_sum.py``.

    Forward: phi_k Y, its product with h summed over neighbors, and the weighted sum over k.
    Backward: w = sum_k phi_k W, the gradient of h w at every neighbor, from it those of h and w,
    and from that of w those of phi and W.
    """
    n, e, a, b = size.targets, size.edges, size.a, size.b
    weights = (lmax + 1) * round(a**0.5) * c
    forward = e * k * b + 2.0 * e * k * a * b * c + 2.0 * n * k * a * b * c
    backward = 2.0 * e * (3 * k * weights + a * b * c + 2 * (lmax + 1) * a * c)
    inputs = size.atoms * a * c + e * (k + b + INDEX / FLOAT) + k * weights
    total = n * a * b * c
    gradients = size.atoms * a * c + e * k + k * weights
    moved = inputs + total, inputs + total + gradients
    return work("layers.propagator", "neighbor sum", (forward, backward), moved)


def messages(size: Sizes, lmax: int, c: int, k: int) -> Iterator[Work]:
    """The propagator: neighbor sum, coupling, channel mixing."""
    where, n = "layers.propagator", size.targets
    yield neighbor_sum(size, lmax, c, k)
    weighted = n * size.a * size.b * c
    paths, components, coefficients = coupling_counts(int(size.a**0.5) - 1, lmax)
    flops, coupled = 2.0 * coefficients * c * n, components * c * n
    yield work(where, "coupling", (flops, flops), (weighted + coupled,) * 2)
    flops, out, weights = 2.0 * coupled * c, n * size.b * c, paths * c * c
    back = out + 2 * coupled + 2 * weights
    yield work(where, "mixing of channels", (flops, 2 * flops), (coupled + out + weights, back))


def layer_work(size: Sizes, model: XANES_E3GNN) -> Iterator[Work]:
    """All pieces of one layer."""
    values = model.hyperparameters
    c, k, radial = values["channels"], values["radial_rank"], values["num_radial"]
    n, e, a, b = size.targets, size.edges, size.a, size.b
    mlp, weights = 2.0 * e * HIDDEN * (radial + k), HIDDEN * (radial + k)
    yield work(
        "layers.radial_mlp",
        "radial MLP",
        (mlp + 5.0 * e * HIDDEN, mlp + 2.0 * e * HIDDEN * k + 5.0 * e * HIDDEN),
        (e * (radial + 1 + k) + weights, e * (radial + 1 + k) + 2 * weights),
    )
    for name, rows in (("linear_source", size.atoms), ("linear_self", n)):
        flops, array, weights = 2.0 * rows * a * c * c, rows * a * c, round(a**0.5) * c * c
        moved = 2 * array + weights
        yield work(f"layers.{name}", name, (flops, 2 * flops), (moved, moved + array + weights))
    yield from messages(size, model.lmax, c, k)
    out, gates = n * b * c, 2.0 * n * c * c * (model.lmax + 1)
    yield work("layers.gate", "gate", (gates + 5 * out, 2 * gates + 8 * out), (2 * out, 3 * out))
    yield work("layers.norm", "norm", (5 * out, 10 * out), (2 * out, 3 * out))
    yield work("layers", "sums", (3 * out, out), (5 * out + n * a * c, 2 * out + n * a * c))


def geometry(first: Sizes, model: XANES_E3GNN, data: Data) -> Iterator[Work]:
    """Vectors, distances, harmonics, envelope and radial basis: no gradient."""
    e, n, radial = first.edges, data.num_nodes, model.hyperparameters["num_radial"]
    read = 3 * n + e * (3 + 2 * INDEX / FLOAT)
    yield work("network", "harmonics", (e * (20.0 + 4 * first.b), 0), (read + e * (first.b + 2), 0))
    yield work("radial_basis", "radial basis", (10.0 * e * radial, 0), (e * (1 + radial), 0))


def readout(last: Sizes, model: XANES_E3GNN, n_energies: int) -> Iterator[Work]:
    """Attention, readout MLP, spectral basis and loss."""
    c, size = model.hyperparameters["channels"], model.hyperparameters["num_basis"]
    n, e, b, degrees = last.targets, last.edges, last.b, model.lmax + 1
    radial = model.hyperparameters["num_radial"]
    inputs = (degrees + 1) * c
    flops = 2.0 * e * (b * c + HIDDEN * (radial + c) + inputs * c + 2 * c * c + 2 * c)
    weights = HIDDEN * (radial + c) + inputs * c + 2 * c * c
    moved = e * (b * c + radial + b + 1) + 2 * n * c + weights
    yield work("attention", "attention", (flops, 2 * flops), (moved, moved + e * b * c + weights))
    flops, weights = 8.0 * n * c * (inputs + size), 4 * c * (inputs + size)
    moved = n * (inputs + size) + weights
    yield work("readout", "readout", (flops, 2 * flops), (moved, moved + n * inputs + weights))
    basis = n_energies * size
    yield work("spectral_basis", "spectral basis", (10.0 * basis, 0), (basis, 0))
    flops, spectra = 2.0 * n * basis, n * n_energies
    moved = n * size + basis + spectra
    yield work("spectrum", "spectrum", (flops, flops), (moved, moved))
    yield work("loss", "loss", (8.0 * spectra, 8.0 * spectra), (2 * spectra, 2 * spectra))


def step_work(model: XANES_E3GNN, batch: Data, n_energies: int) -> list[Work]:
    """All pieces of a training step on one batch, those of different layers apart."""
    sizes = layer_sizes(model, batch)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return [
        *geometry(sizes[0], model, batch),
        *(piece for size in sizes for piece in layer_work(size, model)),
        *readout(sizes[-1], model, n_energies),
        # weight, gradient and both moments in; weight and both moments out
        work("optimizer", "AdamW", (12.0 * parameters, 0), (7 * parameters, 0)),
    ]


def fused_bytes(model: XANES_E3GNN, batch: Data) -> float:
    """Traffic of a step where every layer is one piece, its messages never written, bytes.

    Forward each layer reads the features, the geometry of its edges and its weights and writes
    features; backward it reads these and the gradient and writes the gradients.
    """
    c, radial = model.hyperparameters["channels"], model.hyperparameters["num_radial"]
    numbers = 0.0
    for size in layer_sizes(model, batch):
        edges = size.edges * (radial + 1 + size.b + INDEX / FLOAT)
        feats, out = size.atoms * size.a * c, size.targets * size.b * c
        numbers += 2 * edges + 3 * feats + 2 * out
    # weights: read twice, gradient written, and the optimizer's seven passes
    weights = 10 * sum(parameter.numel() for parameter in model.parameters())
    return FLOAT * (numbers + weights)


def peak_rates(seconds: float = 0.5) -> tuple[float, float]:
    """Most that the machine does now, on torch's threads.

    Returns:
        Operations a second of a float32 matrix product (2048 cubed) and bytes a second of a copy of
        256 MB, read and written; the best of as many as fit into ``seconds`` each.
    """
    left, right, product = (torch.rand(2048, 2048) for _ in range(3))
    array, copy = torch.rand(2**26), torch.rand(2**26)
    multiply = fastest(lambda: torch.mm(left, right, out=product), seconds)
    move = fastest(lambda: copy.copy_(array), seconds)
    return 2.0 * 2048**3 / multiply, 2.0 * FLOAT * 2**26 / move
