"""How much of each level's codebook is in use."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import Metric

from zoo.shapes import Tokens


class CodebookUsage(Metric):
    """Count the tokens of each level over everything seen; both figures are better the higher they are.

    ``compute`` gives, for each level, the *usage*, the share of codes that were chosen at least once, and the
    *perplexity*, the exponential of the entropy of the tokens in nats: the number of codes that evenly used
    would say as much, between 1 and ``codebook_size``. Torchmetrics drops the axis of a single level.

    Args:
        num_levels: Levels of tokens.
        codebook_size: Codes of each level.

    Example:
        >>> metric = CodebookUsage(num_levels=2, codebook_size=4)
        >>> metric.update(torch.tensor([[[[0, 1]], [[3, 3]]]]))
        >>> [figure.tolist() for figure in metric.compute()]
        [[0.5, 0.25], [2.0, 1.0]]
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False

    counts: Tensor

    def __init__(self, *, num_levels: int, codebook_size: int) -> None:
        super().__init__()
        self.num_levels, self.codebook_size = num_levels, codebook_size
        self.add_state("counts", torch.zeros(num_levels, codebook_size, dtype=torch.long), dist_reduce_fx="sum")

    def update(self, tokens: Tokens) -> None:
        """Count one batch."""
        flat = tokens.transpose(0, 1).flatten(1)
        self.counts.scatter_add_(1, flat, torch.ones_like(flat))

    def compute(self) -> tuple[Float[Tensor, " level"], Float[Tensor, " level"]]:
        """Give usage and perplexity of each level."""
        share = self.counts.double() / self.counts.sum(1, keepdim=True)
        return (share > 0).float().mean(1), torch.special.entr(share).sum(1).exp().float()
