"""What every face encoder offers."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from zoo.components import Component
from zoo.shapes import Features, Images

if TYPE_CHECKING:
    from zoo.codecs.base import Codec


class FaceEncoder(Component):
    """Turn reference faces into features: the paper's appearance, structure or VAE tokens (section 4.2).

    It owns its resizing, mean and deviation. A vector for the whole face is features of length 1.

    Attributes:
        dim: Channels of the features.
    """

    dim: int

    @abstractmethod
    def forward(self, images: Images) -> Features:
        """Give the features; those of places are in raster order."""

    def connect(self, codec: Codec) -> None:
        """Take note of the codec that the whole model uses, for encoders that look through it."""
