"""Attention over the positions of feature maps."""

from __future__ import annotations

from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from zoo.layers.dot_product import attend
from zoo.layers.normalization import group_norm


class SpatialAttention(nn.Module):
    """Let every position of feature maps attend to every other, and add what it finds.

    Args:
        channels: Channels of the input and the output; a multiple of ``num_heads``.
        num_heads: Attention heads.
    """

    def __init__(self, channels: int, *, num_heads: int = 1) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.norm = group_norm(channels)
        self.query_key_value = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)

    def forward(self, maps: Float[Tensor, "batch dim rows cols"]) -> Float[Tensor, "batch dim rows cols"]:
        """Transform feature maps of any size; cost grows with the square of the positions."""
        query, key, value = rearrange(
            self.query_key_value(self.norm(maps)), "b (t m d) h w -> t b m (h w) d", t=3, m=self.num_heads
        )
        found = attend(query, key, value)
        rows, cols = maps.shape[-2:]
        return maps + self.out(rearrange(found, "b m (h w) d -> b (m d) h w", h=rows, w=cols))
