"""Optimisers as plain data: what a YAML says, what a checkpoint records, with their learning-rate schedule in steps."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Literal

import torch

from zoo.components import Recorded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from torch import nn


class OptimizerFactory(Recorded, ABC):
    """Make an optimiser for some parameters, with warm-up and a schedule counted in optimiser steps.

    Norms, biases and other parameters with fewer than two axes are never decayed.
    """

    def __init__(
        self,
        learning_rate: float,
        *,
        weight_decay: float,
        warmup_steps: int,
        schedule: Literal["constant", "cosine"],
        final_ratio: float,
    ) -> None:
        _require(learning_rate > 0, self, "learning_rate must be above 0", learning_rate)
        _require(weight_decay >= 0, self, "weight_decay must be at least 0", weight_decay)
        _require(warmup_steps >= 0, self, "warmup_steps must be at least 0", warmup_steps)
        _require(schedule in ("constant", "cosine"), self, "schedule must be 'constant' or 'cosine'", schedule)
        _require(0 <= final_ratio <= 1, self, "final_ratio must be in [0, 1]", final_ratio)
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.warmup_steps = warmup_steps
        self.schedule = schedule
        self.final_ratio = final_ratio

    @abstractmethod
    def optimizer(self, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
        """Make the bare optimiser for parameter groups that carry their own ``weight_decay``."""

    def __call__(
        self, parameters: Iterable[nn.Parameter], *, total_steps: float = math.inf, name: str | None = None
    ) -> Any:
        """Give what ``configure_optimizers`` returns: the optimiser and its schedule.

        Args:
            parameters: What is trained; those without gradient are left out.
            total_steps: Optimiser steps of the whole run, where a cosine ends.
            name: What the learning rate is called in the log, where there are several.

        Raises:
            ValueError: Nothing is left to train, or a cosine has no end.
        """
        trained = [parameter for parameter in parameters if parameter.requires_grad]
        _require(bool(trained), self, "parameters must hold something to train", [])
        if self.schedule == "cosine" and not 0 < total_steps < math.inf:
            message = (
                f"{type(self).__name__}: schedule 'cosine' needs a run with an end, got {total_steps} steps. "
                "Set trainer.max_steps or trainer.max_epochs, or take schedule 'constant'."
            )
            raise ValueError(message)
        groups = [
            {"params": [each for each in trained if each.ndim >= 2], "weight_decay": self.weight_decay},
            {"params": [each for each in trained if each.ndim < 2], "weight_decay": 0.0},
        ]
        optimizer = self.optimizer([group for group in groups if group["params"]])
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, self.ratio(total_steps))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step", "name": name}}

    def ratio(self, total_steps: float) -> Callable[[int], float]:
        """Give the function from optimiser steps taken to the share of ``learning_rate`` in force."""

        def at(step: int) -> float:
            warm = min(1.0, (step + 1) / self.warmup_steps) if self.warmup_steps else 1.0
            if self.schedule == "constant":
                return warm
            done = (step - self.warmup_steps) / max(1.0, total_steps - self.warmup_steps)
            cosine = 0.5 + 0.5 * math.cos(math.pi * min(1.0, max(0.0, done)))
            return warm * (self.final_ratio + (1.0 - self.final_ratio) * cosine)

        return at


class Adam(OptimizerFactory):
    """Adam (Kingma and Ba 2015); the defaults are the paper's learning rate, without warm-up or decay.

    Args:
        learning_rate: The highest learning rate.
        betas: Decay of the running means of the gradient and of its square.
        weight_decay: L2 penalty, added to the gradient.
        warmup_steps: Steps over which the learning rate rises.
        schedule: What it does after that; a cosine ends with the run.
        final_ratio: Share of the learning rate that is left at the end of a cosine.
    """

    def __init__(
        self,
        learning_rate: float = 3e-4,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        weight_decay: float = 0.0,
        warmup_steps: int = 0,
        schedule: Literal["constant", "cosine"] = "constant",
        final_ratio: float = 0.0,
    ) -> None:
        super().__init__(
            learning_rate,
            weight_decay=weight_decay,
            warmup_steps=warmup_steps,
            schedule=schedule,
            final_ratio=final_ratio,
        )
        self.betas = _checked_betas(self, betas)

    def optimizer(self, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
        """Make the bare optimiser."""
        return torch.optim.Adam(groups, lr=self.learning_rate, betas=self.betas)


class AdamW(OptimizerFactory):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019), a warm-up and a cosine.

    Args:
        learning_rate: The highest learning rate.
        betas: Decay of the running means of the gradient and of its square.
        weight_decay: Share of a weight that a step of learning rate 1 takes away.
        warmup_steps: Steps over which the learning rate rises.
        schedule: What it does after that; a cosine ends with the run.
        final_ratio: Share of the learning rate that is left at the end of a cosine.
    """

    def __init__(
        self,
        learning_rate: float = 3e-4,
        *,
        betas: tuple[float, float] = (0.9, 0.95),
        weight_decay: float = 1e-4,
        warmup_steps: int = 100,
        schedule: Literal["constant", "cosine"] = "cosine",
        final_ratio: float = 0.1,
    ) -> None:
        super().__init__(
            learning_rate,
            weight_decay=weight_decay,
            warmup_steps=warmup_steps,
            schedule=schedule,
            final_ratio=final_ratio,
        )
        self.betas = _checked_betas(self, betas)

    def optimizer(self, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
        """Make the bare optimiser."""
        return torch.optim.AdamW(groups, lr=self.learning_rate, betas=self.betas)


def _checked_betas(owner: object, betas: tuple[float, float]) -> tuple[float, float]:
    _require(len(betas) == 2 and all(0 <= beta < 1 for beta in betas), owner, "betas must be two in [0, 1)", betas)
    return float(betas[0]), float(betas[1])


def _require(condition: bool, owner: object, constraint: str, value: object) -> None:
    if not condition:
        message = f"{type(owner).__name__}: {constraint}, got {value!r}."
        raise ValueError(message)
