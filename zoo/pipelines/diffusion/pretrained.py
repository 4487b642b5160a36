"""Stable Diffusion as its authors give it: a folder in diffusers' layout, or a name on the Hugging Face hub."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import nn

from zoo.pipelines.diffusion.architectures import SCHEDULE, Architecture
from zoo.pipelines.diffusion.networks import Networks
from zoo.pipelines.diffusion.packages import diffusers
from zoo.pipelines.diffusion.prompts import Marks

_PARTS = ("unet", "vae", "text_encoder", "tokenizer", "scheduler")
_HUB = "sd-legacy/stable-diffusion-v1-5"
_FILES = (
    "model_index.json 'scheduler/*' 'tokenizer/*' '*/config.json' text_encoder/model.safetensors "
    "unet/diffusion_pytorch_model.safetensors vae/diffusion_pytorch_model.safetensors"
)
_SCHEDULE = (*SCHEDULE, "trained_betas", "rescale_betas_zero_snr")


def pretrained_networks(weights: str, *, architecture: Architecture, size: str) -> Networks:
    """Load the three networks, their tokenizer and their noise; from safetensors alone.

    Args:
        weights: A folder or a name on the hub.
        architecture: What they must be like.
        size: Its name.

    Raises:
        WeightsNotFoundError: A part is missing, or can't be read.
        ValueError: They are of another architecture.
    """
    from transformers import CLIPTextModel, CLIPTokenizer

    from zoo.bundles import WeightsNotFoundError, find

    place: str | Path
    try:
        place = find(weights)
    except WeightsNotFoundError:
        place = weights
    kinds = {
        "unet": diffusers().UNet2DConditionModel,
        "vae": diffusers().AutoencoderKL,
        "text_encoder": CLIPTextModel,
        "tokenizer": CLIPTokenizer,
        "scheduler": diffusers().DDPMScheduler,
    }
    parts: dict[str, Any] = {}
    for name in _PARTS:
        is_network = issubclass(kinds[name], nn.Module)
        try:
            if isinstance(place, Path) and not (place / name).is_dir():
                message = f"it has no {name}/."
                raise FileNotFoundError(message)
            options = {"use_safetensors": True} if is_network else {}
            parts[name] = kinds[name].from_pretrained(place, subfolder=name, **options)
        except (OSError, ValueError) as error:
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            message = (
                "StableDiffusionPipeline: weights must be a folder with Stable Diffusion in diffusers' layout "
                f"({', '.join(f'{each}/' for each in _PARTS)}) or a name on the Hugging Face hub, got {weights!r}: "
                f"{reason} Fetch it with `hf download {_HUB} --local-dir models/stable_diffusion_v1_5 --include "
                f"{_FILES}` (4.3 GB) and give models/stable_diffusion_v1_5; random is for shapes and speed."
            )
            raise WeightsNotFoundError(message) from error
    _check(parts, architecture, weights, size)
    tokenizer, found = parts["tokenizer"], dict(parts["scheduler"].config)

    def ids(prompts: Sequence[str]) -> list[list[int]]:
        # nothing is cut here, so there is nothing to warn of
        laid_out: list[list[int]] = tokenizer(
            list(prompts), add_special_tokens=False, truncation=False, verbose=False
        ).input_ids
        return laid_out

    return Networks(
        parts["unet"],
        autoencoder=parts["vae"],
        text_encoder=parts["text_encoder"],
        ids=ids,
        marks=Marks(tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id),
        schedule={name: found[name] for name in _SCHEDULE if found.get(name) is not None},
        latent_scale=float(parts["vae"].config.scaling_factor),
    )


def _check(parts: dict[str, Any], architecture: Architecture, weights: str, size: str) -> None:
    """Refuse networks that LoRA layers of this size would not fit."""
    found, wanted = parts["unet"].config, architecture.denoiser()
    for name in ("in_channels", "block_out_channels", "layers_per_block", "cross_attention_dim", "down_block_types"):
        given = tuple(found[name]) if isinstance(found[name], list | tuple) else found[name]
        if given != wanted[name]:
            message = (
                f"StableDiffusionPipeline: size must be that of the weights, got {size!r} with {name} {wanted[name]}, "
                f"while {weights!r} has {given}."
            )
            raise ValueError(message)
    if len(parts["vae"].config.block_out_channels) != len(architecture.image_channels):
        message = (
            f"StableDiffusionPipeline: size must be that of the weights, got {size!r} with {architecture.stride} "
            f"pixels per latent, while the autoencoder of {weights!r} has another number."
        )
        raise ValueError(message)
