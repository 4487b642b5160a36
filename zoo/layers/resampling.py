"""Changes of resolution: halving, doubling, and moving pixels into channels."""

from __future__ import annotations

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


class Downsample(nn.Module):
    """Halve both sides with a 3 x 3 convolution of stride 2; the sides must be even.

    Args:
        channels: Channels of the input and the output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, maps: Float[Tensor, "batch dim rows cols"]) -> Float[Tensor, "batch dim half_rows half_cols"]:
        """Halve feature maps."""
        return self.conv(maps)


class Upsample(nn.Module):
    """Double both sides: nearest neighbours, then a 3 x 3 convolution, which leaves no checkerboard.

    Args:
        channels: Channels of the input and the output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, maps: Float[Tensor, "batch dim rows cols"]) -> Float[Tensor, "batch dim twice_rows twice_cols"]:
        """Double feature maps."""
        return self.conv(functional.interpolate(maps, scale_factor=2.0, mode="nearest"))


class BlurPool(nn.Module):
    """Halve both sides after a fixed binomial blur (Zhang 2019, https://arxiv.org/abs/1904.11486).

    Without the blur a one-pixel shift of the image changes which pixels are seen at all.

    Args:
        channels: Channels of the input and the output.
    """

    kernel: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        row = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
        kernel = (row[:, None] * row[None, :]).expand(channels, 1, 4, 4).clone()
        self.register_buffer("kernel", kernel, persistent=False)

    def forward(self, maps: Float[Tensor, "batch dim rows cols"]) -> Float[Tensor, "batch dim half_rows half_cols"]:
        """Blur and halve feature maps."""
        padded = functional.pad(maps, (1, 1, 1, 1), mode="reflect")
        return functional.conv2d(padded, self.kernel.to(maps.dtype), stride=2, groups=self.kernel.shape[0])


def pixels_to_channels(
    images: Float[Tensor, "batch dim height width"], patch_size: int
) -> Float[Tensor, "batch patch_dim rows cols"]:
    """Move each square of pixels into channels; loses nothing, the inverse of :func:`channels_to_pixels`."""
    return rearrange(images, "b c (h p) (w q) -> b (c p q) h w", p=patch_size, q=patch_size)


def channels_to_pixels(
    maps: Float[Tensor, "batch patch_dim rows cols"], patch_size: int
) -> Float[Tensor, "batch dim height width"]:
    """Move channels into squares of pixels."""
    return rearrange(maps, "b (c p q) h w -> b c (h p) (w q)", p=patch_size, q=patch_size)
