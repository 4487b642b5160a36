"""Save what Lightning's checkpoints leave out, so that a resumed run is the uninterrupted one to the bit."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from lightning_utilities.core.rank_zero import rank_zero_warn
from pytorch_lightning import Callback, LightningModule, Trainer

from zoo.randomness import seeds

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEY = "run_state"


class RunState(Callback):
    """Keep each rank's random streams, and stop a run only between optimiser steps.

    The streams are those that training steps see: what validation, pictures or a fresh iterator over the data draw
    in between is undone before the next batch, so that a run does not depend on them, nor on where it was resumed.
    Each rank's are its own: all were seeded alike, for the same weights, and would hide the same tokens.
    Gradients and lessons of codebooks that are half accumulated are in no checkpoint, so SIGTERM waits for the step.
    """

    def __init__(self) -> None:
        super().__init__()
        self._streams: dict[str, Any] | None = None
        self._is_stopping = False

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Start anew."""
        if stage == "fit":
            self._streams, self._is_stopping = None, False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Part the ranks' streams, and see to it that SIGTERM stops no run between the batches of one step."""
        if self._streams is None and trainer.world_size > 1:
            torch.manual_seed(int(seeds(torch.initial_seed(), trainer.global_rank)))
        loop: Any = trainer.fit_loop.epoch_loop
        compare = loop._broadcast_sigterm_tensor  # called before each batch, where there are several ranks

        def compare_between_steps() -> None:
            if is_between_steps(trainer):
                compare()

        loop._broadcast_sigterm_tensor = compare_between_steps

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Go on where the last training step left the streams."""
        if self._streams is not None:
            set_streams(self._streams)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Remember where this training step left the streams."""
        self._streams = get_streams()
        connector: Any = trainer._signal_connector
        if is_between_steps(trainer):
            connector.received_sigterm = connector.received_sigterm or self._is_stopping
        elif connector.received_sigterm:
            self._is_stopping, connector.received_sigterm = True, False

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Gather the state of all ranks."""
        if trainer.state.fn != "fit":
            return
        own = self._streams or get_streams()
        states: list[Any] = [own]
        if trainer.world_size > 1:
            states = [None] * trainer.world_size
            torch.distributed.all_gather_object(states, own)
        checkpoint[_KEY] = states

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Find this rank's state."""
        if trainer.state.fn != "fit":
            return
        states = checkpoint.get(_KEY, [])
        if len(states) == trainer.world_size:
            self._streams = states[trainer.global_rank]
        else:
            rank_zero_warn(
                f"RunState: the checkpoint holds the random streams of {len(states)} rank(s) and this run has "
                f"{trainer.world_size}; it goes on with other noise than the run that wrote it."
            )


def is_between_steps(trainer: Trainer) -> bool:
    """Whether the last batch ended with an optimiser step, as opposed to being one of several that make a step."""
    progress = trainer.fit_loop.epoch_loop.batch_progress
    ready = progress.current.ready
    is_last = progress.is_last_batch or ready == trainer.num_training_batches
    return ready % trainer.accumulate_grad_batches == 0 or is_last


def get_streams() -> dict[str, Any]:
    """Give the states of all global random streams, as tensors and plain data."""
    version, numbers, spare = random.getstate()
    state: Any = np.random.get_state()  # noqa: NPY002 - the global stream is what is saved
    kind, keys, position, has_gauss, cached = state
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state() if torch.cuda.is_available() else None,
        "python": [version, torch.tensor(numbers, dtype=torch.int64), spare],
        "numpy": [str(kind), torch.from_numpy(keys.astype(np.int64)), int(position), int(has_gauss), float(cached)],
    }


def set_streams(streams: Mapping[str, Any]) -> None:
    """Set what :func:`get_streams` gave."""
    torch.set_rng_state(streams["torch"].cpu())
    if streams["cuda"] is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(streams["cuda"].cpu())
    version, numbers, spare = streams["python"]
    random.setstate((version, tuple(numbers.tolist()), spare))
    kind, keys, *rest = streams["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), *rest))  # noqa: NPY002
