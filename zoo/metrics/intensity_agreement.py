"""How well measured AU intensities agree with known ones: ICC(3,1) and mean absolute error."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from zoo.facs import AUS
from zoo.metrics.bootstrap import bootstrap_over_subjects
from zoo.metrics.indexed import IndexedMetric
from zoo.shapes import Intensity


class IntensityAgreement(IndexedMetric):
    """Agreement of intensities, as it is reported for BP4D and DISFA.

    ``compute`` gives ``icc`` (higher is better) and ``mae`` (lower is better), means over the AUs that have them, each
    with an interval by resampling subjects, ``..._low`` and ``..._high``, and each AU's own as ``icc/AU12``. Frames
    whose intensity isn't known (NaN) count nowhere.

    Args:
        aus: Numbers of the AUs, in the order of the ``au`` axis.
        num_resamples: How often subjects are drawn.
        level: Share of resamples inside the intervals.
        **options: As for every ``torchmetrics.Metric``.

    Example:
        >>> metric = IntensityAgreement(aus=[12])
        >>> metric.update(torch.tensor([[1.0], [3.0], [5.0]]), torch.tensor([[0.0], [2.0], [4.0]]))
        >>> [float(metric.compute()[name]) for name in ("icc", "mae")]
        [1.0, 1.0]
    """

    measured: list[Tensor]
    truth: list[Tensor]

    def __init__(
        self, *, aus: Sequence[int] = AUS, num_resamples: int = 1000, level: float = 0.95, **options: Any
    ) -> None:
        super().__init__({"measured": (len(aus),), "truth": (len(aus),)}, **options)
        self.aus = tuple(aus)
        self.num_resamples, self.level = num_resamples, level

    def update(
        self,
        measured: Intensity,
        truth: Intensity,
        *,
        index: Int[Tensor, " batch"] | Sequence[int] | None = None,
        subject: Sequence[str] | None = None,
    ) -> None:
        """Keep one batch of intensities, 0 to 5; NaN where the truth isn't known."""
        self._keep({"measured": measured, "truth": truth}, index=index, subject=subject)

    def compute(self) -> dict[str, Tensor]:
        """Give all figures.

        Raises:
            ValueError: Nothing was measured.
        """
        frames = self._frames()
        sums = intensity_sums(frames.columns["measured"], frames.columns["truth"])
        whole = sums.sum(dim=0)
        figures: dict[str, float] = {}
        for name, statistic in (("icc", icc_of_sums), ("mae", mae_of_sums)):
            by_au = statistic(whole)
            low, high = bootstrap_over_subjects(
                sums,
                frames.subjects,
                functools.partial(_macro, statistic),
                num_resamples=self.num_resamples,
                level=self.level,
            )
            figures |= {name: float(by_au.nanmean()), f"{name}_low": low, f"{name}_high": high}
            figures |= {f"{name}/AU{au}": float(value) for au, value in zip(self.aus, by_au, strict=True)}
        return {name: torch.tensor(value, dtype=torch.double) for name, value in figures.items()}


def icc_3_1(measured: Intensity, truth: Intensity) -> Float[Tensor, " au"]:
    """Give ICC(3,1) of each AU: consistency of one measurement with the truth, two-way mixed (Shrout and Fleiss 1979).

    (BMS - EMS) / (BMS + EMS) for two raters, where BMS is the mean square between frames and EMS the residual one; it
    equals 2 cov / (var + var), so a shift costs nothing and a wrong scale does. 1 is perfect. NaN with fewer than two
    known frames, or where neither varies; 0 where one alone doesn't.
    """
    return icc_of_sums(intensity_sums(measured, truth).sum(dim=0))


def intensity_mae(measured: Intensity, truth: Intensity) -> Float[Tensor, " au"]:
    """Give the mean absolute error of each AU over known frames; NaN where there is none."""
    return mae_of_sums(intensity_sums(measured, truth).sum(dim=0))


def intensity_sums(measured: Intensity, truth: Intensity) -> Float[Tensor, "batch au 7"]:
    """Give what each frame adds to the sums that the figures are made of, in float64."""
    known = ~truth.isnan()
    x, y = (torch.where(known, values, 0.0).double() for values in (measured, truth))
    return torch.stack([known.double(), x, y, x * x, y * y, x * y, (x - y).abs()], dim=-1)


def icc_of_sums(sums: Float[Tensor, "*resample au 7"]) -> Float[Tensor, "*resample au"]:
    """Give ICC(3,1) from sums."""
    count, x, y, xx, yy, xy, _ = sums.unbind(dim=-1)
    # n^2 times covariance and variances; below rounding, nothing varies
    shared, spread = count * xy - x * y, (count * xx - x * x) + (count * yy - y * y)
    varies = spread > 1e-9 * (count * (xx + yy))
    return torch.where(varies & (count > 1), 2 * shared / spread, torch.nan)


def mae_of_sums(sums: Float[Tensor, "*resample au 7"]) -> Float[Tensor, "*resample au"]:
    """Give the mean absolute error from sums."""
    return sums[..., 6] / sums[..., 0]


def _macro(statistic: Callable[[Tensor], Tensor], sums: Tensor) -> Tensor:
    """Give the mean over the AUs that have a figure."""
    return statistic(sums).nanmean(dim=-1)
