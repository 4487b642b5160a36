"""Weigh batches of hidden tokens so that each token of an optimiser step counts alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

    from zoo.generators.base import GeneratorLoss

_SCALE = 2**10  # keeps the loss in the range of half precision


class Supervision:
    """Make the gradient of a step that of the mean over all its supervised tokens.

    How many tokens are hidden is drawn for each sample, so the mean of the batches' means, which accumulation and DDP
    give, counts a token the more the fewer its batch hides. Each loss is multiplied by the batch's number of tokens,
    and the gradient divided by the mean of these numbers once all of them are known.
    """

    def __init__(self) -> None:
        self._counts: list[Tensor] = []

    def weighted(self, loss: GeneratorLoss, *, trainer: Any) -> Tensor:
        """Give the loss to be differentiated; where a step has one batch, that is the loss itself."""
        if not _is_shared(trainer):
            return loss.loss
        count = loss.num_supervised.detach().float() / _SCALE
        self._counts.append(count)
        return loss.loss * count

    def settle(self, parameters: Iterable[torch.nn.Parameter], *, trainer: Any) -> None:
        """Finish the gradients of a step; before they are measured and clipped."""
        counts, self._counts = self._counts, []
        if not counts:
            return
        total = torch.stack(counts).sum()
        if trainer.world_size > 1:
            torch.distributed.all_reduce(total)
        # Lightning has divided by the number of batches of a step, and DDP by the number of devices
        factor = trainer.accumulate_grad_batches * trainer.world_size / total
        gradients = [each.grad for each in parameters if each.grad is not None]
        torch._foreach_mul_(gradients, factor)


def _is_shared(trainer: Any) -> bool:
    return bool(trainer.accumulate_grad_batches > 1 or trainer.world_size > 1)
