"""Intervals by resampling people, since frames of one person are no independent evidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def bootstrap_over_subjects(
    contributions: Float[Tensor, "frame ..."],
    subjects: Sequence[str],
    statistic: Callable[[Tensor], Tensor],
    *,
    num_resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Give the percentile interval of a statistic of sums, resampling whole subjects (Efron 1979).

    Args:
        contributions: What each frame adds to the sums that the statistic is made of, such as counts.
        subjects: Who each frame shows.
        statistic: Takes sums with a leading axis of resamples, gives one number for each.
        num_resamples: How often the subjects are drawn, with replacement.
        level: Share of resamples inside the interval.
        seed: Decides the draws.
    """
    people = {name: place for place, name in enumerate(dict.fromkeys(subjects))}
    place = torch.tensor([people[name] for name in subjects])
    shape = contributions.shape[1:]
    by_person = torch.zeros(len(people), *shape, dtype=torch.double)
    by_person.index_add_(0, place, contributions.cpu().double())
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(len(people), (num_resamples, len(people)), generator=generator)
    times = torch.zeros(num_resamples, len(people), dtype=torch.double)
    times.scatter_add_(1, drawn, torch.ones_like(drawn, dtype=torch.double))
    values = statistic((times @ by_person.flatten(1)).unflatten(1, shape) if shape else times @ by_person)
    tail = (1 - level) / 2
    low, high = torch.nanquantile(values.double(), torch.tensor([tail, 1 - tail], dtype=torch.double)).tolist()
    return low, high
