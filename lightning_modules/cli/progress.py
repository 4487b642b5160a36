"""Progress for logs: a line now and then, where a bar that redraws itself would fill the file."""

from __future__ import annotations

import sys
import time
from typing import Any

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import ProgressBar

_SECONDS_BETWEEN_LINES = 20.0
_SECONDS_BETWEEN_EPOCHS = 2.0  # epochs of a few batches would fill the log


class ProgressLines(ProgressBar):
    """Print where training stands every few seconds and after each validation."""

    def __init__(self, *, seconds_between_lines: float = _SECONDS_BETWEEN_LINES) -> None:
        super().__init__()
        self.seconds_between_lines = seconds_between_lines
        self._printed_at = 0.0
        self._started_at = (0.0, 0)
        self._enabled = True

    @property
    def is_enabled(self) -> bool:
        """Whether this process prints."""
        return self._enabled

    def disable(self) -> None:
        """Say nothing; Lightning calls it on all ranks but the first."""
        self._enabled = False

    def enable(self) -> None:
        """Print again."""
        self._enabled = True

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self._printed_at = time.monotonic()
        self._started_at = (self._printed_at, trainer.global_step)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Print if it is time."""
        if time.monotonic() - self._printed_at >= self.seconds_between_lines:
            self._line(trainer, pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print at the end of an epoch, unless it was very short."""
        if time.monotonic() - self._printed_at >= min(_SECONDS_BETWEEN_EPOCHS, self.seconds_between_lines):
            self._line(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print where training ended."""
        self._line(trainer, pl_module, "end    ")

    def _line(self, trainer: Trainer, pl_module: LightningModule, when: str = "") -> None:
        now = time.monotonic()
        if not self._enabled:
            return
        since, first = self._started_at
        rate = (trainer.global_step - first) / max(now - since, 1e-9)
        end = trainer.max_steps if trainer.max_steps and trainer.max_steps > 0 else trainer.estimated_stepping_batches
        total = f"/{int(end)}" if 0 < end < float("inf") else ""
        metrics = self.get_metrics(trainer, pl_module)
        metrics.pop("v_num", None)
        figures = "  ".join(f"{name} {_figure(value)}" for name, value in metrics.items())
        when = when or f"epoch {trainer.current_epoch}"
        line = f"{when}  step {trainer.global_step}{total}  {rate:.2f} steps/s  {figures}"
        print(line.rstrip(), file=sys.stdout, flush=True)
        self._printed_at = now


def _figure(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
