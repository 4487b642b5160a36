"""The loss of ME-GraphAU for AU occurrence."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool
from torch import Tensor

from zoo.facs.action_units import ACTION_UNITS
from zoo.losses.base import Loss
from zoo.shapes import Occurrence, Probability, Scalar

_SMALLEST = 1e-8  # the original's clamp under the logarithm


class WeightedAsymmetricLoss(Loss):
    """Cross-entropy of AU occurrence that asks more of rare AUs and less of absent ones already told.

    Luo et al. 2022 (https://arxiv.org/abs/2205.01782): the mean over AUs of
    ``-w [y log p + p' (1 - y) log(1 - p)]`` where p' is p without its gradient, and w is proportional to
    1 / base rate with mean 1. Differs from it: AUs whose occurrence is unknown are left out of the mean.

    Args:
        base_rates: Share of training frames that show each AU, in the order of the ``au`` axis; None takes those of
            ``zoo.facs.ACTION_UNITS``.
        weight: What the loss is multiplied by in the total.

    Example:
        >>> loss = WeightedAsymmetricLoss(base_rates=[0.5, 0.5])
        >>> known = torch.tensor([[True, True]])
        >>> round(loss(torch.tensor([[0.5, 0.5]]), torch.tensor([[True, False]]), known).item(), 4)
        0.5199
    """

    weights: Tensor

    def __init__(self, *, base_rates: Sequence[float] | None = None, weight: float = 1.0) -> None:
        super().__init__()
        rates = torch.tensor([unit.base_rate for unit in ACTION_UNITS] if base_rates is None else list(base_rates))
        if not bool(((rates > 0) & (rates <= 1)).all()):
            message = (
                f"WeightedAsymmetricLoss: base_rates must be above 0 and at most 1, got {rates.tolist()}. "
                "An AU that never occurs in the data can't be learned: leave it out, or mark it unknown."
            )
            raise ValueError(message)
        self.weight = weight
        self.register_buffer("weights", len(rates) / rates / (1 / rates).sum(), persistent=False)

    def forward(self, probability: Probability, occurrence: Occurrence, known: Bool[Tensor, "batch au"]) -> Scalar:
        """Give the mean over what is known; zero, with a gradient of zero, if nothing is."""
        probability = probability.float()
        present = probability.clamp_min(_SMALLEST).log()
        absent = probability.detach() * (1 - probability).clamp_min(_SMALLEST).log()
        terms = self.weights * torch.where(occurrence, present, absent)
        return -torch.where(known, terms, 0.0).sum() / known.sum().clamp_min(1)
