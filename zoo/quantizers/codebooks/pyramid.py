"""Between the full grid of cells and coarser ones, on flat vectors in the order batch, rows, cols."""

from __future__ import annotations

import torch
from einops import rearrange, reduce, repeat
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from zoo.quantizers.codebooks.base import Grid


def pool(vectors: Float[Tensor, "cell dim"], grid: Grid, stride: int) -> Float[Tensor, "square dim"]:
    """Give the mean of each square of ``stride`` by ``stride`` cells."""
    if stride == 1:
        return vectors
    batch, rows, cols = grid
    return reduce(
        vectors,
        "(b h i w j) d -> (b h w) d",
        "mean",
        b=batch,
        h=rows // stride,
        i=stride,
        w=cols // stride,
        j=stride,
    )


def spread(values: Shaped[Tensor, "square dim"], grid: Grid, stride: int) -> Shaped[Tensor, "cell dim"]:
    """Give each cell what its square has."""
    if stride == 1:
        return values
    batch, rows, cols = grid
    return repeat(values, "(b h w) d -> (b h i w j) d", b=batch, h=rows // stride, i=stride, w=cols // stride, j=stride)


def covered_cells(positions: Int[Tensor, " position"], grid: Grid, stride: int) -> Int[Tensor, "position covered"]:
    """Give the indices of the cells that each square covers."""
    cols = grid[2]
    within = torch.arange(stride, device=positions.device)
    across = cols // stride
    row = torch.div(positions, across, rounding_mode="floor")  # of all samples, one below the other
    top, left = row * stride, positions % across * stride
    cells = (top[:, None, None] + within[:, None]) * cols + left[:, None, None] + within
    return rearrange(cells, "position i j -> position (i j)")
