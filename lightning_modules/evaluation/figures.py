"""Figures of a system on a part of a test set, with intervals, and differences of two systems on the same frames."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from lightning_modules.evaluation.intensities import macro_icc, macro_mae
from zoo.metrics.bootstrap import bootstrap_over_subjects

if TYPE_CHECKING:
    from torch import Tensor

    Contributions = Mapping[str, Tensor]
    """What each frame adds to the sums that a figure is made of, by the figure's name."""

NUM_RESAMPLES = 1000


def macro_f1(counts: Tensor) -> Tensor:
    """Give the mean F1 over AUs from counts (..., au, 4) of right, wrong, missed and rightly passed over."""
    return f1(counts).nanmean(-1)


def f1(counts: Tensor) -> Tensor:
    """Give 2 TP / (2 TP + FP + FN), NaN where that is 0 / 0."""
    right, wrong, missed, _ = counts.unbind(-1)
    return 2 * right / (2 * right + wrong + missed)


def ratio(sums: Tensor) -> Tensor:
    """Give sums (..., 2) of values and of their number as means."""
    return sums[..., 0] / sums[..., 1]


def relative_identity(cosines: Tensor) -> Tensor:
    """Give (s - impostor) / (same - impostor) from sums (..., 3): 1 as alike as the true face, 0 as a stranger."""
    made, same, impostor = cosines.unbind(-1)
    return (made - impostor) / (same - impostor)


@dataclass(frozen=True)
class Figure:
    """A column of the table.

    Attributes:
        caption: What the table calls it.
        statistic: From sums of contributions, with leading axes, to the figure.
        higher_is_better: None where neither is.
    """

    caption: str
    statistic: Callable[[Tensor], Tensor]
    higher_is_better: bool | None


FIGURES = {
    "aaad": Figure("AAAD", ratio, higher_is_better=True),
    "au_f1": Figure("AU F1", macro_f1, higher_is_better=True),
    "both_seen": Figure("both seen", ratio, higher_is_better=True),
    "off_target": Figure("off-target", ratio, higher_is_better=False),
    "response": Figure("response", ratio, higher_is_better=None),
    "intensity_icc": Figure("intensity ICC", macro_icc, higher_is_better=True),
    "intensity_mae": Figure("intensity MAE", macro_mae, higher_is_better=False),
    "identity": Figure("identity", relative_identity, higher_is_better=True),
    "identity_cosine": Figure("identity cosine", ratio, higher_is_better=True),
    "l1": Figure("L1", ratio, higher_is_better=False),
    "psnr": Figure("PSNR", ratio, higher_is_better=True),
    "ssim": Figure("SSIM", ratio, higher_is_better=True),
    "lpips": Figure("LPIPS", ratio, higher_is_better=False),
    "fid": Figure("FID", ratio, higher_is_better=False),
    "kid": Figure("KID", ratio, higher_is_better=False),
    "inception_score": Figure("IS", ratio, higher_is_better=True),
    "conflict_both_seen": Figure("both seen", ratio, higher_is_better=True),
    "conflict_interaction": Figure("interaction", ratio, higher_is_better=None),
    "conflict_deviation": Figure("deviation", ratio, higher_is_better=None),
    "conflict_place": Figure("place", ratio, higher_is_better=None),
    "conflict_place_error": Figure("place error", ratio, higher_is_better=False),
    "conflict_landmark_deviation": Figure("deviation of landmarks", ratio, higher_is_better=None),
    "conflict_landmark_place": Figure("place of landmarks", ratio, higher_is_better=None),
    "intensity_rank": Figure("rank correlation", ratio, higher_is_better=True),
    "intensity_violations": Figure("violations", ratio, higher_is_better=False),
    "intensity_rise": Figure("rise", ratio, higher_is_better=None),
}
"""Those that have names of their own, in the order of the columns."""


def figure_named(name: str) -> Figure:
    """Give a figure; what has no name of its own is a distance that a network measures."""
    if name in FIGURES:
        return FIGURES[name]
    is_better = None if name.endswith("_to_reference") else False
    return Figure(name.replace("_", " "), ratio, higher_is_better=is_better)


def in_order(names: Iterable[str]) -> list[str]:
    """Sort figures as columns."""
    known = list(FIGURES)
    return sorted(set(names), key=lambda name: (known.index(name) if name in known else len(known), name))


@dataclass(frozen=True)
class Measured:
    """A row of the table before its figures are computed.

    Attributes:
        name: What the table calls it.
        members: Contributions of each of its models, on the same frames; more than one where seeds differ.
        is_anchor: Whether it is no system, but what systems are read against.
    """

    name: str
    members: Sequence[Contributions]
    is_anchor: bool = False


def value_of(
    measured: Measured, figure: str, subjects: Sequence[str], mask: Tensor | None = None
) -> dict[str, Any] | None:
    """Give a figure of a row on some frames: the mean over its models, a 95 % interval, and each model's own.

    The interval is over people, drawn with replacement; with several models also over these.

    Args:
        measured: The row.
        figure: Name of the figure.
        subjects: Who each frame shows.
        mask: Which frames; all by default.

    Returns:
        ``value``, ``low``, ``high``, ``members``; None where the row has no such figure.
    """
    stacked = _stacked(measured, figure, mask)
    if stacked is None:
        return None
    statistic = figure_named(figure).statistic
    own = statistic(stacked.double().sum(0))
    combined = _over_members(statistic, len(measured.members), seed=1)
    value = float(combined(stacked.double().sum(0, keepdim=True)))
    if not math.isfinite(value):
        return None
    low, high = bootstrap_over_subjects(stacked, _chosen(subjects, mask), combined, num_resamples=NUM_RESAMPLES)
    return {"value": value, "low": low, "high": high, "members": own.tolist()}


def difference_of(
    first: Measured, second: Measured, figure: str, subjects: Sequence[str], mask: Tensor | None = None
) -> dict[str, Any] | None:
    """Give ``first`` less ``second`` in a figure, with a 95 % interval of the difference itself.

    Both are drawn on the same people each time, which cancels what is hard about these for both.

    Returns:
        ``value``, ``low``, ``high``; None where one of them has no such figure.
    """
    one, other = _stacked(first, figure, mask), _stacked(second, figure, mask)
    if one is None or other is None:
        return None
    count = one.shape[1]
    statistic = figure_named(figure).statistic
    of_first = _over_members(statistic, count, seed=1)
    of_second = _over_members(statistic, other.shape[1], seed=2)

    def difference(sums: Tensor) -> Tensor:
        return of_first(sums[:, :count]) - of_second(sums[:, count:])

    both = torch.cat([one, other], dim=1)
    value = float(difference(both.double().sum(0, keepdim=True)))
    if not math.isfinite(value):
        return None
    low, high = bootstrap_over_subjects(both, _chosen(subjects, mask), difference, num_resamples=NUM_RESAMPLES)
    return {"value": value, "low": low, "high": high}


def _stacked(measured: Measured, figure: str, mask: Tensor | None) -> Tensor | None:
    """The contributions of all models, (frame, model, ...)."""
    if any(figure not in each for each in measured.members):
        return None
    stacked = torch.stack([each[figure] for each in measured.members], dim=1)
    return stacked if mask is None else stacked[mask]


def _chosen(subjects: Sequence[str], mask: Tensor | None) -> list[str]:
    return list(subjects) if mask is None else [subjects[place] for place in torch.nonzero(mask)[:, 0].tolist()]


def _over_members(statistic: Callable[[Tensor], Tensor], count: int, *, seed: int) -> Callable[[Tensor], Tensor]:
    """The mean of a statistic over models; where there are many resamples, over models that are drawn, too."""

    def combined(sums: Tensor) -> Tensor:
        values = statistic(sums)
        if len(values) == 1 or count == 1:
            return values.mean(1)
        generator = torch.Generator().manual_seed(seed)
        return values.gather(1, torch.randint(count, values.shape, generator=generator)).mean(1)

    return combined
