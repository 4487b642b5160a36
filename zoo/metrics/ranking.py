"""What rankings by several raters say: points for places, and how far the raters agree."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


def midranks(values: Float[Tensor, "*batch item"]) -> Float[Tensor, "*batch item"]:
    """Rank items by their values, 1 for the smallest; equal ones share the mean of the ranks that they take up.

    Example:
        >>> midranks(torch.tensor([1.0, 1.0, 3.0, 2.0]))
        tensor([1.5000, 1.5000, 4.0000, 3.0000], dtype=torch.float64)
    """
    smaller = (values.unsqueeze(-2) < values.unsqueeze(-1)).sum(-1)
    equal = (values.unsqueeze(-2) == values.unsqueeze(-1)).sum(-1)
    return smaller.double() + (equal.double() + 1) / 2


def rank_points(ranks: Float[Tensor, "*batch item"]) -> Float[Tensor, "*batch item"]:
    """Turn ranks into the points of the AU Conflict Handling Score (AUCHS), whose mean it is.

    The first of five gets 5 points and the last 1 (section 5.5 of the paper); of n, n and 1. Ties share the points of
    their places, so that the points of a ranking always sum to n (n + 1) / 2. Higher is better.

    Args:
        ranks: 1 for the best; only their order counts.
    """
    return ranks.shape[-1] + 1 - midranks(ranks)


@dataclass(frozen=True)
class Concordance:
    """How far raters agree on the order of items.

    Attributes:
        w: Kendall's W in [0, 1]; 1 where all say the same; NaN for one rater, or where all tie everything.
        chance: What W is expected to be where raters rank at random and without ties.
        p: Probability of so large a W by chance, by Friedman's chi-square approximation, which few raters make rough.
        num_raters: How many.
    """

    w: float
    chance: float
    p: float
    num_raters: int


def concordance(ranks: Float[Tensor, "rater item"]) -> Concordance:
    """Give Kendall's coefficient of concordance W, corrected for ties (Kendall and Babington Smith 1939; Siegel 1956).

    Args:
        ranks: Of each rater; only their order counts, and ties share the mean of their ranks.
    """
    raters, items = ranks.shape
    nothing = float("nan")
    if raters < 2:
        return Concordance(nothing, nothing, nothing, raters)
    places = midranks(ranks)
    spread = (places.sum(0) - raters * (items + 1) / 2).square().sum()
    # the sum of t^3 - t over groups of t tied items, as a sum over items
    tied = (places.unsqueeze(-1) == places.unsqueeze(-2)).sum(-1).double()
    correction = raters * (tied.square() - 1).sum()
    most = raters**2 * (items**3 - items) - correction
    if most <= 0:
        return Concordance(nothing, 1 / raters, nothing, raters)
    w = float(12 * spread / most)
    chi_square = raters * (items - 1) * w
    p = torch.special.gammaincc(
        torch.tensor((items - 1) / 2, dtype=torch.double), torch.tensor(chi_square / 2, dtype=torch.double)
    )
    return Concordance(w, 1 / raters, float(p), raters)
