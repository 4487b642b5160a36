"""How well hidden tokens are guessed."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import Metric

from zoo.generators.base import GeneratorLoss

NUM_BINS = 10
"""Equal bins of the mask ratio, from 0 to 1."""


class TokenPrediction(Metric):
    """Gather the losses of a generator over everything seen.

    ``compute`` gives the cross-entropy in nats over all supervised tokens (lower is better), the share of likeliest
    tokens that are right at each level (higher is better), and the cross-entropy in each of ten bins of the mask
    ratio; NaN where nothing was seen.

    Args:
        num_levels: Levels of tokens.
    """

    is_differentiable = False
    full_state_update = False

    loss: Tensor
    correct: Tensor
    seen: Tensor
    by_ratio: Tensor

    def __init__(self, *, num_levels: int) -> None:
        super().__init__()
        self.add_state("loss", torch.zeros(2, dtype=torch.double), dist_reduce_fx="sum")
        self.add_state("correct", torch.zeros(num_levels, dtype=torch.double), dist_reduce_fx="sum")
        self.add_state("seen", torch.zeros(num_levels, dtype=torch.double), dist_reduce_fx="sum")
        self.add_state("by_ratio", torch.zeros(NUM_BINS, 2, dtype=torch.double), dist_reduce_fx="sum")

    def update(self, loss: GeneratorLoss) -> None:
        """Gather one batch; each batch counts by its supervised tokens."""
        count = loss.num_supervised.double()
        self.loss += torch.stack([loss.loss.double() * count, count])
        is_due = ~loss.correct.isnan()
        self.correct += torch.where(is_due, loss.correct, 0).double() * count
        self.seen += is_due.double() * count
        self.by_ratio += loss.by_ratio.double()

    def compute(self) -> tuple[Float[Tensor, ""], Float[Tensor, " level"], Float[Tensor, " bin"]]:
        """Give loss, accuracy of each level, and loss by mask ratio."""
        return (
            (self.loss[0] / self.loss[1]).float(),
            (self.correct / self.seen).float(),
            (self.by_ratio[:, 0] / self.by_ratio[:, 1]).float(),
        )
