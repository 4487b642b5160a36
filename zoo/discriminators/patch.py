"""The patch discriminator of pix2pix and VQGAN."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo.discriminators.base import Discriminator
from zoo.layers.normalization import group_norm
from zoo.layers.resampling import BlurPool
from zoo.shapes import Images

if TYPE_CHECKING:
    from collections.abc import Iterator


class PatchDiscriminator(Discriminator):
    """Judge overlapping patches of images (Isola et al. 2017, section 3.2.2, https://arxiv.org/abs/1611.07004).

    Differs from pix2pix in that nothing mixes the images of a batch: group normalisation or none replaces batch
    normalisation, so a logit depends on its own image alone.

    Args:
        channels: Channels after the first halving; each further one doubles them, up to eight times as many.
        num_halvings: How often the sides are halved; 3 gives patches of 70 x 70 px.
        normalization: ``group`` or ``none``, after all but the first convolution.
        blur: Whether halving blurs first (:class:`zoo.layers.resampling.BlurPool`) instead of striding.
    """

    def __init__(
        self,
        *,
        channels: int = 64,
        num_halvings: int = 3,
        normalization: Literal["group", "none"] = "group",
        blur: bool = False,
    ) -> None:
        super().__init__()
        for name, value in (("channels", channels), ("num_halvings", num_halvings)):
            if value < 1:
                message = f"PatchDiscriminator: {name} must be at least 1, got {value}."
                raise ValueError(message)
        if normalization not in {"group", "none"}:
            message = f"PatchDiscriminator: normalization must be 'group' or 'none', got {normalization!r}."
            raise ValueError(message)
        # two convolutions of 4 x 4 without stride follow the halvings and take a row and a column each
        self.least_side = 3 * 2**num_halvings
        self.layers = nn.Sequential(*_layers(channels, num_halvings, normalization == "group", blur))
        self.layers.to(memory_format=torch.channels_last)

    def forward(self, images: Images) -> Float[Tensor, "batch 1 rows cols"]:
        """Give logits, high for real; one per patch.

        Raises:
            ValueError: The images are too small to hold a patch.
        """
        height, width = images.shape[-2:]
        if min(height, width) < self.least_side:
            message = (
                f"PatchDiscriminator: sides of images must be at least {self.least_side}, got {height} x {width}. "
                "Lower num_halvings."
            )
            raise ValueError(message)
        return self.layers(images.contiguous(memory_format=torch.channels_last))


def _layers(channels: int, num_halvings: int, normalized: bool, blur: bool) -> Iterator[nn.Module]:
    """Build halvings, one more convolution, and the one that gives the logits."""
    before = 3
    for index in range(num_halvings):
        width = channels * min(2**index, 8)
        if blur:
            yield nn.Conv2d(before, width, 3, padding=1)
            yield BlurPool(width)
        else:
            yield nn.Conv2d(before, width, 4, stride=2, padding=1)
        if normalized and index > 0:
            yield group_norm(width)
        yield nn.LeakyReLU(0.2)
        before = width
    width = channels * min(2**num_halvings, 8)
    yield nn.Conv2d(before, width, 4, padding=1)
    if normalized:
        yield group_norm(width)
    yield nn.LeakyReLU(0.2)
    yield nn.Conv2d(width, 1, 4, padding=1)
