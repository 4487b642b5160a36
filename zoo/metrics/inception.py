"""The Inception network that FID, KID and IS are defined on, and the way it sees images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

INPUT_SIZE = 299
FEATURE_DIM = 2048
NUM_CLASSES = 1008


class _Convolution(NamedTuple):
    """A convolution of a branch: its published name, channels that come out, kernel and stride."""

    name: str
    channels: int
    kernel: tuple[int, int] = (1, 1)
    stride: int = 1


class _Pool(NamedTuple):
    """Pooling over 3 x 3 positions."""

    kind: str
    stride: int = 1


_Step = _Convolution | _Pool | tuple[_Convolution, _Convolution]
_Branches = tuple[tuple[_Step, ...], ...]

_STEM = (
    ("Conv2d_1a_3x3", 3, 32, 3, 2, 0),
    ("Conv2d_2a_3x3", 32, 32, 3, 1, 0),
    ("Conv2d_2b_3x3", 32, 64, 3, 1, 1),
    ("Conv2d_3b_1x1", 64, 80, 1, 1, 0),
    ("Conv2d_4a_3x3", 80, 192, 3, 1, 0),
)
"""Name, channels that go in and come out, kernel, stride, padding; maxima are pooled behind the third and fifth."""


def _fine(pooled: int) -> _Branches:
    """Name the branches at 35 x 35 positions."""
    double = (_Convolution("branch3x3dbl_1", 64), *(_Convolution(f"branch3x3dbl_{n}", 96, (3, 3)) for n in (2, 3)))
    return (
        (_Convolution("branch1x1", 64),),
        (_Convolution("branch5x5_1", 48), _Convolution("branch5x5_2", 64, (5, 5))),
        double,
        (_Pool("average"), _Convolution("branch_pool", pooled)),
    )


def _middle(inner: int) -> _Branches:
    """Name the branches at 17 x 17 positions."""
    across, down = (1, 7), (7, 1)
    return (
        (_Convolution("branch1x1", 192),),
        (
            _Convolution("branch7x7_1", inner),
            _Convolution("branch7x7_2", inner, across),
            _Convolution("branch7x7_3", 192, down),
        ),
        (
            _Convolution("branch7x7dbl_1", inner),
            _Convolution("branch7x7dbl_2", inner, down),
            _Convolution("branch7x7dbl_3", inner, across),
            _Convolution("branch7x7dbl_4", inner, down),
            _Convolution("branch7x7dbl_5", 192, across),
        ),
        (_Pool("average"), _Convolution("branch_pool", 192)),
    )


def _coarse(pooling: str) -> _Branches:
    """Name the branches at 8 x 8 positions; two of them fork."""

    def fork(name: str, first: str, second: str) -> tuple[_Convolution, _Convolution]:
        return _Convolution(f"{name}_{first}", 384, (1, 3)), _Convolution(f"{name}_{second}", 384, (3, 1))

    return (
        (_Convolution("branch1x1", 320),),
        (_Convolution("branch3x3_1", 384), fork("branch3x3", "2a", "2b")),
        (
            _Convolution("branch3x3dbl_1", 448),
            _Convolution("branch3x3dbl_2", 384, (3, 3)),
            fork("branch3x3dbl", "3a", "3b"),
        ),
        (_Pool(pooling), _Convolution("branch_pool", 192)),
    )


_TO_MIDDLE: _Branches = (
    (_Convolution("branch3x3", 384, (3, 3), 2),),
    (
        _Convolution("branch3x3dbl_1", 64),
        _Convolution("branch3x3dbl_2", 96, (3, 3)),
        _Convolution("branch3x3dbl_3", 96, (3, 3), 2),
    ),
    (_Pool("maximum", 2),),
)
_TO_COARSE: _Branches = (
    (_Convolution("branch3x3_1", 192), _Convolution("branch3x3_2", 320, (3, 3), 2)),
    (
        _Convolution("branch7x7x3_1", 192),
        _Convolution("branch7x7x3_2", 192, (1, 7)),
        _Convolution("branch7x7x3_3", 192, (7, 1)),
        _Convolution("branch7x7x3_4", 192, (3, 3), 2),
    ),
    (_Pool("maximum", 2),),
)
_BLOCKS: tuple[tuple[str, _Branches], ...] = (
    ("Mixed_5b", _fine(32)),
    ("Mixed_5c", _fine(64)),
    ("Mixed_5d", _fine(64)),
    ("Mixed_6a", _TO_MIDDLE),
    ("Mixed_6b", _middle(128)),
    ("Mixed_6c", _middle(160)),
    ("Mixed_6d", _middle(160)),
    ("Mixed_6e", _middle(192)),
    ("Mixed_7a", _TO_COARSE),
    ("Mixed_7b", _coarse("average")),
    ("Mixed_7c", _coarse("maximum")),  # TensorFlow's graph of 2015 has it so, against the article
)


@dataclass(frozen=True)
class InceptionOutput:
    """What the network gives.

    Attributes:
        features: Means over positions of the last block, which FID and KID compare.
        logits: Logits of its classes without the bias, as all published Inception Scores take them.
    """

    features: Float[Tensor, "batch 2048"]
    logits: Float[Tensor, "batch 1008"]


class InceptionNetwork(nn.Module):
    """Inception v3 as TensorFlow's graph ``inception-2015-12-05`` has it (Szegedy et al. 2016, arXiv 1512.00567).

    Differs from torchvision's: averages leave padding out, the last block pools maxima, and there are 1,008 classes.
    Names of tensors are those of the file that all PyTorch implementations of FID share.
    """

    def __init__(self) -> None:
        super().__init__()
        for name, taken, given, kernel, stride, padding in _STEM:
            self.add_module(name, _NormedConvolution(taken, given, (kernel, kernel), stride, (padding, padding)))
        channels = _STEM[-1][2]
        for name, branches in _BLOCKS:
            block = _Block(channels, branches)
            self.add_module(name, block)
            channels = block.channels
        self.fc = nn.Linear(FEATURE_DIM, NUM_CLASSES)

    def forward(self, pixels: Float[Tensor, "batch 3 299 299"]) -> InceptionOutput:
        """Give features and logits of pixels from 0 to 255, RGB."""
        maps = (pixels - 128.0) / 128.0
        for place, (name, *_) in enumerate(_STEM):
            maps = getattr(self, name)(maps)
            if place in (2, 4):
                maps = functional.max_pool2d(maps, 3, stride=2)
        for name, _ in _BLOCKS:
            maps = getattr(self, name)(maps)
        features = maps.mean(dim=(2, 3))
        return InceptionOutput(features, functional.linear(features, self.fc.weight))


class _NormedConvolution(nn.Module):
    """A convolution without bias, batch norm and ReLU."""

    def __init__(self, taken: int, given: int, kernel: tuple[int, int], stride: int, padding: tuple[int, int]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(taken, given, kernel, stride=stride, padding=padding, bias=False)
        self.bn = nn.BatchNorm2d(given, eps=0.001)

    def forward(self, maps: Float[Tensor, "batch dim rows cols"]) -> Float[Tensor, "batch other newrows newcols"]:
        return functional.relu(self.bn(self.conv(maps)))


class _Block(nn.Module):
    """Branches side by side, their channels one after another."""

    def __init__(self, channels: int, branches: _Branches) -> None:
        super().__init__()
        self.branches = branches
        self.channels = 0
        for branch in branches:
            width = channels
            for step in branch:
                if isinstance(step, _Pool):
                    continue
                convolutions = [step] if isinstance(step, _Convolution) else list(step)
                for name, given, kernel, stride in convolutions:
                    rows, cols = (side // 2 for side in kernel) if stride == 1 else (0, 0)
                    self.add_module(name, _NormedConvolution(width, given, kernel, stride, (rows, cols)))
                width = sum(each.channels for each in convolutions)
            self.channels += width

    def forward(self, maps: Float[Tensor, "batch dim rows cols"]) -> Float[Tensor, "batch other newrows newcols"]:
        return torch.cat([self._along(branch, maps) for branch in self.branches], dim=1)

    def _along(self, branch: tuple[_Step, ...], maps: Tensor) -> Tensor:
        for step in branch:
            if isinstance(step, _Pool):
                maps = _pooled(maps, step)
            elif isinstance(step, _Convolution):
                maps = getattr(self, step.name)(maps)
            else:
                maps = torch.cat([getattr(self, each.name)(maps) for each in step], dim=1)
        return maps


def _pooled(maps: Tensor, pool: _Pool) -> Tensor:
    padding = 1 if pool.stride == 1 else 0
    if pool.kind == "average":
        return functional.avg_pool2d(maps, 3, stride=pool.stride, padding=padding, count_include_pad=False)
    return functional.max_pool2d(maps, 3, stride=pool.stride, padding=padding)


def resize_as_tensorflow(
    pixels: Float[Tensor, "batch 3 height width"], size: int
) -> Float[Tensor, "batch 3 rows cols"]:
    """Resize to a square, bilinearly, as TensorFlow 1 does: pixel i of the result lies at i * old / new of the old."""
    for dim in (3, 2):
        old = pixels.shape[dim]
        place = torch.arange(size, device=pixels.device, dtype=pixels.dtype) * (old / size)
        before = place.floor().long().clamp(max=old - 1)
        after = (before + 1).clamp(max=old - 1)
        share = (place - before).view(-1, 1) if dim == 2 else place - before
        low, high = pixels.index_select(dim, before), pixels.index_select(dim, after)
        pixels = low + (high - low) * share
    return pixels
