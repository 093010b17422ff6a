"""The sum over neighbors, where most of the run time goes, computed for a few atoms at a time.

As plain tensor algebra it moves arrays through memory that are a hundred times larger than the
features. Here a block of atoms is gathered, multiplied and weighted while it is in the cache, and
the backward pass recomputes it.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from .spherical_harmonics import degree_of_component, degree_slice

CPU_BLOCK_BYTES = 1 << 20
"""Gathered features of a block of atoms, for each thread; a block should stay in the cache."""
GPU_BLOCK_BYTES = 1 << 28
"""The same on a GPU, where a block should fill the device but not its memory."""


def neighbor_sum(
    source_feats: Tensor,
    sources: Tensor,
    counts: list[int],
    radial: Tensor,
    edge_sh: Tensor,
    radial_weight: Tensor,
) -> Tensor:
    """Sum over neighbors of radial function times harmonics times features.

        B_i[l2 m2, l1 m1, c] = sum_(j k) W[k, l2, l1, c] phi_k(d_ij) Y[l2 m2](r_ij) h_j[l1 m1, c]

    It can be differentiated once; the gradient of phi at padding is arbitrary. Under
    ``torch.autocast`` the products of the forward pass, and they alone, are rounded to its type.

    Args:
        source_feats: h of all atoms, shape (n_atoms, (lmax_in + 1)^2, channels).
        sources: neighbors of every updated atom, shape (n_targets, n_slots); any atom at padding.
        counts: number of neighbors of every updated atom; an atom's slots beyond it are padding.
        radial: phi, zero at padding, shape (n_targets, n_slots, rank).
        edge_sh: Y, shape (n_targets, n_slots, (lmax + 1)^2).
        radial_weight: W, shape (rank, lmax + 1, lmax_in + 1, channels).

    Returns:
        B, shape (n_targets, (lmax + 1)^2, (lmax_in + 1)^2, channels).
    """
    device, dtype = source_feats.device.type, radial_weight.dtype
    rounded = torch.is_autocast_enabled(device)
    product_dtype = torch.get_autocast_dtype(device) if rounded else dtype
    floats = (x.to(dtype) for x in (source_feats, radial, edge_sh))
    with torch.autocast(device, enabled=False):
        total: Tensor = _NeighborSum.apply(*floats, radial_weight, sources, counts, product_dtype)
    return total


def blocks_of_atoms(counts: list[int], slot_bytes: int, device: str) -> list[tuple[slice, int]]:
    """Cut the updated atoms into blocks whose gathered neighbors have about the same size.

    Args:
        counts: number of neighbors of every atom.
        slot_bytes: size of one neighbor's features, bytes.
        device: type of device.

    Returns:
        Atoms of every block and its largest number of neighbors.
    """
    threads = torch.get_num_threads()
    budget = CPU_BLOCK_BYTES * threads if device == "cpu" else GPU_BLOCK_BYTES
    blocks, start, widest = [], 0, 0
    for atom, count in enumerate(counts):
        wider = max(widest, count)
        if atom > start and (atom + 1 - start) * wider * slot_bytes > budget:
            blocks.append((slice(start, atom), widest))
            start, wider = atom, count
        widest = wider
    if counts:
        blocks.append((slice(start, len(counts)), widest))
    return blocks


def _by_component(radial_weight: Tensor) -> Tensor:
    """Weights repeated for every component: (rank, (lmax + 1)^2, (lmax_in + 1)^2 channels)."""
    _, n_degrees, n_degrees_in, _ = radial_weight.shape
    rows = degree_of_component(n_degrees - 1).to(radial_weight.device)
    columns = degree_of_component(n_degrees_in - 1).to(radial_weight.device)
    return radial_weight[:, rows][:, :, columns].flatten(2)


class _NeighborSum(torch.autograd.Function):
    """Forward in the order of fewest passes over memory, backward in that of fewest operations.

    Forward: phi_k Y h is summed over the neighbors as one matrix product an atom, and weighted
    afterwards. Backward: the weights w = sum_k phi_k W[k] are worked out for every neighbor, after
    which no array has both k and the components of h.
    """

    @staticmethod
    def forward(
        ctx: Any,
        source_feats: Tensor,
        radial: Tensor,
        edge_sh: Tensor,
        radial_weight: Tensor,
        sources: Tensor,
        counts: list[int],
        product_dtype: torch.dtype,
    ) -> Tensor:
        """Return B, see ``neighbor_sum``."""
        ctx.save_for_backward(source_feats, radial, edge_sh, radial_weight, sources)
        n_targets, n_slots, rank = radial.shape
        n_sh, (_, n_feat, channels) = edge_sh.shape[2], source_feats.shape
        flat = source_feats.flatten(1).to(product_dtype)
        weight = _by_component(radial_weight)
        edge_filter = radial.transpose(1, 2).unsqueeze(2) * edge_sh.transpose(1, 2).unsqueeze(1)
        edge_filter = edge_filter.flatten(1, 2).to(product_dtype)
        total = weight.new_empty(n_targets, n_sh, n_feat * channels)
        slot_bytes = source_feats[0].numel() * source_feats.element_size()
        ctx.blocks = blocks_of_atoms(counts, slot_bytes, source_feats.device.type)
        most_atoms, most_slots = _largest(ctx.blocks)
        gathered_buffer = flat.new_empty(most_slots, flat.shape[1])
        pairs_buffer = flat.new_empty(most_atoms, rank * n_sh, flat.shape[1])
        for block, n_used in ctx.blocks:
            index, out = sources[block, :n_used].flatten(), total[block]
            gathered = torch.index_select(flat, 0, index, out=gathered_buffer[: len(index)])
            gathered = gathered.view(len(out), n_used, flat.shape[1])
            pairs = pairs_buffer[: len(out)]
            torch.bmm(edge_filter[block, :, :n_used], gathered, out=pairs)
            pairs = pairs.to(weight.dtype).view(len(out), rank, n_sh, flat.shape[1])
            torch.mul(pairs[:, 0], weight[0], out=out)
            for k in range(1, rank):
                out.addcmul_(pairs[:, k], weight[k])
        return total.view(n_targets, n_sh, n_feat, channels)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients with respect to h, phi, Y (if needed) and W."""
        source_feats, radial, edge_sh, radial_weight, sources = ctx.saved_tensors
        flat, grad = source_feats.flatten(1), grad.flatten(2)
        d_feats, d_weight = torch.zeros_like(flat), torch.zeros_like(radial_weight)
        d_radial = torch.zeros_like(radial)
        d_sh = torch.zeros_like(edge_sh) if ctx.needs_input_grad[2] else None
        work = _Workspace(source_feats, radial_weight, _largest(ctx.blocks)[1])
        for block, n_used in ctx.blocks:
            if n_used == 0:  # atoms without neighbors
                continue
            index, phi = sources[block, :n_used].flatten(), radial[block, :n_used].flatten(0, 1)
            work.load(flat, index, phi, n_used)
            part = None if d_sh is None else d_sh[block, :n_used]
            work.differentiate(edge_sh[block, :n_used], grad[block], part)
            d_feats.index_add_(0, index, work.d_gathered.flatten(2).flatten(0, 1))
            d_slot_weight = work.d_slot_weight.flatten(2).flatten(0, 1)
            d_radial[block, :n_used] = (d_slot_weight @ work.weight.T).unflatten(0, (-1, n_used))
            d_weight.view_as(work.weight).addmm_(phi.T, d_slot_weight)
        return d_feats.view_as(source_feats), d_radial, d_sh, d_weight, None, None, None


def _largest(blocks: list[tuple[slice, int]]) -> tuple[int, int]:
    """Most atoms and most slots that any block has."""
    atoms = [block.stop - block.start for block, _ in blocks]
    slots = [number * width for number, (_, width) in zip(atoms, blocks, strict=True)]
    return max(atoms, default=0), max(slots, default=0)


class _Workspace:
    """Arrays of one block of atoms in the backward pass, used again for every block.

    ``gathered`` h and its gradient ``d_gathered`` have the shape (n_block, n_slots,
    (lmax_in + 1)^2, channels), ``slot_weight`` w and ``d_slot_weight`` (n_block, n_slots, lmax + 1,
    lmax_in + 1, channels).
    """

    def __init__(self, source_feats: Tensor, radial_weight: Tensor, most_slots: int) -> None:
        """Allocate for blocks of up to ``most_slots`` slots."""
        self.lmax, self.lmax_in = radial_weight.shape[1] - 1, radial_weight.shape[2] - 1
        self.weight = radial_weight.reshape(len(radial_weight), -1)
        feats, weights = source_feats.shape[1:], radial_weight.shape[1:]
        self.buffers = [source_feats.new_empty(most_slots, *feats) for _ in range(4)]
        self.buffers += [source_feats.new_empty(most_slots, *weights) for _ in range(2)]

    def load(self, flat: Tensor, index: Tensor, phi: Tensor, n_slots: int) -> None:
        """Gather the features and work out the weights of a block's slots."""
        shape = len(index) // n_slots, n_slots
        used = [buffer[: len(index)].unflatten(0, shape) for buffer in self.buffers]
        self.gathered, self.d_gathered, self.d_pair, self.products = used[:4]
        self.slot_weight, self.d_slot_weight = used[4:]
        torch.index_select(flat, 0, index, out=self.gathered.view(len(index), -1))
        torch.mm(phi, self.weight, out=self.slot_weight.view(len(index), -1))

    def differentiate(self, edge_sh: Tensor, grad: Tensor, d_sh: Tensor | None) -> None:
        """Fill ``d_gathered``, ``d_slot_weight`` and, if it is not None, ``d_sh``.

        Args:
            edge_sh: Y, shape (n_block, n_slots, (lmax + 1)^2).
            grad: gradient of B, shape (n_block, (lmax + 1)^2, (lmax_in + 1)^2 channels).
            d_sh: room for the gradient of Y, the shape of ``edge_sh``.
        """
        for l2 in range(self.lmax + 1):
            grad_l2, sh_l2 = grad[:, degree_slice(l2)], edge_sh[:, :, degree_slice(l2)]
            torch.bmm(sh_l2, grad_l2, out=self.d_pair.flatten(2))
            for l1 in range(self.lmax_in + 1):
                part = degree_slice(l1)
                weight = self.slot_weight[:, :, l2, l1 : l1 + 1]
                d_weight = self.d_slot_weight[:, :, l2, l1]
                feats, d_pair = self.gathered[:, :, part], self.d_pair[:, :, part]
                if l2 == 0:
                    torch.mul(d_pair, weight, out=self.d_gathered[:, :, part])
                else:
                    self.d_gathered[:, :, part].addcmul_(d_pair, weight)
                products = torch.mul(d_pair, feats, out=self.products[:, :, part])
                if l1 == 0:
                    d_weight.copy_(products[:, :, 0])
                else:
                    torch.sum(products, 2, out=d_weight)
                if d_sh is not None:
                    torch.mul(feats, weight, out=products)
            if d_sh is not None:
                d_sh[:, :, degree_slice(l2)] = self.products.flatten(2) @ grad_l2.transpose(1, 2)
