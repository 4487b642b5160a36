"""The gradient of a quantizer that does not learn by gradients itself."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class StraightThrough(torch.autograd.Function):
    """Give what was computed without a graph, and pass gradients straight through to the vectors.

    The straight-through estimate is of the *sum* of all levels, so that its gain is 1 whatever their number;
    one estimate per level would multiply the encoder's gradient by it. The commitment loss brings the sum of the
    errors that its levels leave, to which its gradient is proportional: no graph keeps the residuals.
    """

    @staticmethod
    def forward(  # noqa: D102
        ctx: Any, vectors: Tensor, quantized: Tensor, commitment: Tensor, errors: Tensor | None, num_levels: int
    ) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(errors)
        ctx.num_levels = num_levels
        return quantized.view_as(quantized), commitment.view_as(commitment)

    @staticmethod
    def backward(ctx: Any, of_quantized: Tensor, of_commitment: Tensor) -> tuple[Tensor, None, None, None, None]:  # noqa: D102
        (errors,) = ctx.saved_tensors
        if errors is None:
            return of_quantized, None, None, None, None
        scale = 2 / (max(errors.numel(), 1) * ctx.num_levels)
        return torch.addcmul(of_quantized, errors, of_commitment, value=scale), None, None, None, None
