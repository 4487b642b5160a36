"""How near generated images are to what they should be, image by image: PSNR, SSIM and a perceptual distance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from zoo.images import check_unit
from zoo.metrics.frame_figures import means_of_frames
from zoo.metrics.indexed import IndexedMetric
from zoo.metrics.pair_distances import LPIPSDistance, PairDistance

_WINDOW = 11
_STABLE = (0.01**2, 0.03**2)


class PairQuality(IndexedMetric):
    """Compare each generated image with its counterpart.

    ``compute`` gives ``psnr`` in dB and ``ssim``, higher is better, and the distance under its own name, ``lpips`` for
    the default, lower is better; each as a mean over pairs with ``..._low`` and ``..._high``, an interval by resampling
    subjects; and ``num_pairs``. Against reference faces all names end in ``_to_reference``: such a figure tells how
    little an image was changed, not how good it is. Equal images have a PSNR of infinity, and make the mean so.

    Args:
        distance: The perceptual distance; None is LPIPS on AlexNet.
        against: Whether counterparts are true images (``truth``) or reference faces (``reference``).
        num_resamples: How often subjects are drawn.
        level: Share of resamples inside the intervals.
        **options: As for every ``torchmetrics.Metric``.
    """

    figures: list[Tensor]

    def __init__(
        self,
        distance: PairDistance | None = None,
        *,
        against: Literal["truth", "reference"] = "truth",
        num_resamples: int = 1000,
        level: float = 0.95,
        **options: Any,
    ) -> None:
        super().__init__({"figures": (3,)}, **options)
        if against not in ("truth", "reference"):
            message = f"PairQuality: against must be truth or reference, got {against!r}."
            raise ValueError(message)
        self.distance = distance or LPIPSDistance()
        suffix = "_to_reference" if against == "reference" else ""
        self.names = tuple(f"{name}{suffix}" for name in ("psnr", "ssim", self.distance.name))
        self.num_resamples, self.level = num_resamples, level

    def update(
        self,
        images: Float[Tensor, "batch 3 height width"],
        counterparts: Float[Tensor, "batch 3 height width"],
        *,
        index: Int[Tensor, " batch"] | Sequence[int] | None = None,
        subject: Sequence[str] | None = None,
    ) -> None:
        """Compare one batch.

        Args:
            images: Generated images in [0, 1], RGB.
            counterparts: What they are compared with, in the same order.
            index: Number of each pair.
            subject: Who each shows.

        Raises:
            ValueError: Images are outside [0, 1].
        """
        check_unit(images, "PairQuality: images")
        check_unit(counterparts, "PairQuality: counterparts")
        images, counterparts = images.float().clamp(0, 1), counterparts.float().clamp(0, 1)
        figures = [psnr(images, counterparts), ssim(images, counterparts), self.distance(images, counterparts)]
        self._keep({"figures": torch.stack(figures, dim=1)}, index=index, subject=subject)

    def compute(self) -> dict[str, Tensor]:
        """Give all figures.

        Raises:
            ValueError: Nothing was measured.
        """
        frames = self._frames()
        found = means_of_frames(frames, "figures", self.names, num_resamples=self.num_resamples, level=self.level)
        return found | {"num_pairs": torch.tensor(float(len(frames)), dtype=torch.double)}


def psnr(
    images: Float[Tensor, "batch 3 height width"], counterparts: Float[Tensor, "batch 3 height width"]
) -> Float[Tensor, " batch"]:
    """Give 10 log10(1 / mean squared error) of each pair of images in [0, 1], in dB; infinity where they are equal."""
    return -10 * (images - counterparts).square().mean(dim=(1, 2, 3)).log10()


def ssim(
    images: Float[Tensor, "batch 3 height width"], counterparts: Float[Tensor, "batch 3 height width"]
) -> Float[Tensor, " batch"]:
    """Give the structural similarity of each pair of images in [0, 1] (Wang et al. 2004, eq. 13), a mean over colours.

    Gaussian windows of 11 x 11 pixels with a deviation of 1.5, where they lie inside the image, as in the authors'
    code; libraries that pad the image differ a little, and among themselves.

    Raises:
        ValueError: Images are smaller than a window.
    """
    if min(images.shape[-2:]) < _WINDOW:
        message = f"ssim: images must have at least {_WINDOW} pixels a side, got {tuple(images.shape[-2:])}."
        raise ValueError(message)
    first, second = images.float(), counterparts.float()
    mean, other_mean, square, other_square, product = _windowed(
        torch.stack([first, second, first * first, second * second, first * second])
    )
    variances = (square - mean**2).clamp(min=0) + (other_square - other_mean**2).clamp(min=0)
    likeness = (2 * mean * other_mean + _STABLE[0]) * (2 * (product - mean * other_mean) + _STABLE[1])
    found = likeness / ((mean**2 + other_mean**2 + _STABLE[0]) * (variances + _STABLE[1]))
    return found.mean(dim=(1, 2, 3))


def _windowed(values: Float[Tensor, "kind batch 3 height width"]) -> Float[Tensor, "kind batch 3 rows cols"]:
    """Average over Gaussian windows, one axis after the other."""
    places = torch.arange(_WINDOW, dtype=values.dtype, device=values.device) - _WINDOW // 2
    weights = (-places.square() / (2 * 1.5**2)).exp()
    weights = weights / weights.sum()
    for dim in (-1, -2):
        values = values.unfold(dim, _WINDOW, 1) @ weights
    return values
