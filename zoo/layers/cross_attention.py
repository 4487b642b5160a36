"""Attention of one sequence to another, with the weights to look at."""

from __future__ import annotations

import torch
from einops import einsum, rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from zoo.layers.normalization import RMSNorm


class CrossAttention(nn.Module):
    """Let each query look at keys, and give what it finds there together with where it looked.

    Plain softmax attention with normalised inputs, written out: fused kernels do not give the weights.

    Args:
        dim: Channels of queries and output; a multiple of ``num_heads``.
        key_dim: Channels of what is looked at.
        num_heads: Attention heads.
    """

    def __init__(self, dim: int, *, key_dim: int, num_heads: int) -> None:
        super().__init__()
        if num_heads < 1 or dim % num_heads:
            message = f"CrossAttention: dim must be a multiple of num_heads, got {dim} and {num_heads}."
            raise ValueError(message)
        self.num_heads = num_heads
        self.scale = (dim // num_heads) ** -0.5
        self.query_norm = RMSNorm(dim, eps=1e-6)
        self.key_norm = RMSNorm(key_dim, eps=1e-6)
        self.query = nn.Linear(dim, dim, bias=False)
        self.key_value = nn.Linear(key_dim, 2 * dim, bias=False)
        self.out = nn.Linear(dim, dim, bias=False)

    def forward(
        self,
        queries: Float[Tensor, "batch length dim"],
        keys: Float[Tensor, "batch place key_dim"],
        *,
        mask: Bool[Tensor, "batch place"] | None = None,
    ) -> tuple[Float[Tensor, "batch length dim"], Float[Tensor, "batch length place"]]:
        """Give what is found and the weights, mean over heads.

        Args:
            queries: What looks.
            keys: What is looked at.
            mask: Where keys are real; every row has at least one.
        """
        query = rearrange(self.query(self.query_norm(queries)), "b n (m d) -> b m n d", m=self.num_heads)
        key, value = rearrange(self.key_value(self.key_norm(keys)), "b s (t m d) -> t b m s d", t=2, m=self.num_heads)
        logits = einsum(query, key, "b m n d, b m s d -> b m n s").float() * self.scale
        if mask is not None:
            logits = logits.masked_fill(~mask[:, None, None], -torch.inf)
        weights = logits.softmax(-1)
        found = einsum(weights.to(value.dtype), value, "b m n s, b m s d -> b m n d")
        return self.out(rearrange(found, "b m n d -> b n (m d)")), weights.mean(1)
