"""What every backbone offers."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from zoo.components import Component

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.shapes import Images


class Backbone(Component):
    """Turn images into feature maps, fine to coarse. It owns its own mean, deviation and resizing.

    Attributes:
        channels: Channels of each feature map, fine to coarse.
    """

    channels: tuple[int, ...]

    @abstractmethod
    def forward(self, images: Images) -> tuple[Tensor, ...]:
        """Give feature maps ``batch channels rows cols``, fine to coarse; the last one is the deepest."""
