"""Switch a loss on once a condition is met: the delayed anatomical loss of stage I."""

from __future__ import annotations

import difflib
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from lightning_utilities.core.rank_zero import rank_zero_info, rank_zero_warn
from pytorch_lightning import Callback, LightningModule, Trainer

from zoo.components import Recorded

if TYPE_CHECKING:
    from collections.abc import Mapping


class Trigger(Recorded, ABC):
    """Decide when something starts; the same on every rank.

    Attributes:
        after_validation: Whether to be asked after each validation instead of before each training batch.
    """

    after_validation = False

    @abstractmethod
    def reason(self, trainer: Trainer, memory: dict[str, Any]) -> str | None:
        """Say why it starts now, or None if it does not.

        Args:
            trainer: What is going on.
            memory: Plain data that the trigger may keep between calls; saved in checkpoints.
        """


class AtStep(Trigger):
    """Start at an optimiser step.

    Args:
        step: The first step with the loss.
    """

    def __init__(self, step: int) -> None:
        if step < 0:
            message = f"AtStep: step must be at least 0, got {step}."
            raise ValueError(message)
        self.step = step

    def reason(self, trainer: Trainer, memory: dict[str, Any]) -> str | None:
        """Compare steps."""
        return f"step {self.step} is reached" if trainer.global_step >= self.step else None


class AtEpoch(Trigger):
    """Start with an epoch.

    Args:
        epoch: The first epoch with the loss, counted from 0.
    """

    def __init__(self, epoch: int) -> None:
        if epoch < 0:
            message = f"AtEpoch: epoch must be at least 0, got {epoch}."
            raise ValueError(message)
        self.epoch = epoch

    def reason(self, trainer: Trainer, memory: dict[str, Any]) -> str | None:
        """Compare epochs."""
        return f"epoch {self.epoch} is reached" if trainer.current_epoch >= self.epoch else None


class WhenBelow(Trigger):
    """Start when a validation metric has fallen under a bound.

    Watch a metric that the loss itself does not enter, such as ``val/l1``. With averaged weights validation runs
    on the average, which lags behind.

    Args:
        metric: Name of a logged validation metric.
        threshold: The bound.
        patience: Validations in a row that must lie under it.
    """

    after_validation = True

    def __init__(self, metric: str, threshold: float, patience: int = 1) -> None:
        if patience < 1:
            message = f"WhenBelow: patience must be at least 1, got {patience}."
            raise ValueError(message)
        self.metric = metric
        self.threshold = threshold
        self.patience = patience

    def reason(self, trainer: Trainer, memory: dict[str, Any]) -> str | None:
        """Compare the metric's mean over the ranks.

        Raises:
            ValueError: No such metric was logged.
        """
        logged = trainer.callback_metrics
        if self.metric not in logged:
            near = difflib.get_close_matches(self.metric, logged, 1)
            hint = f"Did you mean {near[0]!r}? " if near else ""
            message = (
                f"WhenBelow: metric must be logged in validation, got {self.metric!r}. {hint}Logged: {sorted(logged)}."
            )
            raise ValueError(message)
        value = float(trainer.strategy.reduce(logged[self.metric].detach().float().clone(), reduce_op="mean"))
        memory["in_a_row"] = memory.get("in_a_row", 0) + 1 if value < self.threshold else 0
        if memory["in_a_row"] < self.patience:
            return None
        times = f" for {self.patience} validations in a row" if self.patience > 1 else ""
        return f"{self.metric} = {value:.4g} is below {self.threshold:g}{times}"


class DelayedLoss(Callback):
    """Keep one loss term off until a trigger, then bring it in at once or over a ramp.

    Before that the module does not compute the term at all. The decision is part of the checkpoint, so that a
    resumed run neither forgets it nor takes it twice.

    Args:
        term: The loss term, a key of the module's ``loss_scale``.
        trigger: When it starts.
        ramp_steps: Optimiser steps over which the term's scale rises to 1.
    """

    def __init__(self, term: str, trigger: Trigger, ramp_steps: int = 0) -> None:
        super().__init__()
        if ramp_steps < 0:
            message = f"DelayedLoss: ramp_steps must be at least 0, got {ramp_steps}."
            raise ValueError(message)
        self.term = term
        self.trigger = trigger
        self.ramp_steps = ramp_steps
        self.started_at: int | None = None
        self.why = ""
        self._memory: dict[str, Any] = {}
        self._is_idle = False

    @property
    def state_key(self) -> str:
        """Tell delayed terms apart in a checkpoint."""
        return f"DelayedLoss[{self.term}]"

    def state_dict(self) -> dict[str, Any]:
        """Give plain data for the checkpoint."""
        return {"started_at": self.started_at, "why": self.why, "memory": dict(self._memory)}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take up what a checkpoint remembers."""
        self.started_at = state_dict["started_at"]
        self.why = state_dict["why"]
        self._memory = dict(state_dict["memory"])

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Check that there is such a term.

        Raises:
            ValueError: There is none.
        """
        if stage != "fit":
            return
        scales: dict[str, float] | None = getattr(pl_module, "loss_scale", None)
        if scales is None or self.term not in scales:
            name = type(pl_module).__name__
            message = f"DelayedLoss: term must be a loss of {name}, got {self.term!r}. It has: {sorted(scales or [])}."
            raise ValueError(message)
        self._is_idle = getattr(pl_module, self.term, True) is None
        if self._is_idle:
            rank_zero_warn(f"DelayedLoss: the loss {self.term!r} is off in this run, so there is nothing to delay.")
        scales[self.term] = 0.0  # also for the validation batches that Lightning tries out first

    def scale(self, global_step: int) -> float:
        """Give what the term is multiplied by at a step."""
        if self.started_at is None:
            return 0.0
        if self.ramp_steps == 0:
            return 1.0
        return min(1.0, (global_step - self.started_at + 1) / self.ramp_steps)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Set the term's scale for this batch."""
        if not self.trigger.after_validation:
            self._ask(trainer)
        scale = self.scale(trainer.global_step)
        pl_module.loss_scale[self.term] = scale  # type: ignore[index, operator]
        pl_module.log(f"loss_scale/{self.term}", scale)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let a trigger that watches a validation metric decide."""
        if self.trigger.after_validation and trainer.state.fn == "fit" and not trainer.sanity_checking:
            self._ask(trainer)

    def _ask(self, trainer: Trainer) -> None:
        if self.started_at is not None or self._is_idle:
            return
        reason = self.trigger.reason(trainer, self._memory)
        if reason is None:
            return
        self.started_at, self.why = trainer.global_step, reason
        ramp = f", over {self.ramp_steps} steps" if self.ramp_steps else ""
        text = f"The {self.term} loss comes on at step {self.started_at}{ramp}: {reason}."
        rank_zero_info(text)
        if trainer.is_global_zero:
            for logger in trainer.loggers:
                experiment: Any = getattr(logger, "experiment", None)
                if hasattr(experiment, "add_text"):
                    experiment.add_text(f"delayed_loss/{self.term}", text, trainer.global_step)
