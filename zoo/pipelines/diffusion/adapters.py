"""LoRA layers beside a denoiser's own: kept apart from it, named as diffusers' LoRA files name them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from zoo.files import write_whole
from zoo.pipelines.diffusion.architectures import Architecture
from zoo.pipelines.diffusion.packages import peft

if TYPE_CHECKING:
    from torch import Tensor

FILE = "pytorch_lora_weights.safetensors"
"""The name that ``load_lora_weights`` of diffusers looks for."""
_NAME = "default"


def make_adapters(architecture: Architecture, rank: int) -> nn.Module:
    """Make LoRA layers for all attention of a denoiser, in modules that lie as the denoiser's do.

    The first of each pair is drawn from a normal distribution of deviation 1 / rank, the second is 0 (peft's
    ``gaussian``): before training they change nothing. Their sum is not scaled: alpha is the rank.
    """
    root = nn.Module()
    for name, inputs, outputs in architecture.attention_layers():
        place = root
        for part in name.split("."):
            if part not in dict(place.named_children()):
                place.add_module(part, nn.Module())
            place = place.get_submodule(part)
        down, up = nn.Linear(inputs, rank, bias=False), nn.Linear(rank, outputs, bias=False)
        nn.init.normal_(down.weight, std=1 / rank)
        nn.init.zeros_(up.weight)
        place.add_module("lora_A", down)
        place.add_module("lora_B", up)
    return root


def prepare(denoiser: Any, rank: int) -> None:
    """Give a denoiser of diffusers places for LoRA layers, in peft's way."""
    config = peft().LoraConfig(
        r=rank, lora_alpha=rank, target_modules=["to_q", "to_k", "to_v", "to_out.0"], init_lora_weights="gaussian"
    )
    denoiser.add_adapter(config, adapter_name=_NAME)
    denoiser.requires_grad_(False)


def attach(adapters: nn.Module, denoiser: Any) -> None:
    """Let a prepared denoiser use these LoRA layers, until others are attached."""
    for name, pair in pairs(adapters):
        place = denoiser.get_submodule(name)
        # past nn.Module's books: the layers belong to the adapters, and move with them
        place.lora_A._modules[_NAME] = pair.get_submodule("lora_A")
        place.lora_B._modules[_NAME] = pair.get_submodule("lora_B")


def pairs(adapters: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Give the name of each layer that has a pair, and the pair."""
    for name, module in adapters.named_modules():
        if "lora_A" in dict(module.named_children()):
            yield name, module


def save_lora_file(adapters: nn.Module, folder: str | os.PathLike[str]) -> Path:
    """Write the file that ``load_lora_weights`` of diffusers loads; gives it.

    Raises:
        OSError: It can't be written; no part of it is left.
    """
    from safetensors.torch import save_file

    state: dict[str, Tensor] = {
        f"unet.{name}": each.detach().to("cpu", torch.float32).contiguous()
        for name, each in adapters.state_dict().items()
    }
    return write_whole(Path(folder) / FILE, lambda file: save_file(state, file, metadata={"format": "pt"}))
