"""One block of the trunk: its three layers, and the norm that all of them use."""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional

from zoo.layers.dot_product import attend
from zoo.layers.rotary import GridRotation
from zoo.layers.swiglu import SwiGLU

EPSILON = 1e-6


class Block(nn.Module):
    """Self-attention, cross-attention and a gated feed-forward layer; each scaled before and gated after.

    Args:
        dim: Channels.
        num_heads: Attention heads.
        dropout: Share of what each layer adds that is dropped in training.
    """

    def __init__(self, dim: int, num_heads: int, dropout: float) -> None:
        super().__init__()
        self.num_heads = num_heads
        head_dim = dim // num_heads
        self.query_key = nn.Linear(dim, 2 * dim, bias=False)
        self.value = nn.Linear(dim, dim, bias=False)
        self.query_key_scale = nn.Parameter(torch.ones(head_dim))
        self.out = nn.Linear(dim, dim, bias=False)
        self.query = nn.Linear(dim, dim, bias=False)
        self.query_scale = nn.Parameter(torch.ones(head_dim))
        self.context_out = nn.Linear(dim, dim, bias=False)
        self.feed_forward = SwiGLU(dim)
        self.dropout = nn.Dropout(dropout)

    def look_around(
        self, sites: Tensor, scale: Tensor, gate: Tensor, rotation: GridRotation, *, asked: Tensor | None
    ) -> Tensor:
        """Let sites, or those that are asked for, attend to all."""
        seen = unit(sites) * (1 + scale)
        value = self._heads(self.value(seen))
        # normalised as they lie in memory, turned as heads
        if asked is None:
            pairs = unit(self.query_key(seen).unflatten(-1, (2, self.num_heads, -1)), self.query_key_scale)
            query, key = rotation(rearrange(pairs, "b n t m d -> t b m n d"))
        else:
            to_query, to_key = self.query_key.weight.chunk(2)
            key = rotation(self._heads(functional.linear(seen, to_key), self.query_key_scale))
            sample = torch.arange(len(sites), device=sites.device)[:, None]
            sites = sites[sample, asked]
            query = self._heads(functional.linear(seen[sample, asked], to_query), self.query_key_scale)
            query = rotation(query, places=asked[:, None])
        found = attend(query.to(value.dtype), key.to(value.dtype), value)
        return self._add(sites, self.out(rearrange(found, "b m n d -> b n (m d)")), gate)

    def look_up(
        self, sites: Tensor, scale: Tensor, gate: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None
    ) -> Tensor:
        """Let sites attend to the context."""
        query = self._heads(self.query(unit(sites) * (1 + scale)), self.query_scale).to(keys.dtype)
        found = attend(query, keys, values, mask=mask)
        return self._add(sites, self.context_out(rearrange(found, "b m n d -> b n (m d)")), gate)

    def think(self, sites: Tensor, scale: Tensor, gate: Tensor) -> Tensor:
        """Transform each site by itself."""
        return self._add(sites, self.feed_forward(unit(sites) * (1 + scale)), gate)

    def _heads(self, vectors: Tensor, scale: Tensor | None = None) -> Tensor:
        """Divide vectors among heads; with a scale, normalised."""
        heads = vectors.unflatten(-1, (self.num_heads, -1))
        return rearrange(heads if scale is None else unit(heads, scale), "b n m d -> b m n d")

    def _add(self, sites: Tensor, found: Tensor, gate: Tensor) -> Tensor:
        return torch.addcmul(sites, self.dropout(found), gate)


def unit(vectors: Tensor, scale: Tensor | None = None) -> Tensor:
    """Give vectors of mean 0 and variance 1: one fused pass everywhere, unlike the root mean square alone."""
    return functional.layer_norm(vectors, vectors.shape[-1:], scale, eps=EPSILON)
