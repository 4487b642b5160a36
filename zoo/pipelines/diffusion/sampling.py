"""From noise to latents: a sampler's steps, guided by text, from the beginning or from a reference."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Bool
from torch import Tensor

from zoo.pipelines.diffusion.networks import Networks
from zoo.pipelines.diffusion.prompts import EncodedPrompts
from zoo.shapes import Latents


def denoised(
    networks: Networks,
    noise: Latents,
    *,
    text: EncodedPrompts,
    steps: int,
    guidance: float = 1.0,
    strength: float = 1.0,
    origin: Latents | None = None,
    stays: Bool[Tensor, "batch 1 rows cols"] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Latents:
    """Draw scaled latents; they depend on the noise alone.

    Args:
        networks: What draws.
        noise: One for each sample.
        text: What the samples are to show; where they are guided, as many empty prompts behind.
        steps: Of the whole way from noise.
        guidance: How far to go from the empty prompt to the own one.
        strength: Share of the steps that are gone; below 1, they begin with the origin.
        origin: Latents of references.
        stays: Where the origin stays.
        progress: Told after each step how many are done, and of how many.
    """
    sampler = networks.sampler(steps)
    first = steps - max(1, round(steps * strength))
    times = sampler.timesteps[first:]
    sampler.set_begin_index(first)
    latents = noise if origin is None or strength == 1 else drowned(networks, origin, noise=noise, time=times[0])
    copies = len(text.features) // len(noise)
    for place, time in enumerate(times):
        predicted = networks.predict(
            latents.repeat(copies, 1, 1, 1),
            times=time.expand(copies * len(noise)),
            text=text.features,
            present=text.present,
        ).to(latents)
        if copies > 1:
            with_text, without = predicted.chunk(2)
            predicted = without + guidance * (with_text - without)
        latents = sampler.step(predicted, time, latents).prev_sample
        if stays is not None and origin is not None:
            is_last = place == len(times) - 1
            known = origin if is_last else drowned(networks, origin, noise=noise, time=times[place + 1])
            latents = torch.where(stays, known, latents)
        if progress is not None:
            progress(place + 1, len(times))
    return latents


def drowned(networks: Networks, latents: Latents, *, noise: Latents, time: Tensor) -> Latents:
    """Drown scaled latents in noise, as far as a time says."""
    share = networks.alphas[time].to(latents.dtype)
    return share.sqrt() * latents + (1 - share).sqrt() * noise
