"""The critic of GANimation: how real each patch of a face is, and which AUs the face shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo.discriminators.base import Discriminator
from zoo.facs import AUS
from zoo.shapes import Images

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_CHANNELS = 2048
_SLOPE = 0.01


@dataclass(frozen=True)
class Judgement:
    """What the critic says of faces.

    Attributes:
        logits: High for real; one per patch.
        strengths: Intensities of the AUs, trained towards [0, 1] and not bounded, in the order of ``zoo.facs.AUS``.
    """

    logits: Float[Tensor, "batch 1 rows cols"]
    strengths: Float[Tensor, "batch au"]


class GANimationDiscriminator(Discriminator):
    """Judge patches and regress AUs (Pumarola et al. 2018, section 4, https://arxiv.org/abs/1807.09251).

    Nothing is normalised, as the gradient penalty of its training is on each image alone. Halvings end at a grid of
    patches, on which one convolution judges, and another, as large as the grid, regresses. Weights begin as large as
    keeps the features' size from layer to layer (He et al. 2015, https://arxiv.org/abs/1502.01852), without which
    hundreds of steps pass before the regression is better than the mean.

    Args:
        image_size: Height and width of the images in pixels.
        channels: Channels after the first halving; each further one doubles them, up to 2,048.
        num_halvings: How often the sides are halved; the paper's 6 leave 2 x 2 patches of 128 px.
    """

    def __init__(self, image_size: int = 64, *, channels: int = 64, num_halvings: int = 4) -> None:
        super().__init__()
        for name, value in (("channels", channels), ("num_halvings", num_halvings)):
            if value < 1:
                message = f"GANimationDiscriminator: {name} must be at least 1, got {value}."
                raise ValueError(message)
        if image_size < 1 or image_size % 2**num_halvings:
            message = (
                f"GANimationDiscriminator: image_size must be a multiple of {2**num_halvings} (2 to the power of "
                f"num_halvings), got {image_size}."
            )
            raise ValueError(message)
        self.image_size = image_size
        self.layers = nn.Sequential(*_layers(channels, num_halvings))
        width = _width(channels, num_halvings - 1)
        self.realness = nn.Conv2d(width, 1, 3, padding=1, bias=False)
        self.regression = nn.Conv2d(width, len(AUS), image_size // 2**num_halvings, bias=False)
        self.to(memory_format=torch.channels_last)

    def judge(self, images: Images) -> Judgement:
        """Judge patches and regress AUs.

        Raises:
            ValueError: The images are of another size.
        """
        if images.shape[-2:] != (self.image_size, self.image_size):
            message = (
                f"GANimationDiscriminator: images must be {self.image_size} x {self.image_size} pixels, got "
                f"{images.shape[-2]} x {images.shape[-1]}."
            )
            raise ValueError(message)
        maps = self.layers(images.contiguous(memory_format=torch.channels_last))
        return Judgement(self.realness(maps), self.regression(maps).flatten(1))

    def forward(self, images: Images) -> Float[Tensor, "batch 1 rows cols"]:
        """Give logits alone, high for real; one per patch."""
        return self.judge(images).logits


def _layers(channels: int, num_halvings: int) -> Iterator[nn.Module]:
    before = 3
    for index in range(num_halvings):
        width = _width(channels, index)
        layer = nn.Conv2d(before, width, 4, stride=2, padding=1)
        nn.init.kaiming_normal_(layer.weight, a=_SLOPE)
        yield layer
        yield nn.LeakyReLU(_SLOPE)
        before = width


def _width(channels: int, index: int) -> int:
    return min(channels * 2**index, _MOST_CHANNELS)
