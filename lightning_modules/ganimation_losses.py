"""What GANimation's generator and critic are trained with, beside differences of pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.discriminators.base import Discriminator

SATURATED = 0.98
"""A mask whose mean is above this copies the input; below one minus this, it paints all of the face anew."""


def gradient_penalty(discriminator: Discriminator, real: Tensor, fake: Tensor, *, mix: Tensor) -> Tensor:
    """Give the mean square by which the critic's slope differs from 1 between real and fake images.

    Gulrajani et al. 2017, equation 3 (https://arxiv.org/abs/1704.00028), of the mean over an image's patches.

    Args:
        discriminator: The critic.
        real: Real images.
        fake: As many fake ones.
        mix: For each pair, where between the two the slope is taken, 0 to 1.
    """
    between = torch.lerp(fake.detach().float(), real.detach().float(), mix[:, None, None, None]).requires_grad_(True)
    heights = discriminator(between).float().mean((1, 2, 3))
    (slope,) = torch.autograd.grad(heights.sum(), between, create_graph=True)
    return (slope.flatten(1).norm(dim=1) - 1).square().mean()


def condition_error(found: Tensor, wanted: Tensor, known: Tensor) -> Tensor:
    """Give the mean squared error of intensities in [0, 1] over what is known of them; 0 where nothing is."""
    errors = (found.float() - wanted).square() * known
    return errors.sum() / known.sum().clamp(min=1)


def roughness(attention: Tensor, *, reduction: Literal["mean", "sum"] = "mean") -> Tensor:
    """Give the total variation of masks: how much neighbours differ, down and across.

    Args:
        attention: Masks, ``batch 1 height width``.
        reduction: ``mean`` over neighbours, added over the two directions; ``sum``, the paper's, grows with the batch
            and with the pictures.
    """
    down, across = attention.diff(dim=2).abs(), attention.diff(dim=3).abs()
    return down.mean() + across.mean() if reduction == "mean" else down.sum() + across.sum()


def saturation(mean_attention: float) -> str | None:
    """Say what is wrong with masks of this mean; None if nothing is.

    Example:
        >>> saturation(0.5), saturation(0.999)
        (None, 'keeps 99.9 % of its input: it copies faces')
    """
    share = f"{100 * mean_attention:.1f} %"
    if mean_attention > SATURATED:
        return f"keeps {share} of its input: it copies faces"
    if mean_attention < 1 - SATURATED:
        return f"keeps {share} of its input: it paints all of the face anew"
    return None
