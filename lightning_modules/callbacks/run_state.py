"""Save what Lightning's checkpoints leave out, so that a resumed run is the uninterrupted one to the bit."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from lightning_utilities.core.rank_zero import rank_zero_warn
from pytorch_lightning import Callback, LightningModule, Trainer

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEY = "run_state"


class RunState(Callback):
    """Keep each rank's random streams, and gradients that a checkpoint finds half accumulated.

    The streams are those that training steps see: what validation, pictures or a fresh iterator over the data draw
    in between is undone before the next batch, so that a run does not depend on them, nor on where it was resumed.
    """

    def __init__(self) -> None:
        super().__init__()
        self._streams: dict[str, Any] | None = None
        self._restored: dict[str, Any] | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Start anew."""
        if stage == "fit":
            self._streams = self._restored = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take up what the checkpoint held for this rank."""
        restored, self._restored = self._restored, None
        if restored is None:
            return
        self._streams = restored["streams"]
        gradients: Mapping[str, torch.Tensor] = restored["gradients"]
        for name, parameter in pl_module.named_parameters():
            if name in gradients:
                parameter.grad = gradients[name].to(parameter.device)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Go on where the last training step left the streams."""
        if self._streams is not None:
            set_streams(self._streams)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Remember where this training step left the streams."""
        self._streams = get_streams()

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Gather the state of all ranks."""
        if trainer.state.fn != "fit":
            return
        progress = trainer.fit_loop.epoch_loop.batch_progress
        is_between_steps = progress.current.ready % trainer.accumulate_grad_batches == 0 or progress.is_last_batch
        own = {
            "streams": self._streams or get_streams(),
            # Exact for each rank: their mean would not be the same to the bit.
            "gradients": {}
            if is_between_steps
            else {
                name: parameter.grad.detach().cpu()
                for name, parameter in pl_module.named_parameters()
                if parameter.grad is not None
            },
        }
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
            self._restored = states[trainer.global_rank]
        else:
            rank_zero_warn(
                f"RunState: the checkpoint holds the random streams of {len(states)} rank(s) and this run has "
                f"{trainer.world_size}; it goes on with other noise than the run that wrote it."
            )


def get_streams() -> dict[str, Any]:
    """Give the states of all global random streams, as tensors and plain data."""
    version, numbers, spare = random.getstate()
    kind, keys, position, has_gauss, cached = np.random.get_state()  # noqa: NPY002 - the global stream is what is saved
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
