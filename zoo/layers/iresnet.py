"""The residual network of the ArcFace family."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 14, 3), 100: (3, 13, 30, 3)}
IRESNET_DEPTHS = tuple(_BLOCKS)
IRESNET_SIDE = 112
"""Height and width of its input in pixels."""
IRESNET_DIM = 512


class IResNet(nn.Module):
    """Turn aligned faces of 112 px in [-1, 1] into vectors (Deng et al. 2019, https://arxiv.org/abs/1801.07698).

    Residual blocks with a normalisation before the first and after the last convolution and no activation after the
    sum (the paper's "improved" unit, section 3.1); the first convolution keeps the resolution, so that 112 px end at
    7 x 7. Parameters have the names of the published checkpoints.

    Args:
        depth: Which of the published ones.
    """

    def __init__(self, depth: int) -> None:
        super().__init__()
        if depth not in _BLOCKS:
            message = f"IResNet: depth must be one of {', '.join(map(str, _BLOCKS))}, got {depth}."
            raise ValueError(message)
        self.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.prelu = nn.PReLU(64)
        widths = (64, 64, 128, 256, 512)
        for level, count in enumerate(_BLOCKS[depth], start=1):
            blocks = [_Block(widths[level - 1], widths[level], stride=2)]
            blocks += [_Block(widths[level], widths[level], stride=1) for _ in range(count - 1)]
            self.add_module(f"layer{level}", nn.Sequential(*blocks))
        self.bn2 = nn.BatchNorm2d(512)
        self.fc = nn.Linear(512 * (IRESNET_SIDE // 16) ** 2, IRESNET_DIM)
        self.features = nn.BatchNorm1d(IRESNET_DIM)

    def forward(self, images: Tensor) -> Tensor:
        """Give the vectors, ``batch 512``."""
        hidden = self.prelu(self.bn1(self.conv1(images)))
        for level in range(1, 5):
            hidden = self.get_submodule(f"layer{level}")(hidden)
        return self.features(self.fc(torch.flatten(self.bn2(hidden), 1)))


class _Block(nn.Module):
    def __init__(self, width_in: int, width: int, *, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(width_in)
        self.conv1 = nn.Conv2d(width_in, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.prelu = nn.PReLU(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)
        self.downsample = None
        if stride != 1 or width_in != width:
            self.downsample = nn.Sequential(
                nn.Conv2d(width_in, width, 1, stride=stride, bias=False), nn.BatchNorm2d(width)
            )

    def forward(self, hidden: Tensor) -> Tensor:
        passed = hidden if self.downsample is None else self.downsample(hidden)
        inner = self.prelu(self.bn2(self.conv1(self.bn1(hidden))))
        return self.bn3(self.conv2(inner)) + passed
