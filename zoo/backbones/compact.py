"""A small residual network for the embedded world."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from einops import repeat
from torch import Tensor, nn
from torch.nn import functional

from zoo.backbones.base import Backbone
from zoo.shapes import Images

_LEAST_DEVIATION = 0.05
"""Contrasts below this (of the range of 2) are left faint: camera noise is no wrinkle."""


class CompactBackbone(Backbone):
    """Give feature maps at 1/2, 1/4, 1/8 ... of the image's size, fast on a CPU.

    Pre-activation residual blocks (He et al. 2016, https://arxiv.org/abs/1603.05027) behind a stem that folds 2 x 2
    pixels into channels. It sees contrasts, each pixel against its surroundings (Jarrett et al. 2009, section 2.1):
    skin, light and background say nothing of muscles, and a network that sees them first learns them first. Two more
    channels tell where a pixel is, which averages over positions forget. Images of any size that the number of widths
    can halve.

    Args:
        widths: Channels of each feature map, fine to coarse; each but the first halves the resolution.
        num_blocks: Residual blocks of each feature map.
        contrast_window: Pixels of a side of the surroundings, odd; None feeds the colours themselves.
        image_size: Pixels of a side that images are resized to; None leaves them as they are.

    Example:
        >>> backbone = CompactBackbone(widths=[8, 16, 32])
        >>> [tuple(maps.shape[1:]) for maps in backbone(torch.zeros(1, 3, 64, 64))]
        [(8, 32, 32), (16, 16, 16), (32, 8, 8)]
    """

    def __init__(
        self,
        *,
        widths: Sequence[int] = (32, 64, 96),
        num_blocks: Sequence[int] = (1, 1, 1),
        contrast_window: int | None = 9,
        image_size: int | None = None,
    ) -> None:
        super().__init__()
        if len(widths) != len(num_blocks) or not widths:
            message = (
                f"CompactBackbone: num_blocks must have one number for each of the {len(widths)} widths, "
                f"got {list(num_blocks)}."
            )
            raise ValueError(message)
        if image_size is not None and (image_size < 1 or image_size % 2 ** len(widths)):
            message = (
                f"CompactBackbone: image_size must be a multiple of {2 ** len(widths)}, got {image_size}. "
                f"Each of the {len(widths)} widths halves the side."
            )
            raise ValueError(message)
        if contrast_window is not None and (contrast_window < 3 or contrast_window % 2 == 0):
            message = f"CompactBackbone: contrast_window must be odd and at least 3, got {contrast_window}."
            raise ValueError(message)
        self.channels = tuple(widths)
        self.contrast_window = contrast_window
        self.image_size = image_size
        self.stem = nn.Conv2d(3 * 4 + 2, widths[0], 3, padding=1, bias=False)
        self.descents = nn.ModuleList(
            nn.Conv2d(fine, coarse, 3, stride=2, padding=1, bias=False) for fine, coarse in pairwise(widths)
        )
        self.stages = nn.ModuleList(
            nn.Sequential(*(_ResidualBlock(width) for _ in range(count)))
            for width, count in zip(widths, num_blocks, strict=True)
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths)
        self.to(memory_format=torch.channels_last)

    def forward(self, images: Images) -> tuple[Tensor, ...]:
        """Give non-negative feature maps, fine to coarse."""
        if self.image_size is not None and images.shape[-2:] != (self.image_size, self.image_size):
            images = functional.interpolate(
                images, size=(self.image_size, self.image_size), mode="bilinear", antialias=True, align_corners=False
            )
        if self.contrast_window is not None:
            images = _contrast(images, self.contrast_window)
        folded = functional.pixel_unshuffle(images, 2)
        hidden = torch.cat([folded, _positions(folded)], dim=1).contiguous(memory_format=torch.channels_last)
        hidden = self.stem(hidden)
        maps: list[Tensor] = []
        for level, (stage, norm) in enumerate(zip(self.stages, self.norms, strict=True)):
            if level:
                hidden = self.descents[level - 1](maps[-1])
            hidden = stage(hidden)
            maps.append(functional.relu(norm(hidden)))
        return tuple(maps)


class _ResidualBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first_norm, self.second_norm = nn.BatchNorm2d(width), nn.BatchNorm2d(width)
        self.first = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)

    def forward(self, hidden: Tensor) -> Tensor:
        inner = self.first(functional.relu(self.first_norm(hidden)))
        return hidden + self.second(functional.relu(self.second_norm(inner)))


def _contrast(images: Tensor, window: int) -> Tensor:
    """Subtract the mean of each pixel's surroundings and divide by their deviation, one for all colours."""
    images = images - _blur(images, window)
    variance = _blur(images.square().mean(dim=1, keepdim=True), window)
    return images * (variance + _LEAST_DEVIATION**2).rsqrt()


def _blur(maps: Tensor, window: int) -> Tensor:
    """Average over a square, which is cut at the border."""
    for side in ((window, 1), (1, window)):
        padding = (side[0] // 2, side[1] // 2)
        maps = functional.avg_pool2d(maps, side, stride=1, padding=padding, count_include_pad=False)
    return maps


def _positions(maps: Tensor) -> Tensor:
    """Give the row and the column of each cell, from -1 to 1, as two channels."""
    batch, _, rows, cols = maps.shape
    row = torch.linspace(-1, 1, rows, dtype=maps.dtype, device=maps.device)
    col = torch.linspace(-1, 1, cols, dtype=maps.dtype, device=maps.device)
    grid = torch.stack(torch.meshgrid(row, col, indexing="ij"))
    return repeat(grid, "yx h w -> b yx h w", b=batch)
