"""Distances between two sets of images by their features: the arithmetic of FID, KID and IS, in float64."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

_CHUNK = 2048
_MAX_PEOPLE = 4096


def frechet_distance(first: Float[Tensor, "first dim"], second: Float[Tensor, "second dim"]) -> float:
    """Give |m - n|^2 + tr(S + T - 2 (S T)^(1/2)) of two sets' means m, n and unbiased covariances S, T.

    Of Inception's features it is FID (Heusel et al. 2017, arXiv 1706.08500, eq. 6). tr (S T)^(1/2) is taken as the sum
    of the singular values of A B^T, where S = A^T A and T = B^T B: it exists whatever the ranks, so sets smaller than
    ``dim`` need nothing added to their covariances. Lower is better. The value is too high by about c / n where sets
    have n members: compare values of equal n alone, and see :func:`frechet_distances`.

    NaN where a set has fewer than two members.
    """
    if min(len(first), len(second)) < 2:
        return float("nan")
    (mean, root), (other_mean, other_root) = _moments(first), _moments(second)
    overlap = torch.linalg.svdvals(root @ other_root.T).sum()
    distance = (mean - other_mean).square().sum() + root.square().sum() + other_root.square().sum() - 2 * overlap
    return max(float(distance), 0.0)


def _moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """Give the mean and a factor A of the covariance A^T A, of no more rows than columns."""
    features = features.double()
    mean = features.mean(dim=0)
    root = (features - mean) / math.sqrt(len(features) - 1)
    return mean, torch.linalg.qr(root, mode="r").R if len(root) > root.shape[1] else root


@dataclass(frozen=True)
class FrechetDistances:
    """A Fréchet distance with what is needed to judge it.

    Attributes:
        whole: Of the whole sets.
        extrapolated: For sets of infinite size: twice the whole one less the mean of two of half the size, as its bias
            goes with 1 / n (Chong and Forsyth 2020, arXiv 1911.07023).
        floor: Of two halves of the real set: what no generator needs to get below at half the size.
    """

    whole: float
    extrapolated: float
    floor: float


def frechet_distances(
    generated: Float[Tensor, "first dim"], real: Float[Tensor, "second dim"], *, seed: int = 0
) -> FrechetDistances:
    """Give the distance, its extrapolation and its floor; NaN where halves have fewer than two members."""
    generator = torch.Generator().manual_seed(seed)
    halves = [
        torch.tensor_split(values[torch.randperm(len(values), generator=generator)], 2) for values in (generated, real)
    ]
    whole = frechet_distance(generated, real)
    parts = [frechet_distance(one, other) for one, other in zip(*halves, strict=True)]
    return FrechetDistances(whole, 2 * whole - sum(parts) / 2, frechet_distance(*halves[1]))


@dataclass(frozen=True)
class KernelDistance:
    """A kernel distance with an interval.

    Attributes:
        value: Over all pairs.
        low: Lower end of the interval; NaN with fewer than three people.
        high: Its upper end.
    """

    value: float
    low: float
    high: float


def kernel_distance(
    first: Float[Tensor, "first dim"],
    second: Float[Tensor, "second dim"],
    *,
    first_subjects: Sequence[str] | None = None,
    second_subjects: Sequence[str] | None = None,
    level: float = 0.95,
) -> KernelDistance:
    """Give the squared maximum mean discrepancy with the kernel (x.y / dim + 1)^3, over all pairs.

    Of Inception's features it is KID (Binkowski et al. 2018, arXiv 1801.01401, sections 3 and 4): without bias,
    whatever the number of images, and so below 0 now and then. Lower is better. The interval is the normal one of a
    jackknife that leaves out one person at a time, from both sets: resampling with replacement would put the same
    frame into a set twice, which the kernel sees as likeness. Without subjects, frames are left out.

    NaN where a set has fewer than two members.
    """
    first, second = first.double(), second.double()
    count, other_count = len(first), len(second)
    if min(count, other_count) < 2:
        return KernelDistance(float("nan"), float("nan"), float("nan"))
    people, places = _places(first_subjects, count, second_subjects, other_count)
    within, other_within = _sums_within(first, places[0], people), _sums_within(second, places[1], people)
    across = _sums_across(first, second, *places, people)
    sizes, other_sizes = (torch.bincount(place, minlength=people).double() for place in places)

    def distance(sums: Tensor, other_sums: Tensor, cross: Tensor, size: Tensor, other_size: Tensor) -> Tensor:
        return (
            sums / (size * (size - 1)) + other_sums / (other_size * (other_size - 1)) - 2 * cross / (size * other_size)
        )

    value = distance(within.sum(), other_within.sum(), across.sum(), sizes.sum(), other_sizes.sum())
    without = distance(
        _without(within), _without(other_within), _without(across), count - sizes, other_count - other_sizes
    )
    if people < 3 or not without.isfinite().all():
        return KernelDistance(float(value), float("nan"), float("nan"))
    spread = ((people - 1) / people * (without - without.mean()).square().sum()).sqrt()
    reach = spread * torch.special.ndtri(torch.tensor((1 + level) / 2, dtype=torch.double))
    return KernelDistance(float(value), float(value - reach), float(value + reach))


def kernel_distance_of_subsets(
    first: Float[Tensor, "first dim"],
    second: Float[Tensor, "second dim"],
    *,
    num_subsets: int = 100,
    subset_size: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Give mean and deviation of the kernel distance over random subsets, as KID is often printed.

    Subsets of sets that are smaller than ``subset_size`` have half the smaller set's size: larger ones would all be
    nearly the same.
    """
    smaller = min(len(first), len(second))
    size = subset_size if smaller > subset_size else max(smaller // 2, 2)
    if smaller < 2:
        return float("nan"), float("nan")
    generator = torch.Generator().manual_seed(seed)
    first, second = first.double(), second.double()
    chosen, others = torch.zeros(num_subsets, len(first)).double(), torch.zeros(num_subsets, len(second)).double()
    for row, other in zip(chosen, others, strict=True):
        row[torch.randperm(len(first), generator=generator)[:size]] = 1
        other[torch.randperm(len(second), generator=generator)[:size]] = 1
    within = _sums_of_subsets(first, first, chosen, chosen) - chosen @ _kernel_of_self(first)
    within += _sums_of_subsets(second, second, others, others) - others @ _kernel_of_self(second)
    found = within / (size * (size - 1)) - 2 * _sums_of_subsets(first, second, chosen, others) / size**2
    return float(found.mean()), float(found.std(correction=0))


def inception_score(
    logits: Float[Tensor, "batch label"], *, num_splits: int = 10, seed: int = 0
) -> tuple[float, float]:
    """Give mean and deviation over splits of exp(mean KL(p(y|x) || p(y))) (Salimans et al. 2016, arXiv 1606.03498).

    At least 1, at most the number of labels; higher is better. It looks at generated images alone, and says little of
    faces, which hardly differ in ImageNet's classes. Splits are of a seeded shuffle, and no more than images.
    """
    generator = torch.Generator().manual_seed(seed)
    shuffled = logits[torch.randperm(len(logits), generator=generator)].double()
    scores = []
    for part in torch.tensor_split(shuffled, min(num_splits, len(shuffled))):
        logs = part.log_softmax(dim=1)
        overall = logs.exp().mean(dim=0, keepdim=True)
        scores.append((logs.exp() * logs - torch.special.xlogy(logs.exp(), overall)).sum(dim=1).mean().exp())
    found = torch.stack(scores)
    return float(found.mean()), float(found.std(correction=0))


def _kernel(first: Tensor, second: Tensor) -> Tensor:
    return (first @ second.T / first.shape[1] + 1) ** 3


def _kernel_of_self(values: Tensor) -> Tensor:
    return (values.square().sum(dim=1) / values.shape[1] + 1) ** 3


def _places(
    first: Sequence[str] | None, count: int, second: Sequence[str] | None, other_count: int
) -> tuple[int, tuple[Tensor, Tensor]]:
    """Number the people of both sets; without names, members at the same place count as one, so pairs stay together."""
    names = [str(n % _MAX_PEOPLE) for n in range(count)] if first is None else first
    others = [str(n % _MAX_PEOPLE) for n in range(other_count)] if second is None else second
    people = {name: place for place, name in enumerate(dict.fromkeys([*names, *others]))}
    return len(people), (
        torch.tensor([people[name] for name in names]),
        torch.tensor([people[name] for name in others]),
    )


def _sums_across(first: Tensor, second: Tensor, place: Tensor, other_place: Tensor, people: int) -> Tensor:
    """Sum the kernel over pairs of a member of one set and one of the other, for each pair of people."""
    sums = torch.zeros(people, people, dtype=torch.double)
    for start in range(0, len(first), _CHUNK):
        rows = slice(start, start + _CHUNK)
        found = torch.zeros(len(first[rows]), people, dtype=torch.double)
        found.index_add_(1, other_place, _kernel(first[rows], second))
        sums.index_add_(0, place[rows], found)
    return sums


def _sums_of_subsets(first: Tensor, second: Tensor, chosen: Tensor, others: Tensor) -> Tensor:
    """Sum the kernel over pairs of chosen members of either set, for each subset."""
    sums = torch.zeros(len(chosen), dtype=torch.double)
    for start in range(0, len(first), _CHUNK):
        rows = slice(start, start + _CHUNK)
        sums += (chosen[:, rows] @ _kernel(first[rows], second) * others).sum(dim=1)
    return sums


def _sums_within(values: Tensor, place: Tensor, people: int) -> Tensor:
    """Sum the kernel over pairs of two members of a set, for each pair of people."""
    sums = _sums_across(values, values, place, place, people)
    own = torch.zeros(people, dtype=torch.double).index_add_(0, place, _kernel_of_self(values))
    return sums - own.diag()


def _without(sums: Tensor) -> Tensor:
    """Give the total of all sums but those with a person, for each person."""
    return sums.sum() - sums.sum(dim=0) - sums.sum(dim=1) + sums.diagonal()
