"""In which order sites are revealed, and how many in each pass."""

from __future__ import annotations

import functools
import math

import torch
from jaxtyping import Int
from torch import Tensor


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


def halton_rank(
    rows: int, cols: int, *, down: Int[Tensor, " batch"], right: Int[Tensor, " batch"]
) -> Int[Tensor, "batch position"]:
    """Say when each position's turn comes, for each sample: Halton order on the grid rolled down and to the right."""
    order = torch.tensor(halton_order(rows, cols), device=down.device)
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order), device=down.device)
    row = (torch.arange(rows, device=down.device)[None] - down[:, None]) % rows
    col = (torch.arange(cols, device=down.device)[None] - right[:, None]) % cols
    return rank[(row[:, :, None] * cols + col[:, None, :]).flatten(1)]


def _radical_inverse(number: int, base: int) -> float:
    """Mirror the digits of a number at the point."""
    result, share = 0.0, 1.0
    while number:
        share /= base
        number, digit = divmod(number, base)
        result += share * digit
    return result
