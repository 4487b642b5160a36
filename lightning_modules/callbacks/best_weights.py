"""What a report at the end of training measures: the best weights, on the split that was asked for."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from lightning_fabric.utilities.distributed import _InfiniteBarrier

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytorch_lightning import LightningModule, Trainer
    from torch import Tensor


def _best_weights(trainer: Trainer) -> tuple[str, dict[str, Tensor] | None]:
    """Name the best checkpoint and give its weights; None where there is none."""
    best = Path(getattr(trainer.checkpoint_callback, "best_model_path", "") or "")
    if best.is_file():
        return best.name, torch.load(best, map_location="cpu", weights_only=True)["state_dict"]
    return "last step", None


@contextmanager
def best_weights_in(module: LightningModule, trainer: Trainer) -> Iterator[str]:
    """Measure the best weights, in eval mode, where they were trained; put back what was there.

    Gives the name of where the weights come from.
    """
    last = {name: value.clone() for name, value in module.state_dict().items()}
    source, best = _best_weights(trainer)
    module.load_state_dict(best or last)
    was_training, place = module.training, module.device
    # before it calls on_fit_end Lightning moves the module to the CPU, but batches still go to the device
    module.to(trainer.strategy.root_device).eval()
    try:
        yield source
    finally:
        module.to(place)
        module.load_state_dict(last)
        module.train(was_training)


def step_of(checkpoint: str | Path | None) -> int | None:
    """Give the optimiser step at which a checkpoint was written; None where there is none."""
    if checkpoint is None or not Path(checkpoint).is_file():
        return None
    return int(torch.load(checkpoint, map_location="cpu", weights_only=True, mmap=True)["global_step"])


def loader_of(trainer: Any, split: str) -> Iterable[Any]:
    """Give the batches of ``validation`` or ``test``; call it on every rank."""
    data = trainer.datamodule
    if data is None or split == "validation":
        loaders = trainer.val_dataloaders
        return loaders if loaders is not None else []
    # One process of each machine renders what is missing; the others wait without the time limit of collectives.
    with _InfiniteBarrier():
        loader = data.test_dataloader() if trainer.local_rank == 0 else None
    return data.test_dataloader() if loader is None else loader
