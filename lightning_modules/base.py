"""What every training module shares: plain-data checkpoints, gradient norms and learning rates in the log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from lightning_utilities.core.rank_zero import rank_zero_warn
from pytorch_lightning import Callback, LightningModule

from lightning_modules.callbacks.run_state import RunState
from zoo.components import Recorded, portable, specification

if TYPE_CHECKING:
    from torch import Tensor, nn

FORMAT_VERSION = 1
RAW_WEIGHTS = "raw_weights"
"""Key of a checkpoint whose ``state_dict`` is averaged: the weights that training goes on from."""
_INSTANTIATOR = "pytorch_lightning.cli.instantiate_module"
_LONGEST = 100  # characters of a value in a message


class TrainingModule(Recorded, LightningModule):
    """Train something; write checkpoints that hold plain data only, whoever built the module.

    A checkpoint's ``hyper_parameters`` are what a YAML would say, so ``load_from_checkpoint`` works without
    unpickling; its ``zoo`` entry says how to build the trained component without Lightning.

    Attributes:
        exported: Name of the attribute that holds what ``zoo.load`` returns; empty if there is nothing to load.
        has_idle_parameters: Whether there are parameters that no training step reaches, which DDP must be told.
    """

    exported: str = ""
    has_idle_parameters: bool = False

    @property
    def total_steps(self) -> float:
        """Optimiser steps of the whole run; infinite when it has no end."""
        loop: Any = self.trainer.fit_loop
        is_early = loop._combined_loader is None
        steps = float(self.trainer.estimated_stepping_batches)
        if is_early:
            # The estimate made the loaders before the checkpoint's place in the data was read, and Lightning restores
            # that place only into loaders that are made after; so let it make them again.
            loop._combined_loader = None
        return steps if steps > 0 else float("inf")

    is_logging_step: bool = False
    """Whether what is logged in this batch reaches the logger: expensive figures are computed only then."""

    def configure_callbacks(self) -> list[Callback]:
        """Bring along what makes every module's runs resume to the bit."""
        return [RunState()]

    def check(self, *, image_size: int) -> None:
        """Raise if this can't run on images of this size, or without a file that is not there.

        The command line calls it before the data is prepared, which may take long.
        """

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Find out whether this batch is logged; once, since the step count moves within a batch."""
        trainer: Any = self.trainer
        self.is_logging_step = (trainer.global_step + 1) % max(1, trainer.log_every_n_steps) == 0

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Log the gradient norm of each part that this optimiser trains, before clipping, and its learning rate."""
        if self.is_logging_step:
            norms = gradient_norms(self, optimizer)
            self.log_dict({f"gradient_norm/{part}": norm for part, norm in norms.items()})
            rates = {
                f"learning_rate/{config.name}" if config.name else "learning_rate": float(
                    config.scheduler.get_last_lr()[0]
                )
                for config in self.trainer.lr_scheduler_configs
                if config.scheduler.optimizer is optimizer
            }
            self.log_dict(rates)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Write down, as plain data, what was built."""
        spec = specification(self)
        checkpoint[self.CHECKPOINT_HYPER_PARAMS_KEY] = {
            "_class_path": spec["class_path"],
            "_instantiator": _INSTANTIATOR,
            **spec["init_args"],
        }
        checkpoint[self.CHECKPOINT_HYPER_PARAMS_NAME] = "kwargs"
        if self.exported:
            entry = self._exported_entry()
            if entry is not None:
                checkpoint["zoo"] = entry

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse the checkpoint of another model with the arguments in which it differs.

        Raises:
            ValueError: The weights don't fit.
        """
        self._choose_weights(checkpoint)
        if not self.strict_loading or "state_dict" not in checkpoint:
            return
        own, loaded = self.state_dict(), checkpoint["state_dict"]
        misfits = [f"{name}: missing in the checkpoint" for name in own if name not in loaded]
        misfits += [f"{name}: unknown to the model" for name in loaded if name not in own]
        misfits += [
            f"{name}: {_shape(loaded[name])} in the checkpoint, {_shape(own[name])} in the model"
            for name in own
            if name in loaded and _shape(loaded[name]) != _shape(own[name])
        ]
        if misfits:
            there = checkpoint.get(self.CHECKPOINT_HYPER_PARAMS_KEY, {})
            changes = differences(there, specification(self)["init_args"])
            causes = [f"{key}: {_briefly(a)} in the checkpoint, {_briefly(b)} here" for key, a, b in changes][:6]
            lines = [*causes, f"weights that don't fit ({len(misfits)}):", *misfits[:4]]
            lines.append(
                "Give the options that it was trained with, or --config with the config.yaml of its run's folder."
            )
            message = f"{type(self).__name__}: the checkpoint must be of the same model.\n  " + "\n  ".join(lines)
            raise ValueError(message)

    def _choose_weights(self, checkpoint: dict[str, Any]) -> None:
        """Go on from the raw weights if averaging was on and no longer is; otherwise the average is what is loaded."""
        trainer: Any = self._trainer
        if RAW_WEIGHTS not in checkpoint or trainer is None or trainer.state.fn != "fit":
            return
        if not any(getattr(callback, "averages_weights", False) for callback in trainer.callbacks):
            rank_zero_warn(
                "The checkpoint holds averaged weights, and this run averages none: it goes on from the raw weights. "
                "Add the EMA callback to keep the average."
            )
            checkpoint["state_dict"] = {**checkpoint["state_dict"], **checkpoint[RAW_WEIGHTS]}

    def _exported_entry(self) -> dict[str, Any] | None:
        try:
            entry = portable(specification(getattr(self, self.exported)))
        except ValueError as error:
            rank_zero_warn(f"This checkpoint can be resumed, but zoo.load can't open it: {error}")
            return None
        return {"format_version": FORMAT_VERSION, "prefix": f"{self.exported}.", **entry}


def gradient_norms(module: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Give the L2 norm of the gradients of each child that the optimiser trains."""
    trained = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    squares: dict[str, list[Tensor]] = {}
    for name, parameter in module.named_parameters():
        if id(parameter) in trained and parameter.grad is not None:
            squares.setdefault(name.partition(".")[0], []).append(parameter.grad.detach())
    return {part: torch.nn.utils.get_total_norm(gradients) for part, gradients in squares.items()}


def differences(left: Any, right: Any, at: str = "") -> list[tuple[str, Any, Any]]:
    """Name the dotted keys in which two pieces of plain data differ, with both values; lists count as one value."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        found = []
        for key in dict.fromkeys([*left, *right]):
            if not (not at and str(key).startswith("_")):
                path = f"{at}.{key}" if at and key != "init_args" else at or str(key)
                found += differences(left.get(key), right.get(key), path)
        return found
    return [] if left == right else [(at, left, right)]


def _briefly(value: Any) -> str:
    """Say a value; of a part whose arguments would fill the screen, its class."""
    text = repr(value)
    if len(text) > _LONGEST and isinstance(value, dict) and "class_path" in value:
        text = str(value["class_path"]).rpartition(".")[2]
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(getattr(value, "shape", ()))
