"""The input convention of networks that were trained on ImageNet."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from zoo.images import to_unit
from zoo.shapes import Images

MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)


def imagenet_input(images: Images, *, size: int | None = None) -> Float[Tensor, "batch 3 rows cols"]:
    """Turn images in [-1, 1] into ImageNet's zero mean and unit deviation, resized to a square where asked.

    Args:
        images: Images in [-1, 1], RGB.
        size: Side in pixels of the result; None keeps the images' own sides.
    """
    if size is not None and images.shape[-2:] != (size, size):
        images = functional.interpolate(
            images, size=(size, size), mode="bilinear", align_corners=False, antialias=size < max(images.shape[-2:])
        )
    mean = torch.tensor(MEAN, device=images.device, dtype=images.dtype)
    deviation = torch.tensor(DEVIATION, device=images.device, dtype=images.dtype)
    return (to_unit(images) - mean[:, None, None]) / deviation[:, None, None]
