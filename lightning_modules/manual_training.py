"""Training with several optimisers, made to count, accumulate, clip and average as with one."""

from __future__ import annotations

import warnings
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import torch
from pytorch_lightning.strategies import DDPStrategy

from lightning_modules.base import TrainingModule

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor, nn


class ManualTrainingModule(TrainingModule):
    """Train with several optimisers, the first of which is the one that counts.

    Lightning's manual optimisation counts every optimiser as a step, neither accumulates, clips nor steps schedules,
    and under DDP expects each backward pass to reach every parameter. Here one optimiser counts, so that
    ``max_steps``, checkpoints and the log speak of batches that were learnt from; and gradients are averaged over
    the ranks once, just before a step, so that plain ``ddp`` does and unused parameters are no matter.

    Args:
        accumulate_grad_batches: Batches whose gradients are averaged before a step.
        gradient_clip_val: Largest norm of the gradients of one optimiser; None doesn't clip.
    """

    def __init__(self, *, accumulate_grad_batches: int = 1, gradient_clip_val: float | None = None) -> None:
        super().__init__()
        if accumulate_grad_batches < 1:
            message = (
                f"{type(self).__name__}: accumulate_grad_batches must be at least 1, got {accumulate_grad_batches}."
            )
            raise ValueError(message)
        if gradient_clip_val is not None and gradient_clip_val <= 0:
            message = (
                f"{type(self).__name__}: gradient_clip_val must be above 0, got {gradient_clip_val}. null doesn't clip."
            )
            raise ValueError(message)
        self.automatic_optimization = False
        self.accumulate_grad_batches = accumulate_grad_batches
        self.gradient_clip_val = gradient_clip_val

    def setup(self, stage: str) -> None:
        """Let the trainer know how many batches make a step, so that its counts are right."""
        if stage == "fit":
            strategy = self.trainer.strategy
            if self.trainer.world_size > 1 and not isinstance(strategy, DDPStrategy):
                message = f"{type(self).__name__}: trainer.strategy must be ddp, got {type(strategy).__name__}."
                raise ValueError(message)
            # Lightning would have the weights from before the step saved, beside an optimiser from after it.
            warnings.filterwarnings("ignore", message="Using ModelCheckpoint with manual optimization")
            # The trainer refuses this argument under manual optimisation, since it would not act on it; we do.
            self.trainer.accumulate_grad_batches = self.accumulate_grad_batches

    def teardown(self, stage: str) -> None:
        """Leave the trainer as it was."""
        if stage == "fit":
            self.trainer.accumulate_grad_batches = 1

    def accumulated_batches(self, batch_idx: int) -> tuple[int, bool]:
        """Give the number of batches that the step of this batch is made of, and whether this is the last of them."""
        first = batch_idx - batch_idx % self.accumulate_grad_batches
        total = self.trainer.num_training_batches
        size = int(min(self.accumulate_grad_batches, total - first))
        return size, batch_idx + 1 == first + size or self.trainer.is_last_batch

    def backward_on_rank(self, loss: Tensor) -> None:
        """Backpropagate on this rank alone; :meth:`step` averages over the ranks."""
        strategy = self.trainer.strategy
        with strategy.block_backward_sync() if isinstance(strategy, DDPStrategy) else nullcontext():
            self.manual_backward(loss)

    def step(self, index: int) -> None:
        """Average the gradients of an optimiser over the ranks, clip them, step it and its schedule."""
        optimizer = self._optimizer(index)
        average_over_ranks(each for group in optimizer.param_groups for each in group["params"])
        if index > 0:
            # Lightning arms these anew for each batch, to count a step and to profile it.
            optimizer._on_before_step = optimizer._on_after_step = _nothing
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        schedulers: Any = self.lr_schedulers()
        (schedulers[index] if isinstance(schedulers, list) else schedulers).step()

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Log gradient norms, then clip; here gradients are unscaled under every precision."""
        super().on_before_optimizer_step(optimizer)
        if self.gradient_clip_val is not None:
            parameters = [each for group in optimizer.param_groups for each in group["params"]]
            torch.nn.utils.clip_grad_norm_(parameters, self.gradient_clip_val)

    def _optimizer(self, index: int) -> Any:
        optimizers = self.optimizers()
        return optimizers[index] if isinstance(optimizers, list) else optimizers


def average_over_ranks(parameters: Iterable[nn.Parameter]) -> None:
    """Replace each gradient by its mean over the ranks, in one collective call for each dtype."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return
    ranks = torch.distributed.get_world_size()
    by_type: dict[torch.dtype, list[Tensor]] = {}
    for parameter in parameters:
        if parameter.grad is not None:
            by_type.setdefault(parameter.grad.dtype, []).append(parameter.grad)
    for gradients in by_type.values():
        flat = torch.cat([gradient.flatten() for gradient in gradients]).div_(ranks)
        torch.distributed.all_reduce(flat)
        parts = flat.split([gradient.numel() for gradient in gradients])
        torch._foreach_copy_(
            gradients, [part.view_as(gradient) for part, gradient in zip(parts, gradients, strict=True)]
        )


def _nothing() -> None:
    """Take the place of what counts and profiles a step."""
