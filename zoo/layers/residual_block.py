"""The residual block of convolutional encoders, decoders and backbones."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from zoo.layers.normalization import group_norm


class ResidualBlock(nn.Module):
    """Add two normalised 3 x 3 convolutions to feature maps; pre-activation (He et al. 2016, fig. 4e).

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output; where they differ, a 1 x 1 convolution carries the input across.
        dropout: Share of activations dropped before the second convolution.
    """

    def __init__(self, in_channels: int, *, out_channels: int | None = None, dropout: float = 0.0) -> None:
        super().__init__()
        out_channels = in_channels if out_channels is None else out_channels
        self.norm1 = group_norm(in_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.norm2 = group_norm(out_channels)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        self.skip = nn.Identity() if in_channels == out_channels else nn.Conv2d(in_channels, out_channels, 1)
        self.activation = nn.SiLU()

    def forward(self, maps: Float[Tensor, "batch dim_in rows cols"]) -> Float[Tensor, "batch dim_out rows cols"]:
        """Transform feature maps of any size."""
        hidden = self.conv1(self.activation(self.norm1(maps)))
        hidden = self.conv2(self.dropout(self.activation(self.norm2(hidden))))
        return self.skip(maps) + hidden
