"""Start codebooks from the first batch."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from zoo.quantizers.codebooks.base import Grid, Vectors
from zoo.quantizers.codebooks.collectives import from_first_rank, in_own_slot, sum_over_ranks, world
from zoo.quantizers.codebooks.kmeans import kmeans
from zoo.quantizers.codebooks.nearest import nearest_codes
from zoo.quantizers.codebooks.pyramid import pool, spread
from zoo.quantizers.codebooks.random_keys import random_keys

_SAMPLES = 32_768


def start_codes(
    vectors: Vectors,
    grid: Grid,
    *,
    codes: Float[Tensor, "level code dim"],
    counts: Float[Tensor, "level code"],
    strides: tuple[int, ...],
    seed: int,
    updates: Int[Tensor, ""],
) -> bool:
    """Write the k-means centres of what each level codes over the codes, the same on all processes.

    Args:
        vectors: This process's vectors of the first batch.
        grid: Their grid.
        codes: The codebooks to start.
        counts: How many vectors each code stands for, to start too.
        strides: For each level, how many cells one code covers along each side.
        seed: Start of the random numbers.
        updates: How many updates there were.

    Returns:
        Whether all levels started; vectors that are not finite start nothing, and the next batch tries again.
    """
    residual = vectors
    for level, stride in enumerate(strides):
        pooled = pool(residual, grid, stride)
        order = random_keys(seed + 7919 * level, updates, len(pooled)).argsort()
        if not _start_level(pooled, order, codes=codes[level], counts=counts[level], seed=seed + level):
            return False
        residual = residual - spread(codes[level][nearest_codes(pooled, codes[level])], grid, stride)
    return True


def _start_level(vectors: Tensor, order: Tensor, *, codes: Tensor, counts: Tensor, seed: int) -> bool:
    # Each process sends the same number of rows, marked as valid or not, whatever it has.
    num_ranks, rank = world()
    rows = math.ceil(max(len(codes), min(4 * len(codes), _SAMPLES)) / num_ranks)
    order = order[:rows]
    message = vectors.new_zeros(rows, vectors.shape[1] + 1)
    message[: len(order), :-1] = vectors[order]
    message[: len(order), -1] = 1
    slots, num_vectors = sum_over_ranks(in_own_slot(message), vectors.new_tensor(float(len(vectors))))
    slots = slots.flatten(0, 1)
    samples = slots[slots[:, -1] == 1, :-1].contiguous()
    if len(samples) == 0 or not bool(torch.isfinite(samples).all()):
        return False
    centres, shares = codes, counts
    if rank == 0:
        centres, shares = kmeans(samples, len(codes), torch.Generator().manual_seed(seed))
        shares = shares * (num_vectors / shares.sum())
    centres, shares = from_first_rank(centres, shares)
    codes.copy_(centres)
    counts.copy_(shares)
    return True
