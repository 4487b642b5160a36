"""Stable Diffusion with LoRA: a general text-to-image model, fine-tuned to descriptions of AUs; a baseline."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from zoo.frozen import Frozen
from zoo.pipelines.base import Pipeline, Synthesis
from zoo.pipelines.diffusion.adapters import attach, make_adapters, save_lora_file
from zoo.pipelines.diffusion.architectures import ARCHITECTURES, LATENT_CHANNELS
from zoo.pipelines.diffusion.bases import base
from zoo.pipelines.diffusion.networks import Networks, new_networks
from zoo.pipelines.diffusion.prompts import EncodedPrompts
from zoo.pipelines.diffusion.sampling import denoised
from zoo.sampling import Sampling
from zoo.shapes import Images, Intensity, Latents, Occurrence

_SAMPLING = Sampling(steps=25, text_guidance=7.5)


@dataclass(frozen=True)
class Denoising:
    """What a training pass gives.

    Attributes:
        prediction: What the denoiser says is in the noisy latents.
        target: What is: the noise, or the velocity.
        signal: Signal-to-noise ratio of each.
    """

    prediction: Latents
    target: Latents
    signal: Float[Tensor, " batch"]


class StableDiffusionPipeline(Pipeline):
    """Draw faces by their prompts with latent diffusion (Rombach et al. 2022, https://arxiv.org/abs/2112.10752).

    With ``weights`` the networks are others' and stay as they are, outside of bundles and checkpoints; what is trained
    and kept is a LoRA (Hu et al. 2021, https://arxiv.org/abs/2106.09685) of the denoiser's attention, whose state is
    that of a LoRA file of diffusers. Without, the networks are its own, and trained whole.

    It reads prompts alone: who it is comes from no reference, but where ``strength`` is below 1. Of :class:`Sampling`,
    it takes ``steps`` and ``text_guidance``; the sampler is DPM-Solver++. No safety checker is loaded.

    Args:
        weights: A folder in diffusers' layout, a name on the Hugging Face hub, or a bundle or run of this class with
            networks of its own; ``random`` gives seeded random weights, which are good for shapes and speed only;
            None are networks of its own.
        size: Of the networks: ``sd15``, Stable Diffusion 1.5's, or ``tiny``, for 64 pixels on a CPU.
        rank: Of the LoRA; None where the networks are its own.
        image_size: Height and width of references and results in pixels.
        long_prompts: What exceeds the 75 ids that the text encoder reads at a time: ``truncate`` leaves it out,
            ``chunk`` has it read apart and looked at together.
        strength: Share of the noise that is taken away. 1 begins with noise alone, text to image; below, the
            reference is drowned in noise that far, and what is left of it stays: image to image.
        prompt_style: Style of the lexicon that it was trained on.
    """

    settings = ("seed", "steps", "text_guidance")

    def __init__(
        self,
        weights: str | None = None,
        *,
        size: Literal["tiny", "sd15"] = "tiny",
        rank: int | None = None,
        image_size: int = 64,
        long_prompts: Literal["truncate", "chunk"] = "chunk",
        strength: float = 1.0,
        prompt_style: str = "full",
    ) -> None:
        super().__init__()
        for name, value, offered in (
            ("size", size, tuple(ARCHITECTURES)),
            ("long_prompts", long_prompts, ("truncate", "chunk")),
        ):
            if value not in offered:
                message = f"StableDiffusionPipeline: {name} must be {offered[0]!r} or {offered[1]!r}, got {value!r}."
                raise ValueError(message)
        if weights is None and rank is not None:
            message = (
                f"StableDiffusionPipeline: rank must be null without weights, got {rank}. Networks of its own are "
                "trained whole; a LoRA is of others'."
            )
            raise ValueError(message)
        if weights is not None and (rank is None or rank < 1):
            message = f"StableDiffusionPipeline: rank must be at least 1 where there are weights, got {rank}."
            raise ValueError(message)
        architecture = ARCHITECTURES[size]
        if image_size < 1 or image_size % architecture.least_image:
            message = (
                f"StableDiffusionPipeline: image_size must be a multiple of {architecture.least_image} for size "
                f"{size!r}, got {image_size}."
            )
            raise ValueError(message)
        if not 0 < strength <= 1:
            message = f"StableDiffusionPipeline: strength must be above 0 and at most 1, got {strength}."
            raise ValueError(message)
        self.weights = weights
        self.size = size
        self.image_size = image_size
        self.long_prompts: Literal["truncate", "chunk"] = long_prompts
        self.strength = strength
        self.sees_reference = strength < 1
        self.prompt_style = prompt_style
        self.latent_size = image_size // architecture.stride
        self.own: Networks | None = None
        self.unet: nn.Module | None = None
        if weights is None:
            self.own = new_networks(architecture)
        else:
            assert rank is not None
            # its name is that of diffusers' files
            self.unet = make_adapters(architecture, rank)
            self.base = Frozen(functools.partial(base, weights, size, rank))

    def networks(self) -> Networks:
        """Give the three networks, where this component is, with its LoRA."""
        if self.own is not None:
            return self.own
        assert self.unet is not None
        networks: Networks = self.base.on(next(self.unet.parameters()).device)
        attach(self.unet, networks.denoiser)
        return networks

    def encode_prompts(self, prompts: Sequence[str]) -> EncodedPrompts:
        """Read prompts."""
        networks = self.networks()
        laid_out = networks.lay_out(prompts, self.long_prompts)
        device = networks.latent_scale.device
        features = networks.read(laid_out.ids.to(device))
        return EncodedPrompts(features, laid_out.present.to(device), laid_out.given, laid_out.read)

    def encode(self, images: Images, *, noise: Latents | None = None) -> Latents:
        """Turn images into scaled latents: their mean, or drawn with this noise."""
        networks = self.networks()
        mean, log_variance = networks.moments(images)
        drawn = mean if noise is None else mean + (0.5 * log_variance).exp() * noise
        return drawn * networks.latent_scale

    def decode(self, latents: Latents) -> Images:
        """Turn scaled latents into images."""
        return self.networks().decode(latents).clamp(-1, 1)

    def forward(
        self, latents: Latents, text: EncodedPrompts, *, noise: Latents, times: Int[Tensor, " batch"]
    ) -> Denoising:
        """Drown scaled latents in noise, as far as each time says, and have it told from them again."""
        networks = self.networks()
        share = networks.alphas[times].to(latents.dtype)
        kept, drowned = (each.sqrt()[:, None, None, None] for each in (share, 1 - share))
        noisy = kept * latents + drowned * noise
        prediction = networks.predict(noisy, times=times, text=text.features, present=text.present)
        target = kept * noise - drowned * latents if networks.predicts_velocity else noise
        return Denoising(prediction, target, share / (1 - share))

    @torch.no_grad()
    def synthesize(
        self,
        references: Images,
        prompts: Sequence[str],
        *,
        occurrence: Occurrence | None = None,
        intensity: Intensity | None = None,
        seeds: Int[Tensor, " batch"] | None = None,
        sampling: Sampling | None = None,
        keep: Bool[Tensor, "batch rows cols"] | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Synthesis:
        """Draw one face for each prompt; see :class:`zoo.pipelines.base.Pipeline`. There are no tokens.

        Raises:
            ValueError: References are of another size, or there is not one prompt for each, or there are no steps.
        """
        side = self.image_size
        if references.shape[-2:] != (side, side):
            message = (
                f"StableDiffusionPipeline: references must be {side} x {side} pixels, got "
                f"{references.shape[-2]} x {references.shape[-1]}."
            )
            raise ValueError(message)
        if len(prompts) != len(references):
            message = (
                f"StableDiffusionPipeline: prompts must be as many as references, {len(references)}, got "
                f"{len(prompts)}."
            )
            raise ValueError(message)
        sampling = sampling or _SAMPLING
        if sampling.steps < 1:
            message = f"StableDiffusionPipeline: steps must be at least 1, got {sampling.steps}."
            raise ValueError(message)
        if seeds is None:
            seeds = torch.arange(len(references))
        noise = self._noise(seeds).to(references)
        guided = sampling.text_guidance != 1
        latents = denoised(
            self.networks(),
            noise,
            text=self.encode_prompts([*prompts, *([""] * len(prompts) if guided else [])]),
            steps=sampling.steps,
            guidance=sampling.text_guidance,
            strength=self.strength,
            origin=self.encode(references).to(references) if self.strength < 1 or keep is not None else None,
            stays=None if keep is None else _enlarged(keep, self.latent_size),
            progress=progress,
        )
        images = self.decode(latents).to(references)
        if keep is not None:
            images = torch.where(_enlarged(keep, side), references, images)
        return Synthesis(images=images, tokens=None)

    def save_lora(self, folder: str | os.PathLike[str]) -> Path:
        """Write the LoRA as ``load_lora_weights`` of diffusers loads it; gives the file.

        Raises:
            ValueError: The networks are its own, and it has none.
        """
        if self.unet is None:
            message = "StableDiffusionPipeline: save_lora must have a LoRA to write, got networks of its own. Set rank."
            raise ValueError(message)
        return save_lora_file(self.unet, folder)

    def _noise(self, seeds: Tensor) -> Tensor:
        """Draw noise for each seed by itself, the same on all devices."""
        shape = (LATENT_CHANNELS, self.latent_size, self.latent_size)
        return torch.stack(
            [torch.randn(shape, generator=torch.Generator().manual_seed(seed)) for seed in seeds.tolist()]
        )


def _enlarged(keep: Tensor, side: int) -> Tensor:
    """Bring a grid of any size to another."""
    return functional.interpolate(keep[:, None].float(), size=(side, side), mode="nearest") > 0
