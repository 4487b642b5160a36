"""How far reconstructed pixels are from the original ones."""

from __future__ import annotations

from typing import Literal

from zoo.losses.base import ImageLoss
from zoo.shapes import Images, Scalar


class ReconstructionLoss(ImageLoss):
    """Compare pixels: equation 1 of the paper, the mean absolute difference.

    Args:
        weight: What the loss is multiplied by in the total.
        power: 1 for the mean absolute difference, as the paper has it; 2 for the mean squared one.
    """

    def __init__(self, *, weight: float = 1.0, power: Literal[1, 2] = 1) -> None:
        super().__init__()
        if power not in {1, 2}:
            message = f"ReconstructionLoss: power must be 1 or 2, got {power!r}. The paper's is 1."
            raise ValueError(message)
        self.weight = weight
        self.power = power

    def forward(self, reconstructions: Images, images: Images) -> Scalar:
        """Give the unweighted loss."""
        difference = reconstructions.float() - images.detach().float()
        return (difference.abs() if self.power == 1 else difference.square()).mean()
