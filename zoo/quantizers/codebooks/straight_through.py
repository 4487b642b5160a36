"""The gradient of a quantizer that does not learn by gradients itself."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class StraightThrough(torch.autograd.Function):
    """Give what was computed without a graph, and pass gradients straight through to the vectors.

    The straight-through estimate is of the *sum* of all levels, so that its gain is 1 whatever their number;
    one estimate per level would multiply the encoder's gradient by it. The commitment loss brings its own
    gradient, which was summed up level by level while the residuals were at hand: no graph keeps them.
    """

    @staticmethod
    def forward(  # noqa: D102
        ctx: Any, vectors: Tensor, quantized: Tensor, commitment: Tensor, commitment_gradient: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(commitment_gradient)
        return quantized.view_as(quantized), commitment.view_as(commitment)

    @staticmethod
    def backward(ctx: Any, of_quantized: Tensor, of_commitment: Tensor) -> tuple[Tensor, None, None, None]:  # noqa: D102
        (gradient,) = ctx.saved_tensors
        if gradient is None:
            return of_quantized, None, None, None
        return torch.addcmul(of_quantized, gradient, of_commitment), None, None, None
