"""Options of the trainer that a module can't use: refused with what to set instead, or put right."""

from __future__ import annotations

from typing import Any

import torch
from pytorch_lightning import LightningModule
from pytorch_lightning.utilities.model_helpers import is_overridden

from lightning_modules.cli.errors import UserError
from lightning_modules.manual_training import ManualTrainingModule


def refuse_a_missing_step(model: Any, wanted: str) -> None:
    """Refuse validate, test or predict with a module that has no such step.

    Raises:
        UserError: It has none.
    """
    step = {"validate": "validation_step", "test": "test_step", "predict": "predict_step"}.get(wanted)
    if step and not is_overridden(step, model, parent=LightningModule):
        message = f"{wanted}: {type(model).__name__} has no {step}, so it can't {wanted}."
        raise UserError(message)


def refuse_what_manual_optimization_ignores(model: Any, config: dict[str, Any]) -> None:
    """Refuse what the trainer would refuse, but say where a module that steps its optimisers itself takes it.

    Raises:
        UserError: Clipping or accumulation is the trainer's.
    """
    if model.automatic_optimization:
        return
    name = type(model).__name__
    if config["gradient_clip_val"]:
        value = config["gradient_clip_val"]
        message = (
            f"trainer.gradient_clip_val: {name} steps its optimisers itself, and the trainer can't clip for it. "
            f"Set model.gradient_clip_val to {value} instead."
        )
        raise UserError(message)
    if config["accumulate_grad_batches"] not in (None, 1):
        value = config["accumulate_grad_batches"]
        message = (
            f"trainer.accumulate_grad_batches: {name} steps its optimisers itself, and the trainer can't accumulate "
            f"for it. Set model.accumulate_grad_batches to {value} instead."
        )
        raise UserError(message)


def accelerator_for(config: dict[str, Any]) -> Any:
    """Give the accelerator: a Mac's CPU in place of its GPU, which has no float64 for figures and procedural faces.

    Raises:
        UserError: That GPU was asked for.
    """
    chosen = config["accelerator"]
    no_cuda = torch.backends.mps.is_available() and not torch.cuda.is_available()
    if chosen == "mps" or (chosen == "gpu" and no_cuda):
        message = (
            f"trainer.accelerator: {chosen!r} means Apple's MPS here, which lacks float64, and metrics and procedural "
            "faces need it. Set trainer.accelerator to cpu."
        )
        raise UserError(message)
    return "cpu" if chosen == "auto" and no_cuda else chosen


def strategy_for(model: Any, config: dict[str, Any]) -> Any:
    """Give the strategy: a DDP that bears unused parameters where a module has any and leaves averaging to it."""
    strategy = config["strategy"]
    uses_all = model.automatic_optimization and not getattr(model, "has_idle_parameters", False)
    if uses_all or isinstance(model, ManualTrainingModule):
        return strategy
    several = _num_devices(config) * int(config["num_nodes"]) > 1
    return "ddp_find_unused_parameters_true" if strategy == "ddp" or (strategy == "auto" and several) else strategy


def _num_devices(config: dict[str, Any]) -> int:
    devices = config["devices"]
    if isinstance(devices, list):
        return len(devices)
    if str(devices).isdigit():
        return int(devices)
    on_cpu = config["accelerator"] == "cpu" or not torch.cuda.is_available()
    return 1 if on_cpu else torch.cuda.device_count()
