"""Networks that a LoRA is for: random ones, those of a pipeline that was trained here, or others'."""

from __future__ import annotations

import logging
from typing import Any

import torch

from zoo.pipelines.diffusion.adapters import prepare
from zoo.pipelines.diffusion.architectures import ARCHITECTURES
from zoo.pipelines.diffusion.networks import Networks, new_networks
from zoo.pipelines.diffusion.pretrained import pretrained_networks

RANDOM = "random"
_LOG = logging.getLogger(__name__)


def base(weights: str, size: str, rank: int) -> Networks:
    """Build or load networks, with places for LoRA layers.

    Args:
        weights: ``random``, a folder in diffusers' layout, a name on the Hugging Face hub, or a bundle, run or
            checkpoint of a pipeline with networks of its own.
        size: Name of their architecture.
        rank: Of the LoRA.

    Raises:
        WeightsNotFoundError: There are none.
        ValueError: They are of another kind.
    """
    networks = _networks(weights, size)
    prepare(networks.denoiser, rank)
    return networks


def _networks(weights: str, size: str) -> Networks:
    architecture = ARCHITECTURES[size]
    if weights == RANDOM:
        _LOG.warning("StableDiffusionPipeline: random weights: shapes and speed only.")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return new_networks(architecture)
    trained = _trained_here(weights, size)
    return pretrained_networks(weights, architecture=architecture, size=size) if trained is None else trained


def _trained_here(weights: str, size: str) -> Networks | None:
    """Load the networks of a bundle, run or checkpoint; None if the path is of none."""
    from zoo.bundles import WeightsNotFoundError, find, load

    try:
        place = find(weights)
    except WeightsNotFoundError:
        return None
    if place.is_dir() and not (place / "checkpoints").is_dir() and not (place / "config.json").is_file():
        return None
    component: Any = load(place)
    own = getattr(component, "own", None)
    if not isinstance(own, Networks) or component.size != size:
        message = (
            f"StableDiffusionPipeline: weights must be of a pipeline of size {size!r} with networks of its own, got "
            f"{weights!r}, which holds another kind."
        )
        raise ValueError(message)
    return own
