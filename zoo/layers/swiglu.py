"""The gated feed-forward layer of transformers."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


class SwiGLU(nn.Module):
    """Multiply one linear map by the SiLU of another, and map back (Shazeer 2020, https://arxiv.org/abs/2002.05202).

    Args:
        dim: Channels of input and output.
        hidden_dim: Channels in between; by default 8/3 of ``dim``, as many weights as a plain layer of 4 times,
            rounded to a multiple of 64, which matrix products like.
        dropout: Share of activations dropped in between.
    """

    def __init__(self, dim: int, *, hidden_dim: int | None = None, dropout: float = 0.0) -> None:
        super().__init__()
        hidden_dim = max(64, round(dim * 8 / 3 / 64) * 64) if hidden_dim is None else hidden_dim
        self.into = nn.Linear(dim, 2 * hidden_dim, bias=False)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(hidden_dim, dim, bias=False)

    def forward(self, vectors: Float[Tensor, "*batch dim"]) -> Float[Tensor, "*batch dim"]:
        """Transform each vector."""
        both = self.into(vectors)
        if torch.compiler.is_compiling():  # compilers fuse the plain form, but not this one
            gate, value = both.chunk(2, -1)
            return self.out(self.dropout(functional.silu(gate) * value))
        return self.out(self.dropout(_Gate.apply(both)))


class _Gate(torch.autograd.Function):
    """Multiply the SiLU of the first half by the second; half the memory and passes of the same in plain words."""

    @staticmethod
    def forward(ctx: Any, both: Tensor) -> Tensor:
        ctx.save_for_backward(both)
        gate, value = both.chunk(2, -1)
        return functional.silu(gate).mul_(value)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> Tensor:
        (both,) = ctx.saved_tensors
        gradient = torch.empty_like(both)
        gate, value = both.chunk(2, -1)
        of_gate, of_value = gradient.chunk(2, -1)
        work = functional.silu(gate)
        torch.mul(upstream, work, out=of_value)
        torch.mul(upstream, value, out=work)
        torch.ops.aten.silu_backward.grad_input(work, gate, grad_input=of_gate)
        return gradient
