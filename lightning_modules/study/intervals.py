"""Means over seeds, with intervals that say how far another few seeds could move them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

LEVEL = 0.95
_BISECTIONS = 60


@dataclass(frozen=True)
class Estimate:
    """A figure and what is known of its error.

    Attributes:
        mean: Over seeds.
        num_seeds: How many.
        low: Lower end of the 95 % interval; None where there is none.
        high: Upper end.
        over: What the interval is over: ``seeds``, or ``subjects`` of the test set where there is one seed only.
    """

    mean: float
    num_seeds: int
    low: float | None = None
    high: float | None = None
    over: Literal["seeds", "subjects"] | None = None


def estimate(values: Sequence[float], intervals: Sequence[tuple[float, float] | None] = ()) -> Estimate | None:
    """Give the mean over seeds, with Student's interval; that over subjects where there is one seed; None of nothing.

    Args:
        values: One of each seed.
        intervals: Each one's own, over subjects.

    Example:
        >>> round(estimate([1.0, 2.0, 3.0]).high, 2)
        4.48
    """
    count = len(values)
    if count == 0:
        return None
    mean = math.fsum(values) / count
    if count == 1:
        own = intervals[0] if intervals else None
        return Estimate(mean, 1, *own, over="subjects") if own else Estimate(mean, 1)
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (count - 1))
    reach = student_quantile(0.5 + LEVEL / 2, count - 1) * spread / math.sqrt(count)
    return Estimate(mean, count, mean - reach, mean + reach, over="seeds")


def student_quantile(probability: float, degrees: int) -> float:
    """Give the quantile of Student's distribution, for probabilities from 0.5 on.

    Example:
        >>> round(student_quantile(0.975, 2), 3)
        4.303
    """
    low, high = 0.0, 1.0
    while student_probability(high, degrees) < probability:
        high *= 2
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if student_probability(middle, degrees) < probability else (low, middle)
    return (low + high) / 2


def student_probability(value: float, degrees: int) -> float:
    """Give the probability that Student's variable is at most ``value``, which is 0 or above.

    Abramowitz and Stegun 1964, 26.7.3 and 26.7.4: a finite sum for whole degrees of freedom.
    """
    angle = math.atan(value / math.sqrt(degrees))
    term = math.cos(angle) if degrees % 2 else 1.0
    total = 0.0
    for each in range(1 + degrees % 2, degrees, 2):  # 1, 3, 5 ... or 2, 4, 6 ... in the denominators
        total += term
        term *= each / (each + 1) * math.cos(angle) ** 2
    inside = math.sin(angle) * total
    if degrees % 2:
        inside = 2 / math.pi * (angle + (inside if degrees > 1 else 0.0))
    return 0.5 + inside / 2
