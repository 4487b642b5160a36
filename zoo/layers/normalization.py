"""Normalisation of feature maps."""

from __future__ import annotations

import math

from torch import nn

_LEAST_CHANNELS = 4


def group_norm(channels: int) -> nn.GroupNorm:
    """Give a group normalisation with as many groups, up to 32, as leave four channels to each.

    Groups of one channel are instance normalisation, which erases the mean level of every channel.
    """
    groups = math.gcd(channels, 32)
    while groups > 1 and channels // groups < _LEAST_CHANNELS:
        groups //= 2
    return nn.GroupNorm(groups, channels)
