"""Keep an exponential moving average of the weights; validate, save and export the average."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from lightning_utilities.core.rank_zero import rank_zero_warn
from pytorch_lightning import Callback, LightningModule, Trainer

from lightning_modules.base import RAW_WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn


class EMA(Callback):
    """Average the trained parameters of what the module exports (of all of it, if it exports nothing).

    The decay warms up as min(decay, (1 + n) / (10 + n)), so that early averages are not dead. Buffers, such as
    codebooks that are averages themselves, are not averaged: the live ones serve. Validation, the weights after
    training and a checkpoint's ``state_dict`` are the average; the raw weights lie beside it for resuming.

    Args:
        decay: Share of the average that a step keeps, once warmed up.
    """

    averages_weights = True

    def __init__(self, decay: float = 0.999) -> None:
        super().__init__()
        if not 0 <= decay < 1:
            message = f"EMA: decay must be in [0, 1), got {decay}. Leave the callback out to average nothing."
            raise ValueError(message)
        self.decay = decay
        self.num_updates = 0
        self._averages: dict[str, Tensor] = {}
        self._seen_step = 0
        self._is_swapped = False

    def state_dict(self) -> dict[str, Any]:
        """Give plain data for the checkpoint."""
        return {"num_updates": self.num_updates, "seen_step": self._seen_step}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take up the count."""
        self.num_updates = state_dict["num_updates"]
        self._seen_step = state_dict["seen_step"]

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Start anew."""
        if stage == "fit":
            self._averages, self._is_swapped = {}, False
            self.num_updates = self._seen_step = 0

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the average from the weights, or bring a restored one to the device."""
        for name, parameter in _averaged(pl_module).items():
            start = self._averages.get(name, parameter)
            self._averages[name] = start.detach().to(parameter.device, parameter.dtype, copy=True)

    @torch.no_grad()
    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Take the step into the average, once per optimiser step."""
        if trainer.global_step <= self._seen_step:
            return
        self._seen_step = trainer.global_step
        decay = min(self.decay, (1 + self.num_updates) / (10 + self.num_updates))
        self.num_updates += 1
        live = _averaged(pl_module)
        torch._foreach_lerp_([self._averages[name] for name in live], list(live.values()), 1.0 - decay)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Validate the average."""
        if trainer.state.fn == "fit":
            self._swap(pl_module, to_average=True)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Train on with the raw weights."""
        if trainer.state.fn == "fit":
            self._swap(pl_module, to_average=False)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave the average in the module."""
        self._swap(pl_module, to_average=True)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Save the average as the weights, and the raw weights beside it."""
        if not self._averages:
            return
        state = checkpoint["state_dict"]
        if self._is_swapped:
            checkpoint[RAW_WEIGHTS] = dict(self._averages)
        else:
            checkpoint[RAW_WEIGHTS] = {name: state[name] for name in self._averages}
            checkpoint["state_dict"] = {**state, **self._averages}

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Go on with both; the module has already loaded the average."""
        if trainer.state.fn != "fit":
            return
        raw, state = checkpoint.get(RAW_WEIGHTS), checkpoint["state_dict"]
        if raw is None:
            rank_zero_warn("EMA: the checkpoint holds no averaged weights; the average starts from its weights.")
            return
        live = _averaged(pl_module)
        if live.keys() != raw.keys():
            odd = sorted(live.keys() ^ raw.keys())[:4]
            message = f"EMA: the checkpoint must average the same weights; {odd} are in one only."
            raise ValueError(message)
        with torch.no_grad():
            for name, parameter in live.items():
                self._averages[name] = state[name].clone()
                parameter.copy_(raw[name])

    @torch.no_grad()
    def _swap(self, pl_module: LightningModule, *, to_average: bool) -> None:
        if self._is_swapped == to_average or not self._averages:
            return
        for name, parameter in _averaged(pl_module).items():
            other = self._averages[name].clone()
            self._averages[name].copy_(parameter)
            parameter.copy_(other)
        self._is_swapped = to_average


def _averaged(pl_module: LightningModule) -> dict[str, nn.Parameter]:
    prefix = f"{exported}." if (exported := getattr(pl_module, "exported", "")) else ""
    return {
        name: parameter
        for name, parameter in pl_module.named_parameters()
        if parameter.requires_grad and name.startswith(prefix)
    }
