"""The only place where image value ranges are converted and checked.

Inside the zoo an image is float RGB in [-1, 1]; metrics and foreign backbones take [0, 1]; files and
viewers take uint8. Nothing else exists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from jaxtyping import Float, UInt8
    from torch import Tensor


def from_uint8(pixels: UInt8[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Turn stored pixels, 0 to 255, into floats in [-1, 1]."""
    return pixels.to(torch.float32).div_(127.5).sub_(1.0)


def to_uint8(images: Float[Tensor, "*shape"]) -> UInt8[Tensor, "*shape"]:
    """Turn images in [-1, 1] into pixels, rounding to the nearest and clamping what lies outside."""
    return images.detach().float().add(1.0).mul(127.5).round_().clamp_(0, 255).to(torch.uint8)


def to_unit(images: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Turn images in [-1, 1] into images in [0, 1]."""
    return images * 0.5 + 0.5


def from_unit(images: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Turn images in [0, 1] into images in [-1, 1]."""
    return images * 2.0 - 1.0


def check_signed(images: Float[Tensor, "*shape"], name: str = "images") -> None:
    """Raise ``ValueError`` unless all values are finite and in [-1, 1], within rounding."""
    _check(images, -1.0, 1.0, name, "from_uint8 or from_unit of zoo.images")


def check_unit(images: Float[Tensor, "*shape"], name: str = "images") -> None:
    """Raise ``ValueError`` unless all values are finite and in [0, 1], within rounding."""
    _check(images, 0.0, 1.0, name, "to_unit of zoo.images")


def _check(images: Tensor, low: float, high: float, name: str, cure: str) -> None:
    if images.numel() == 0:
        return
    smallest, largest = (float(value) for value in images.detach().aminmax())
    tolerance = 1e-3
    if not (low - tolerance <= smallest and largest <= high + tolerance):  # NaN fails too
        message = (
            f"{name} must be finite and in [{low:g}, {high:g}], got values from {smallest:g} to {largest:g}. "
            f"Convert with {cure}."
        )
        raise ValueError(message)
