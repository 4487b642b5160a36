"""The gated feed-forward layer of transformers."""

from __future__ import annotations

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
        gate, value = self.into(vectors).chunk(2, -1)
        return self.out(self.dropout(functional.silu(gate) * value))
