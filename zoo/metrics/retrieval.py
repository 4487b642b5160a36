"""Whether faces find the description of their AUs."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics import Metric

from zoo.shapes import Occurrence


class SetRetrieval(Metric):
    """Count how often the description that fits a face best is one of its AUs. Higher is better.

    ``compute`` gives that share and the share that a blind choice within the batches would reach.

    Example:
        >>> metric = SetRetrieval()
        >>> metric.update(torch.tensor([[0.9, 0.1], [0.8, 0.2]]), torch.tensor([[True], [False]]))
        >>> [figure.item() for figure in metric.compute()]
        [0.5, 0.5]
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False

    counts: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("counts", torch.zeros(3, dtype=torch.double), dist_reduce_fx="sum")

    def update(self, similarity: Float[Tensor, "batch batch"], occurrence: Occurrence) -> None:
        """Count one batch; row i is how well face i fits each description."""
        same = (occurrence[:, None] == occurrence[None]).all(2)
        found = same[torch.arange(len(same)), similarity.argmax(1)].sum()
        self.counts += torch.stack([found.double(), same.double().mean(1).sum(), self.counts.new_tensor(len(same))])

    def compute(self) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """Give the share found and the share by chance."""
        found, chance, seen = self.counts
        return (found / seen).float(), (chance / seen).float()
