"""From a recogniser's probabilities to intensities, by what it says of faces whose intensities are known."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from zoo.shapes import Intensity, Probability


@dataclass(frozen=True)
class IntensityCalibration:
    """A rising curve for each AU, from probability to intensity.

    Attributes:
        curves: Probabilities, rising, and the intensity at each; None for an AU of which nothing is known.
    """

    curves: tuple[tuple[Float[Tensor, " _"], Float[Tensor, " _"]] | None, ...]

    @classmethod
    def fit(cls, probability: Probability, intensity: Intensity) -> IntensityCalibration:
        """Fit each AU's curve by isotonic regression: the rising one with the least squared error.

        Args:
            probability: What the recogniser says of some faces.
            intensity: Their known intensities; NaN where unknown.
        """
        curves: list[tuple[Tensor, Tensor] | None] = []
        for seen, truth in zip(probability.T, intensity.T, strict=True):
            known = ~truth.isnan()
            curves.append(isotonic(seen[known], truth[known]) if bool(known.any()) else None)
        return cls(tuple(curves))

    def __call__(self, probability: Probability) -> Intensity:
        """Read intensities off the curves, straight between their points; NaN for AUs without one."""
        columns = [
            torch.full_like(seen, torch.nan) if curve is None else interpolated(seen, *curve)
            for seen, curve in zip(probability.T, self.curves, strict=True)
        ]
        return torch.stack(columns, dim=1)


def isotonic(
    scores: Float[Tensor, " row"], values: Float[Tensor, " row"]
) -> tuple[Float[Tensor, " knot"], Float[Tensor, " knot"]]:
    """Give the rising function of the scores that is nearest to the values by squared error.

    Neighbours that fall are pooled into their mean until none falls (Ayer et al. 1955).

    Returns:
        The scores between which it is flat, ends of each pool, and its value there.

    Example:
        >>> isotonic(torch.tensor([0.1, 0.2, 0.3]), torch.tensor([0.0, 3.0, 1.0]))[1].tolist()
        [0.0, 2.0, 2.0]
    """
    unique, place = scores.unique(return_inverse=True)
    counts = torch.zeros(len(unique), dtype=torch.double).index_add_(0, place, torch.ones(len(scores)).double())
    sums = torch.zeros(len(unique), dtype=torch.double).index_add_(0, place, values.double())
    pools: list[list[float]] = []  # sum, number, first and last score
    for total, count, score in zip(sums.tolist(), counts.tolist(), unique.tolist(), strict=True):
        pools.append([total, count, score, score])
        while len(pools) > 1 and pools[-2][0] * pools[-1][1] >= pools[-1][0] * pools[-2][1]:
            last = pools.pop()
            pools[-1] = [pools[-1][0] + last[0], pools[-1][1] + last[1], pools[-1][2], last[3]]
    knots = [(score, total / count) for total, count, *ends in pools for score in dict.fromkeys(ends)]
    found = torch.tensor(knots, dtype=torch.double).to(scores.dtype)
    return found[:, 0].contiguous(), found[:, 1].contiguous()


def interpolated(
    at: Float[Tensor, " row"], places: Float[Tensor, " knot"], values: Float[Tensor, " knot"]
) -> Float[Tensor, " row"]:
    """Read a curve of straight pieces; beyond its ends it is flat.

    Args:
        at: Where to read.
        places: Where the curve's points are, rising.
        values: How high they are.
    """
    if len(places) == 1:
        return values.expand_as(at)
    after = torch.searchsorted(places, at.contiguous()).clamp(1, len(places) - 1)
    low, high = places[after - 1], places[after]
    share = ((at - low) / (high - low)).clamp(0, 1)
    return values[after - 1] + share * (values[after] - values[after - 1])
