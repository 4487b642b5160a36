"""VGG16 from a local file of torchvision's weights."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = "https://download.pytorch.org/models/vgg16-397923af.pth"
RANDOM = "random"
_CURE = f"Download {SOURCE} to that path, or name another; {RANDOM!r} gives random weights, for shapes and speed."
_LOG = logging.getLogger(__name__)


def vgg16(weights: str, *, owner: str) -> nn.Module:
    """Build torchvision's VGG16 (Simonyan and Zisserman 2015, configuration D), all of it.

    Args:
        weights: Path of torchvision's ``vgg16-397923af.pth``, or ``random`` for seeded random weights.
        owner: The class that asks, for messages.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is unreadable, or not exactly VGG16.
    """
    from torchvision.models import vgg16 as architecture

    with torch.device("meta"):  # no time for an initialisation that is replaced at once
        network = architecture(weights=None, init_weights=False)
    file = find_vgg16(weights, owner)
    if file is None:
        _LOG.warning("%s: random weights: shapes and speed only.", owner)
        network.to_empty(device="cpu")
        _randomise(network)
    else:
        network.load_state_dict(_state_dict(file, network, owner), strict=True, assign=True)
    return network


def find_vgg16(weights: str, owner: str) -> Path | None:
    """Find the file of VGG16's weights; None stands for random ones.

    Raises:
        WeightsNotFoundError: It is not there; says where it comes from and where it goes.
    """
    from zoo.bundles import WeightsNotFoundError, find

    if weights == RANDOM:
        return None
    try:
        return find(weights)
    except WeightsNotFoundError:
        message = f"{owner}: weights must be torchvision's VGG16, got {weights!r}, which does not exist. {_CURE}"
        raise WeightsNotFoundError(message) from None


def _state_dict(file: Path, network: nn.Module, owner: str) -> dict[str, Tensor]:
    """Read the file, or say what is wrong with it, where it goes and where it comes from."""
    try:
        state: dict[str, Tensor] = torch.load(file, map_location="cpu", weights_only=True)
        found = {name: tuple(tensor.shape) for name, tensor in state.items()}
    except Exception as error:  # torch raises many kinds for a damaged file or a pickle
        message = f"{owner}: weights must be a state dict of tensors, and {str(file)!r} can't be read as one. {_CURE}"
        raise ValueError(message) from error
    wanted = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    wrong = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
    if wrong:
        message = (
            f"{owner}: weights must have the {len(wanted)} tensors of torchvision's VGG16; in {str(file)!r} "
            f"{len(wrong)} are missing, unknown or of another shape: {', '.join(wrong[:6])}. {_CURE}"
        )
        raise ValueError(message)
    return state


def _randomise(network: nn.Module) -> None:
    """Draw weights that keep the size of activations (He et al. 2015), from a generator of their own."""
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        with torch.no_grad():
            if parameter.ndim > 1:
                parameter.normal_(0.0, math.sqrt(2.0 / math.prod(parameter.shape[1:])), generator=generator)
            else:
                parameter.zero_()
