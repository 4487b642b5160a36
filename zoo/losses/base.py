"""What every loss offers."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from zoo.components import Component

if TYPE_CHECKING:
    from zoo.shapes import Images, Scalar


class Loss(Component):
    """A training loss.

    Attributes:
        weight: What the loss is multiplied by in the total; the loss itself is returned unweighted.
    """

    weight: float

    def check(self) -> None:
        """Raise if a file that the loss will need is not there; called before training, which may need it late."""


class ImageLoss(Loss):
    """Compare reconstructions with the images they should be."""

    @abstractmethod
    def forward(self, reconstructions: Images, images: Images) -> Scalar:
        """Give the unweighted loss; gradients flow to ``reconstructions`` only."""
