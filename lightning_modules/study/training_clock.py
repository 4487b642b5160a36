"""How long training steps take: validation, pictures and reports don't count."""

from __future__ import annotations

import os
import signal
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from zoo.files import save_json

_WARM_UP = 5
"""Steps at the beginning whose time says nothing: memory is being allocated, kernels are being chosen."""


class TrainingClock(Callback):
    """Add up the time from the end of one training step to the end of the next, without validation in between.

    At the end of ``fit``, ``training_time.json`` in the run's folder has steps and seconds, over all sessions of the
    run; the first steps of each session count as long as the median one.

    Args:
        stop_after: Stop the run, as by SIGTERM, after so many steps beyond a warm-up; null never does.
        file: Where the result goes, in place of the run's folder.
    """

    def __init__(self, stop_after: int | None = None, file: str | None = None) -> None:
        super().__init__()
        if stop_after is not None and stop_after < 1:
            message = f"TrainingClock: stop_after must be at least 1, got {stop_after}. null never stops the run."
            raise ValueError(message)
        self.stop_after = stop_after
        self.file = file
        self._seconds_before = 0.0
        self._times: list[float] = []
        self._first = self._step = 0
        self._last: float | None = None

    @property
    def seconds(self) -> float:
        """Seconds of all sessions."""
        typical = self.median * min(len(self._times), _WARM_UP)
        return self._seconds_before + typical + sum(self._times[_WARM_UP:])

    @property
    def median(self) -> float:
        """Seconds from one update of the weights to the next, typically, in this session."""
        return statistics.median(self._times[_WARM_UP:] or self._times or [0.0])

    def state_dict(self) -> dict[str, Any]:
        """Remember steps and seconds."""
        return {"steps": self._step, "seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on counting."""
        self._seconds_before = state_dict["seconds"]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start."""
        self._times, self._last = [], None
        self._first = self._step = trainer.global_step

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Start again where something else came between."""
        if self._last is None:
            self._last = time.perf_counter()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Note the time of a step; batches whose gradients are only gathered belong to the step that follows."""
        if trainer.global_step == self._step or self._last is None:
            return
        if pl_module.device.type == "cuda" and self.stop_after is not None:
            torch.cuda.synchronize(pl_module.device)
        now = time.perf_counter()
        self._times.append(now - self._last)
        self._step, self._last = trainer.global_step, now
        if self.stop_after is not None and len(self._times) == self.stop_after + _WARM_UP:
            self._write(trainer)
            os.kill(os.getpid(), signal.SIGTERM)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop until training goes on."""
        self._last = None

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop until training goes on."""
        self._last = None

    def on_train_end(self, trainer: Any, pl_module: LightningModule) -> None:
        """Write down what was counted, unless nothing was."""
        if self.stop_after is None and not trainer.fast_dev_run and self._times:
            self._write(trainer)

    def _write(self, trainer: Trainer) -> None:
        file = (
            Path(self.file) if self.file else Path(trainer.log_dir or trainer.default_root_dir) / "training_time.json"
        )
        if trainer.is_global_zero:
            per_step = self.median * len(self._times) / (self._step - self._first)
            save_json({"steps": self._step, "seconds": round(self.seconds, 3), "seconds_per_step": per_step}, file)
