"""One backward pass for many losses of the same reconstruction."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from zoo.shapes import Images, Scalar


def loss_gradient(
    reconstructions: Images, loss: Callable[[Images], Scalar], *, scale: float = 1.0
) -> tuple[Scalar, Images]:
    """Give a loss of the reconstructions and its gradient towards them, and towards nothing else.

    The graph behind ``reconstructions`` is neither used nor freed, and no gradient of a parameter that the loss
    passes through (a discriminator's, a perceptual network's) is computed.

    Args:
        reconstructions: Images, with or without a graph behind them.
        loss: Gives a scalar for them.
        scale: What the gradient is multiplied by before it is taken, as a gradient scaler for float16 asks.

    Returns:
        The loss, detached and unscaled, and the gradient, scaled.
    """
    with torch.enable_grad():
        leaf = reconstructions.detach().requires_grad_(True)
        value = loss(leaf)
        (gradient,) = torch.autograd.grad(value if scale == 1.0 else value * scale, leaf)
    return value.detach(), gradient


def sum_gradients(
    reconstructions: Images, losses: Sequence[Callable[[Images], Scalar]], *, scale: float = 1.0
) -> tuple[list[Scalar], Images]:
    """Give weighted losses of the reconstructions, and the sum of their gradients towards them.

    The gradient of a sum is the sum of the gradients, so ``torch.autograd.backward(reconstructions, gradient)``
    afterwards gives the codec what backward of the summed losses would, while each loss's own graph is crossed
    once, towards the image alone, and is freed before the next one is built.

    Args:
        reconstructions: Images, with the codec's graph behind them.
        losses: Each gives a scalar, already weighted.
        scale: What the gradients are multiplied by before they are taken, as a gradient scaler for float16 asks.

    Returns:
        The losses, detached and unscaled, and the summed gradient, scaled.

    Example:
        >>> images = torch.ones(1, 3, 2, 2, requires_grad=True)
        >>> values, gradient = sum_gradients(images, [lambda x: x.square().mean(), lambda x: 3 * x.mean()])
        >>> images.backward(gradient)
        >>> [float(value) for value in values], round(float(images.grad.sum()), 6)
        ([1.0, 3.0], 5.0)
    """
    values, total = [], torch.zeros_like(reconstructions, requires_grad=False)
    for loss in losses:
        value, gradient = loss_gradient(reconstructions, loss, scale=scale)
        values.append(value)
        total += gradient
    return values, total


def gradient_at(
    weight: Float[Tensor, "*weight_shape"], reconstructions: Images, gradient: Images
) -> Float[Tensor, "*weight_shape"]:
    """Carry a gradient towards the reconstructions on to one weight, such as the last layer's; the graph stays.

    The adaptive weight of VQGAN compares such gradients (Esser et al. 2021, eq. 7, https://arxiv.org/abs/2012.09841).
    """
    (found,) = torch.autograd.grad(reconstructions, weight, gradient, retain_graph=True)
    return found
