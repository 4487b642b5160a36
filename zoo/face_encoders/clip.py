"""CLIP's image encoder: the paper's structure encoder."""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING, Literal

import torch
from torch import nn
from torch.nn import functional

from zoo.face_encoders.base import FaceEncoder
from zoo.frozen import Frozen
from zoo.images import to_unit
from zoo.shapes import Features, Images

if TYPE_CHECKING:
    from pathlib import Path

RANDOM = "random"
_LOG = logging.getLogger(__name__)
_SIDE = 224
_MEAN = (0.48145466, 0.4578275, 0.40821073)
_DEVIATION = (0.26862954, 0.26130258, 0.27577711)
# channels, channels of the feed-forward layers, layers, heads, patch (Radford et al. 2021, table 20)
_SIZES = {"base32": (768, 3072, 12, 12, 32), "base16": (768, 3072, 12, 12, 16), "large14": (1024, 4096, 24, 16, 14)}
_NAMES = {"base32": "vit-base-patch32", "base16": "vit-base-patch16", "large14": "vit-large-patch14"}


class CLIPFaceEncoder(FaceEncoder):
    """Encode where what is with CLIP's frozen image encoder (https://arxiv.org/abs/2103.00020): structure, T_S.

    One vector for each patch; the class token is left out, as it is at no place. Nothing of it goes into checkpoints
    or bundles.

    Args:
        size: Size of the network and side of its patches, which give ``dim``.
        weights: A folder in transformers' layout or a name on the Hugging Face hub; None is OpenAI's CLIP of this
            size; ``random`` gives seeded random weights, which are good for shapes and speed only.
    """

    def __init__(self, *, size: Literal["base32", "base16", "large14"] = "base16", weights: str | None = None) -> None:
        super().__init__()
        if size not in _SIZES:
            message = f"CLIPFaceEncoder: size must be one of {', '.join(_SIZES)}, got {size!r}."
            raise ValueError(message)
        self.dim = _SIZES[size][0]
        self.weights = weights or f"openai/clip-{_NAMES[size]}"
        self.has_random_weights = weights == RANDOM
        self.network = Frozen(functools.partial(_network, self.weights, size))

    @torch.no_grad()
    def forward(self, images: Images) -> Features:
        """Give the features of the patches in raster order."""
        if images.shape[-2:] != (_SIDE, _SIDE):
            images = functional.interpolate(
                images, size=(_SIDE, _SIDE), mode="bicubic", align_corners=False, antialias=images.shape[-1] > _SIDE
            ).clamp(-1, 1)
        mean, deviation = (torch.tensor(each).to(images)[:, None, None] for each in (_MEAN, _DEVIATION))
        network = self.network.on(images.device)
        hidden = network(pixel_values=(to_unit(images) - mean) / deviation).last_hidden_state
        features: torch.Tensor = network.post_layernorm(hidden[:, 1:])
        return features


def _network(weights: str, size: str) -> nn.Module:
    from transformers import CLIPVisionConfig, CLIPVisionModel

    from zoo.bundles import WeightsNotFoundError, find

    dim, hidden, layers, heads, patch = _SIZES[size]
    if weights == RANDOM:
        _LOG.warning("CLIPFaceEncoder: random weights: shapes and speed only.")
        config = CLIPVisionConfig(
            hidden_size=dim,
            intermediate_size=hidden,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            image_size=_SIDE,
            patch_size=patch,
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return _vision(CLIPVisionModel(config))
    place: str | Path
    try:
        place = find(weights)
    except WeightsNotFoundError:
        place = weights
    try:
        network = CLIPVisionModel.from_pretrained(place, use_safetensors=True)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        message = (
            "CLIPFaceEncoder: weights must be a folder with CLIP in transformers' layout (config.json, "
            f"model.safetensors) or a name on the Hugging Face hub, got {weights!r}: {reason} Fetch it with "
            f"`hf download openai/clip-{_NAMES[size]} --local-dir models/clip` and name that folder; random is for "
            "shapes and speed."
        )
        raise WeightsNotFoundError(message) from error
    if network.config.hidden_size != dim or network.config.patch_size != patch:
        message = (
            f"CLIPFaceEncoder: size must be that of the weights, got {size!r}, while {weights!r} has "
            f"{network.config.hidden_size} channels and patches of {network.config.patch_size}."
        )
        raise ValueError(message)
    return _vision(network)


def _vision(network: nn.Module) -> nn.Module:
    """Give the transformer itself, which newer releases of transformers no longer wrap."""
    inner = getattr(network, "vision_model", network)
    assert isinstance(inner, nn.Module)
    return inner
