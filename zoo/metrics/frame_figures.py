"""Means of figures that each frame has by itself, with intervals over people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from zoo.metrics.bootstrap import bootstrap_over_subjects
from zoo.metrics.indexed import Frames, IndexedMetric


class FrameFigures(IndexedMetric):
    """Average figures over frames, such as the cosine of identities or the drift of AUs.

    ``compute`` gives, for each name, the mean, and under ``NAME_low`` and ``NAME_high`` an interval by resampling
    subjects. A frame whose figure is NaN has none, and counts for nothing. NaN where no frame has one.

    Args:
        names: Names of the figures.
        num_resamples: How often subjects are drawn.
        level: Share of resamples inside the intervals.
        **options: As for every ``torchmetrics.Metric``.

    Example:
        >>> metric = FrameFigures(["identity"])
        >>> metric.update({"identity": torch.tensor([0.5, 1.0])}, index=[0, 1], subject=["a", "a"])
        >>> {name: float(value) for name, value in metric.compute().items()}
        {'identity': 0.75, 'identity_low': 0.75, 'identity_high': 0.75}
    """

    figures: list[Tensor]

    def __init__(self, names: Sequence[str], *, num_resamples: int = 1000, level: float = 0.95, **options: Any) -> None:
        super().__init__({"figures": (len(names),)}, **options)
        self.names = tuple(names)
        self.num_resamples, self.level = num_resamples, level

    def update(
        self,
        figures: Mapping[str, Float[Tensor, " batch"]],
        *,
        index: Int[Tensor, " batch"] | Sequence[int] | None = None,
        subject: Sequence[str] | None = None,
    ) -> None:
        """Keep one batch.

        Raises:
            ValueError: The figures are not the ones that the metric was made for.
        """
        if set(figures) != set(self.names):
            message = f"FrameFigures: figures must be {', '.join(self.names)}, got {', '.join(figures)}."
            raise ValueError(message)
        rows = torch.stack([figures[name].float() for name in self.names], dim=1)
        self._keep({"figures": rows}, index=index, subject=subject)

    def compute(self) -> dict[str, Tensor]:
        """Give means and intervals.

        Raises:
            ValueError: Nothing was measured.
        """
        frames = self._frames()
        return means_of_frames(frames, "figures", self.names, num_resamples=self.num_resamples, level=self.level)


def means_of_frames(
    frames: Frames, column: str, names: Sequence[str], *, num_resamples: int = 1000, level: float = 0.95
) -> dict[str, Tensor]:
    """Give the mean of each part of a column, with its interval.

    Args:
        frames: What was measured.
        column: Which column, of rows with one figure for each name.
        names: Names of the figures.
        num_resamples: How often subjects are drawn.
        level: Share of resamples inside the intervals.
    """
    found = {}
    for name, values in zip(names, frames.columns[column].double().unbind(dim=1), strict=True):
        there = ~values.isnan()
        sums = torch.stack([values.nan_to_num(nan=0.0, posinf=torch.inf, neginf=-torch.inf), there.double()], dim=1)
        low, high = bootstrap_over_subjects(sums, frames.subjects, _ratio, num_resamples=num_resamples, level=level)
        for suffix, value in (("", float(values[there].mean())), ("_low", low), ("_high", high)):
            found[f"{name}{suffix}"] = torch.tensor(value, dtype=torch.double)
    return found


def _ratio(sums: Tensor) -> Tensor:
    return sums[:, 0] / sums[:, 1]
