"""What every discriminator offers."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from zoo.components import Component

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from zoo.shapes import Images


class Discriminator(Component):
    """Judge images, patch by patch."""

    @abstractmethod
    def forward(self, images: Images) -> Float[Tensor, "batch 1 rows cols"]:
        """Give logits, high for real; one per patch."""
