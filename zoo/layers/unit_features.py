"""Distances between feature maps whose vectors are scaled to length 1, as LPIPS has them."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def unit_features(maps: Float[Tensor, "batch dim rows cols"]) -> Float[Tensor, "batch dim rows cols"]:
    """Scale each position's vector to length 1, in float32; a vector of zeros stays one, with a finite gradient."""
    maps = maps.float()
    return maps * torch.rsqrt(maps.square().sum(1, keepdim=True) + 1e-10)


def unit_distance(
    maps: Float[Tensor, "batch dim rows cols"], targets: Float[Tensor, "batch dim rows cols"]
) -> Float[Tensor, "batch dim rows cols"]:
    """Give the squared differences of the scaled vectors, channel by channel."""
    return (unit_features(maps) - unit_features(targets)).square()
