"""A trained network that is only looked through: not trained, not saved, not averaged, not seen by DDP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn


class Frozen:
    """Hold a network outside ``nn.Module``'s books, in eval mode, without parameter gradients.

    Gradients towards its input still flow. It is built on first use, and follows the device that it is
    called on. Copies share it, so that weight averaging and ``deepcopy`` cost nothing.

    Args:
        make: Builds the network, once, when it is first needed.
    """

    def __init__(self, make: Callable[[], nn.Module]) -> None:
        self._make = make
        self._network: nn.Module | None = None
        self._device: torch.device | None = None

    @property
    def is_built(self) -> bool:
        """Whether the network has been needed yet."""
        return self._network is not None

    def on(self, device: torch.device) -> Any:
        """Give the network on ``device``, building or moving it where needed."""
        # weights made in inference mode could never be differentiated through, should training come after
        with torch.inference_mode(mode=False):
            if self._network is None:
                # a run must not depend on when this was first needed, which differs after a resume
                with torch.random.fork_rng(devices=[]):
                    self._network = self._make().eval().requires_grad_(False)
            if self._device != device:
                self._network.to(device)
                self._device = device
        return self._network

    def __deepcopy__(self, memo: dict[int, Any]) -> Frozen:
        return self

    def __copy__(self) -> Frozen:
        return self
