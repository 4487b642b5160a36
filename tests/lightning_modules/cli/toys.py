"""Tiny parts, modules and data, for trying the command line; imported as ``toys``."""

from __future__ import annotations

import os
import signal
import time
from abc import abstractmethod
from typing import Any

import torch
from pytorch_lightning import Callback
from torch import nn

from datamodules.base import FaceDataModule
from lightning_modules.base import TrainingModule
from zoo.components import Component


class Wheel(Component):
    """A family of parts."""

    @abstractmethod
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Turn."""


class RoundWheel(Wheel):
    """Rolls.

    Args:
        depth: Spokes.
        scale: Size.
    """

    def __init__(self, *, depth: int = 3, scale: float = 1.0) -> None:
        super().__init__()
        if depth < 1:
            message = f"RoundWheel: depth must be at least 1, got {depth}."
            raise ValueError(message)
        self.depth = depth
        self.layer = nn.Linear(1, depth)
        self.scale = scale

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.layer(inputs).mean(-1, keepdim=True) * self.scale


class SquareWheel(Wheel):
    """Does not roll.

    Args:
        width: Side.
        depth: Spokes.
    """

    def __init__(self, *, width: int, depth: int = 2) -> None:
        super().__init__()
        self.layer = nn.Linear(1, width)
        self.depth = depth

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.layer(inputs).mean(-1, keepdim=True)


class Cart(Component):
    """Has a wheel.

    Args:
        wheel: The wheel.
        names: What it is called.
    """

    def __init__(self, wheel: Wheel, *, names: list[str] | None = None) -> None:
        super().__init__()
        self.wheel = wheel

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.wheel(inputs)


class CartModule(TrainingModule):
    """Trains a cart.

    Args:
        cart: What is trained.
        spare: A second wheel.
        learning_rate: The learning rate.
        pause_s: Time that each step takes.
        label: What is written on it.
    """

    def __init__(
        self,
        cart: Cart,
        *,
        spare: Wheel | None = None,
        learning_rate: float = 0.1,
        pause_s: float = 0.0,
        label: str | None = "cart",
    ) -> None:
        super().__init__()
        self.cart = cart
        self.spare = spare
        self.learning_rate = learning_rate
        self.pause_s = pause_s

    def training_step(self, batch: dict[str, torch.Tensor], batch_idx: int) -> torch.Tensor:
        time.sleep(self.pause_s)
        loss = (self.cart(batch["value"]) - 1.0).square().mean()
        self.log("training/loss", loss)
        return loss

    def validation_step(self, batch: dict[str, torch.Tensor], batch_idx: int) -> None:
        self.log("validation/loss", (self.cart(batch["value"]) - 1.0).square().mean(), sync_dist=True)

    test_step = validation_step

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), self.learning_rate)


class ManualCartModule(CartModule):
    """Trains a cart by hand."""

    def __init__(self, cart: Cart, *, accumulate_grad_batches: int = 1) -> None:
        super().__init__(cart)
        self.automatic_optimization = False

    def training_step(self, batch: dict[str, torch.Tensor], batch_idx: int) -> None:
        optimizer = self.optimizers()
        optimizer.zero_grad()
        self.manual_backward((self.cart(batch["value"]) - 1.0).square().mean())
        optimizer.step()


class Numbers(torch.utils.data.Dataset):
    """Answers a request with a batch."""

    def __len__(self) -> int:
        return 32

    def __getitem__(self, request: Any) -> dict[str, torch.Tensor]:
        indices = getattr(request, "indices", request)
        return {"value": torch.as_tensor(indices).float()[:, None] / 32}


class NumbersDataModule(FaceDataModule):
    """Numbers."""

    image_size = 1

    def dataset(self, split: str) -> torch.utils.data.Dataset:
        return Numbers()


class PrintCallback(Callback):
    """Says something.

    Args:
        text: What.
    """

    def __init__(self, text: str = "hello") -> None:
        self.text = text

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        print(f"callback says {self.text}")


class RankCallback(Callback):
    """Says which strategy runs, and whether all ranks have the same weights."""

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        weights = torch.cat([parameter.detach().flatten() for parameter in pl_module.parameters()])
        gathered = pl_module.all_gather(weights).reshape(trainer.world_size, -1)
        if trainer.is_global_zero:
            same = bool((gathered == gathered[0]).all())
            unused = trainer.strategy._ddp_kwargs.get("find_unused_parameters", False)
            print(f"world {trainer.world_size} same {same} unused {unused}")


class SignalCallback(Callback):
    """Gets a signal.

    Args:
        name: Which.
        step: When.
        rank: Where.
    """

    def __init__(self, name: str = "SIGTERM", *, step: int = 3, rank: int = 0) -> None:
        self.name = name
        self.step = step
        self.rank = rank

    def on_train_batch_end(self, trainer: Any, *args: Any, **kwargs: Any) -> None:
        if trainer.global_step == self.step and trainer.global_rank == self.rank:
            os.kill(os.getpid(), getattr(signal, self.name))


class BreakCallback(Callback):
    """Raises an error.

    Args:
        kind: Which.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def on_train_batch_end(self, trainer: Any, *args: Any, **kwargs: Any) -> None:
        raise {"disk": OSError(28, "No space left on device"), "bug": RuntimeError("a bug")}[self.kind]
