"""Intensities of AUs in pictures, read from a recogniser that gives probabilities alone.

A curve for each AU says which intensity other people's true images have where the recogniser says as much: half of the
people calibrate it for the other half, so that nobody is measured by a curve that their own faces made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from zoo.metrics.intensity_agreement import icc_of_sums, intensity_sums, mae_of_sums
from zoo.metrics.intensity_calibration import IntensityCalibration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

PRESENCE_ALONE = "presence alone"
"""The row of who knows which AUs act, and not how strongly."""


class Intensities:
    """Measure intensities in pictures of a set, against those that were asked for.

    Args:
        probability: What the recogniser says of the true images.
        asked: Intensities of these, 0 where an AU is absent, NaN where unknown; see :func:`asked_intensity`.
        subjects: Who each frame shows; two people at least.
    """

    def __init__(self, probability: Tensor, *, asked: Tensor, subjects: Sequence[str]) -> None:
        people = {name: place for place, name in enumerate(dict.fromkeys(subjects))}
        half = torch.tensor([people[name] % 2 for name in subjects])
        self.asked = asked
        self._halves = [half == which for which in (0, 1)]
        self._curves = [IntensityCalibration.fit(probability[~rows], asked[~rows]) for rows in self._halves]

    def contributions(self, probability: Tensor, *, asked: Tensor | None = None) -> dict[str, Tensor]:
        """Give what each frame adds to the figures, given what the recogniser says of its picture.

        Args:
            probability: Of each AU.
            asked: What the picture is held against; by default what it was asked for.
        """
        against = self.asked if asked is None else asked
        measured = torch.zeros_like(against)
        for rows, curve in zip(self._halves, self._curves, strict=True):
            measured[rows] = curve(probability[rows])
        # an AU that nobody could calibrate counts nowhere
        return _figures(measured, torch.where(measured.isnan(), torch.nan, against))

    def presence_alone(self) -> dict[str, Tensor]:
        """Give the same for AUs that are all as strong as they are on average on other people, where they are."""
        present = self.asked > 0
        means = [torch.where(present & ~rows[:, None], self.asked, torch.nan).nanmean(0) for rows in self._halves]
        measured = torch.zeros_like(self.asked)
        for rows, mean in zip(self._halves, means, strict=True):
            measured[rows] = torch.where(present[rows], mean, 0.0)
        return _figures(measured, torch.where(measured.isnan(), torch.nan, self.asked))


def asked_intensity(occurrence: Tensor, *, known: Tensor, intensity: Tensor) -> Tensor:
    """Give the intensity of AUs that act, 0 for those that don't, NaN where one of both isn't known."""
    return torch.where(known & ~intensity.isnan(), torch.where(occurrence, intensity, 0.0), torch.nan)


def missing(asked: Tensor, *, has_truth: bool, subjects: Sequence[str]) -> str | None:
    """Say why there are no intensities to measure; None where there are."""
    if not has_truth:
        return "there are no true images"
    if not bool((asked > 0).any()):
        return "the data knows none"
    return None if len(set(subjects)) > 1 else "there is one person alone"


def macro_icc(sums: Tensor) -> Tensor:
    """Give the mean of ICC(3,1) over the AUs that have one."""
    return icc_of_sums(sums).nanmean(-1)


def macro_mae(sums: Tensor) -> Tensor:
    """Give the mean over AUs of the mean absolute error."""
    return mae_of_sums(sums).nanmean(-1)


def _figures(measured: Tensor, truth: Tensor) -> dict[str, Tensor]:
    sums = intensity_sums(measured.nan_to_num(), truth)
    return {"intensity_icc": sums, "intensity_mae": sums}
