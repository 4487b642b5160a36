"""The lowest frequencies of squares of pixels, a good linear code of images before anything is learned."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

_OPPONENT_COLOURS = ((1.0, 1.0, 1.0), (1.0, 0.0, -1.0), (1.0, -2.0, 1.0))
_COLOUR_COST = 12.0
"""By how much a frequency of colour comes later than one of lightness: eyes, and so codes, resolve it less."""


def low_frequencies(side: int, count: int) -> Float[Tensor, "{count} patch_dim"]:
    """Give orthonormal vectors over the pixels of a square, from the smoothest on.

    Products of cosines (Ahmed, Natarajan and Rao 1974) of lightness and of two opponent colours, ordered as channels,
    rows, columns like :func:`zoo.layers.resampling.pixels_to_channels` has them.

    Args:
        side: Pixels along each side of the square.
        count: How many; 3 side^2 are all.
    """
    pixels, frequencies = torch.arange(side) + 0.5, torch.arange(side)
    waves = torch.cos(math.pi / side * frequencies[:, None] * pixels)
    waves = waves / waves.norm(dim=1, keepdim=True)
    colours = torch.tensor(_OPPONENT_COLOURS)
    colours = colours / colours.norm(dim=1, keepdim=True)
    vectors = torch.einsum("kc,ih,jw->kijchw", colours, waves, waves).reshape(-1, 3 * side**2)
    squares = frequencies[:, None] ** 2 + frequencies**2
    costs = (squares + 0.5) * torch.tensor([1.0, _COLOUR_COST, _COLOUR_COST])[:, None, None]
    return vectors[costs.flatten().argsort(stable=True)[:count]]
