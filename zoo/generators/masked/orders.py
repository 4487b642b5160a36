"""In which order sites are revealed, and how many in each pass."""

from __future__ import annotations

import functools
import math

import torch
from jaxtyping import Int
from torch import Tensor

from zoo.generators.masked.noise import Purpose, uniform


def reveal_counts(num_sites: int, steps: int) -> list[int]:
    """Say how many sites each pass reveals: few at first, as the cosine falls; at least one, until none is left.

    Passes for which nothing is left reveal none. MaskGIT's schedule (Chang et al. 2022, section 3.3).
    """
    steps_due = min(steps, num_sites)
    left, counts = num_sites, []
    for step in range(1, steps_due + 1):
        wanted = math.floor(math.cos(math.pi / 2 * step / steps_due) * num_sites)
        # at least one in this pass, and one left for each pass to come
        target = max(steps_due - step, min(wanted, left - 1))
        counts.append(left - target)
        left = target
    return counts + [0] * (steps - steps_due)


def steps_of_levels(num_levels: int, steps: int) -> list[int]:
    """Share passes out among levels: half as many for each finer level, at least one for each."""
    spare = max(0, steps - num_levels)
    wanted = [spare * 2.0**-level / (2 - 2.0 ** (1 - num_levels)) for level in range(num_levels)]
    extra = [math.floor(each) for each in wanted]
    by_remainder = sorted(range(num_levels), key=lambda level: extra[level] - wanted[level])
    for level in by_remainder[: spare - sum(extra)]:
        extra[level] += 1
    return [1 + each for each in extra]


@functools.cache
def halton_order(rows: int, cols: int) -> tuple[int, ...]:
    """Give the cells of a grid in the order in which the Halton sequence (bases 2 and 3) first meets them.

    Spreads what is revealed together (Besnier et al. 2025, https://arxiv.org/abs/2503.17076). Goes on until every cell
    has been met.
    """
    met: dict[int, None] = {}
    number = 0
    while len(met) < rows * cols:
        number += 1
        cell = int(_radical_inverse(number, 2) * rows) * cols + int(_radical_inverse(number, 3) * cols)
        met.setdefault(cell)
    return tuple(met)


def halton_turns(seeds: Int[Tensor, " batch"], rows: int, cols: int, copies: int = 1) -> Int[Tensor, "batch site"]:
    """Say when each site's turn comes: copy after copy, in Halton order on a grid that is rolled for each sample.

    Args:
        seeds: One for each sample.
        rows: Rows of the grid.
        cols: Columns of the grid.
        copies: How often the grid stands in the sequence of sites.
    """
    device = seeds.device
    order = torch.tensor(halton_order(rows, cols), device=device)
    turns = torch.empty_like(order)
    turns[order] = torch.arange(len(order), device=device)
    down, right = ((uniform(seeds, Purpose.ROLL, axis) * size).long() for axis, size in enumerate((rows, cols)))
    row = (torch.arange(rows, device=device) - down[:, None]) % rows
    col = (torch.arange(cols, device=device) - right[:, None]) % cols
    rolled = turns[row[:, :, None] * cols + col[:, None, :]].flatten(1)
    return torch.cat([rolled + copy * len(order) for copy in range(copies)], 1)


def _radical_inverse(number: int, base: int) -> float:
    """Mirror the digits of a number at the point."""
    result, share = 0.0, 1.0
    while number:
        share /= base
        number, digit = divmod(number, base)
        result += share * digit
    return result
