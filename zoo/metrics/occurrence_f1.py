"""F1 of AU occurrence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float, Int, Num
from torch import Tensor
from torchmetrics import Metric

from zoo.facs import AUS
from zoo.shapes import Occurrence, Probability

THRESHOLD = 0.5
"""An AU counts as recognised from this probability on, as in ME-GraphAU."""


class OccurrenceF1(Metric):
    """F1 of each AU over everything seen, as AU recognition is reported (ME-GraphAU, JAA-Net). Higher is better.

    Counts are pooled over all updates and ranks before F1 is taken; labels that are unknown count nowhere.
    ``compute`` gives one value for each AU, NaN where nothing known was present or recognised; ``macro`` gives
    their mean.

    Args:
        aus: Numbers of the AUs, in the order of the ``au`` axis.
        threshold: Probability from which an AU counts as recognised.
        **options: As for every ``torchmetrics.Metric``.

    Example:
        >>> metric = OccurrenceF1(aus=[1, 2])
        >>> labels = torch.tensor([[True, False], [True, True]])
        >>> metric.update(torch.tensor([[0.9, 0.1], [0.2, 0.8]]), labels, torch.ones(2, 2, dtype=torch.bool))
        >>> metric.compute().tolist()
        [0.6666666865348816, 1.0]
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False

    counts: Tensor

    def __init__(self, *, aus: Sequence[int] = AUS, threshold: float = THRESHOLD, **options: Any) -> None:
        super().__init__(**options)
        self.aus = tuple(aus)
        self.threshold = threshold
        self.add_state("counts", torch.zeros(len(self.aus), 4, dtype=torch.long), dist_reduce_fx="sum")

    def update(self, probability: Probability, occurrence: Occurrence, known: Bool[Tensor, "batch au"]) -> None:
        """Count one batch."""
        self.counts += occurrence_counts(probability >= self.threshold, occurrence, known)

    def compute(self) -> Float[Tensor, " au"]:
        """Give F1 of each AU."""
        return f1_of_counts(self.counts)

    def macro(self) -> Float[Tensor, ""]:
        """Give the mean over the AUs that have an F1."""
        return self.compute().nanmean()

    def table(self) -> str:
        """Show F1, precision, recall, rate and number of frames of each AU."""
        with self.sync_context(dist_sync_fn=self.dist_sync_fn):
            return f1_table(self.counts, self.aus)


def occurrence_counts(
    recognised: Bool[Tensor, "batch au"], occurrence: Occurrence, known: Bool[Tensor, "batch au"]
) -> Int[Tensor, "au 4"]:
    """Count, for each AU, frames recognised rightly, recognised wrongly, missed and rightly passed over."""
    told = torch.stack(
        [recognised & occurrence, recognised & ~occurrence, ~recognised & occurrence, ~recognised & ~occurrence], dim=-1
    )
    return (told & known[..., None]).sum(dim=0)


def f1_of_counts(counts: Num[Tensor, "*sample au 4"]) -> Float[Tensor, "*sample au"]:
    """Give F1 = 2 TP / (2 TP + FP + FN), of one table of counts or of several; NaN where that is 0 / 0."""
    right, wrong, missed, _ = counts.unbind(dim=-1)
    return 2 * right / (2 * right + wrong + missed)


def f1_table(counts: Int[Tensor, "au 4"], aus: Sequence[int]) -> str:
    """Show counts as a table, one row for each AU and their means."""
    right, wrong, missed, passed = counts.cpu().double().unbind(dim=-1)
    frames = right + wrong + missed + passed
    columns = torch.stack(
        [
            f1_of_counts(counts.cpu()).double(),
            right / (right + wrong),
            right / (right + missed),
            (right + missed) / frames,
        ]
    )
    rows = ["AU      F1  precision  recall  rate  frames"]
    named = [
        *zip(aus, columns.unbind(1), frames.tolist(), strict=True),
        ("mean", columns.nanmean(dim=1), frames.mean()),
    ]
    for name, (f1, precision, recall, rate), count in named:
        rows.append(f"{name:<4} {f1:>5.3f}  {precision:>9.3f}  {recall:>6.3f}  {rate:>4.2f}  {int(count):>6}")
    return "\n".join(rows)
