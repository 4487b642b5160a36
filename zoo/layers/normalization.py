"""Normalisation of feature maps and of vectors."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

_LEAST_CHANNELS = 4


def group_norm(channels: int) -> nn.GroupNorm:
    """Give a group normalisation with as many groups, up to 32, as leave four channels to each.

    Groups of one channel are instance normalisation, which erases the mean level of every channel.
    """
    groups = math.gcd(channels, 32)
    while groups > 1 and channels // groups < _LEAST_CHANNELS:
        groups //= 2
    return nn.GroupNorm(groups, channels)


class RMSNorm(nn.Module):
    """Divide vectors by their root mean square (Zhang and Sennrich 2019, https://arxiv.org/abs/1910.07467).

    Differs from torch's in one thing: under autocast it works in the precision of the vectors, where torch's warns of
    weights in another one and takes a slow path.

    Args:
        dim: Channels.
        eps: Added to the mean square.
    """

    def __init__(self, dim: int, *, eps: float = 1e-6) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, vectors: Float[Tensor, "*axes dim"]) -> Float[Tensor, "*axes dim"]:
        """Normalise the last axis."""
        return functional.rms_norm(vectors, self.weight.shape, self.weight.to(vectors.dtype), self.eps)
