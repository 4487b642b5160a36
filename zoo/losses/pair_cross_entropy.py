"""The loss of ME-GraphAU for pairs of AUs."""

from __future__ import annotations

from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from zoo.losses.base import Loss
from zoo.shapes import Occurrence, Scalar


class PairCrossEntropyLoss(Loss):
    """Cross-entropy of the joint state of every ordered pair of AUs.

    Luo et al. 2022 (https://arxiv.org/abs/2205.01782), the second stage: the state of the pair (i, j), which is row
    ``i * n + j``, is ``2 y_i + y_j``. Differs from it: pairs with an unknown AU are left out of the mean.

    Args:
        weight: What the loss is multiplied by in the total; the original's commands use 0.05 (ResNet-50 on BP4D) and
            0.01 (Swin-B on DISFA).
    """

    def __init__(self, *, weight: float = 0.05) -> None:
        super().__init__()
        self.weight = weight

    def forward(
        self,
        pair_logits: Float[Tensor, "batch pair 4"],
        occurrence: Occurrence,
        known: Bool[Tensor, "batch au"],
    ) -> Scalar:
        """Give the mean over pairs of which both AUs are known; zero, with a gradient of zero, if there is none."""
        present = occurrence.long()
        states = rearrange(2 * present[:, :, None] + present[:, None, :], "b i j -> b (i j)")
        pairs = rearrange(known[:, :, None] & known[:, None, :], "b i j -> b (i j)")
        terms = functional.cross_entropy(
            rearrange(pair_logits.float(), "b n state -> b state n"), states, reduction="none"
        )
        return terms.where(pairs, 0.0).sum() / pairs.sum().clamp_min(1)
