"""The transformer that all masked generators share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from einops import rearrange, repeat
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from zoo.fusion.base import Context
from zoo.layers.rotary import GridRotation
from zoo.layers.swiglu import SwiGLU

_EPSILON = 1e-6
_FREQUENCIES = 8


@dataclass(frozen=True)
class Memory:
    """What the trunk remembers of contexts: made once, read in every pass.

    Attributes:
        keys: Of each layer.
        values: Of each layer.
        mask: Where they are real.
        pooled: The mean over what is real, projected.
        spatial: What is added to each position; None where the context has nothing spatial.
    """

    keys: Float[Tensor, "layer batch head length head_dim"]
    values: Float[Tensor, "layer batch head length head_dim"]
    mask: Bool[Tensor, "batch 1 1 length"]
    pooled: Float[Tensor, "batch dim"]
    spatial: Float[Tensor, "batch site dim"] | None

    def first(self, count: int) -> Memory:
        """Give the first rows of the batch; a view."""
        spatial = None if self.spatial is None else self.spatial[:count]
        return Memory(self.keys[:, :count], self.values[:, :count], self.mask[:count], self.pooled[:count], spatial)

    @staticmethod
    def joined(memories: Sequence[Memory]) -> Memory:
        """Put memories one after another in the batch, the shorter ones padded."""
        if len(memories) == 1:
            return memories[0]
        longest = max(each.mask.shape[-1] for each in memories)
        missing = [longest - each.mask.shape[-1] for each in memories]
        padded = [
            (
                functional.pad(each.keys, (0, 0, 0, count)),
                functional.pad(each.values, (0, 0, 0, count)),
                functional.pad(each.mask, (0, count)),
            )
            for each, count in zip(memories, missing, strict=True)
        ]
        keys, values, masks = zip(*padded, strict=True)
        spatial = [each.spatial for each in memories if each.spatial is not None]
        return Memory(
            keys=torch.cat(keys, 1),
            values=torch.cat(values, 1),
            mask=torch.cat(masks),
            pooled=torch.cat([each.pooled for each in memories]),
            spatial=torch.cat(spatial) if spatial else None,
        )


class Trunk(nn.Module):
    """Let the sites look at each other and at the context.

    Pre-norm blocks of self-attention, cross-attention and a gated feed-forward layer; queries and keys are normalised
    (Henry et al. 2020, https://arxiv.org/abs/2010.04245) and, among sites, rotated by position. The share of hidden
    sites and the pooled context scale, shift and gate every layer, gates from 0 (adaLN-zero, Peebles and Xie 2023,
    https://arxiv.org/abs/2212.09748); one map serves all layers, each adds its own constants (Chen et al. 2024,
    section 2.3, https://arxiv.org/abs/2310.00426).

    Args:
        dim: Channels; a multiple of ``num_heads``.
        num_layers: Blocks.
        num_heads: Attention heads.
        context_dim: Channels of the context.
        rows: Rows of the token grid.
        cols: Columns of the token grid.
        copies: How often the grid stands in the sequence of sites.
        num_kinds: Kinds of passes that it must tell apart, such as levels.
        dropout: Share of what each layer adds that is dropped in training.
    """

    def __init__(
        self,
        dim: int,
        *,
        num_layers: int,
        num_heads: int,
        context_dim: int,
        rows: int,
        cols: int,
        copies: int = 1,
        num_kinds: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if dim % num_heads:
            message = f"Trunk: dim must be a multiple of num_heads, got {dim} and {num_heads}."
            raise ValueError(message)
        self.num_layers, self.num_heads, self.copies = num_layers, num_heads, copies
        self.context_norm = nn.RMSNorm(context_dim, eps=_EPSILON)
        self.key_value = nn.Linear(context_dim, num_layers * 2 * dim, bias=False)
        self.key_scale = nn.Parameter(torch.ones(num_layers, 1, 1, 1, dim // num_heads))
        self.pooled = nn.Linear(context_dim, dim)
        self.spatial = nn.Linear(context_dim, dim, bias=False)
        self.ratio = nn.Linear(2 * _FREQUENCIES, dim)
        self.kind = nn.Embedding(num_kinds, dim)
        self.modulation = nn.Linear(dim, 9 * dim)
        self.constants = nn.Parameter(torch.zeros(num_layers, 9 * dim))
        self.rotation = GridRotation(rows, cols, head_dim=dim // num_heads, copies=copies)
        self.blocks = nn.ModuleList(_Block(dim, num_heads, dropout) for _ in range(num_layers))
        self.norm = nn.RMSNorm(dim, eps=_EPSILON)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)
        # as small as the embeddings of tokens, which it is added to
        nn.init.normal_(self.spatial.weight, std=0.02 / math.sqrt(context_dim))
        nn.init.normal_(self.kind.weight, std=0.02)

    def read(self, context: Context) -> Memory:
        """Compute what all layers and passes need of a context."""
        features = self.context_norm(context.features)
        keys, values = rearrange(
            self.key_value(features), "b n (l t m d) -> t l b m n d", l=self.num_layers, t=2, m=self.num_heads
        )
        keys = _unit(keys) * self.key_scale
        real = context.mask[..., None].to(features.dtype)
        pooled = self.pooled((features * real).sum(1) / real.sum(1))
        spatial = None
        if context.spatial is not None:
            spatial = repeat(self.spatial(self.context_norm(context.spatial)), "b n d -> b (c n) d", c=self.copies)
        return Memory(keys.to(values.dtype), values, context.mask[:, None, None], pooled, spatial)

    def forward(
        self,
        sites: Float[Tensor, "batch site dim"],
        memory: Memory,
        *,
        ratio: Float[Tensor, " batch"],
        kind: Int[Tensor, " batch"],
    ) -> Float[Tensor, "batch site dim"]:
        """Transform embedded sites.

        Args:
            sites: Embedded tokens and masks.
            memory: What was read of the contexts.
            ratio: Share of sites that are hidden.
            kind: Which kind of pass this is.
        """
        if memory.spatial is not None:
            sites = sites + memory.spatial
        angles = ratio[:, None] * (math.pi * torch.arange(1, _FREQUENCIES + 1, device=ratio.device))
        waves = torch.cat([angles.cos(), angles.sin()], -1).to(sites.dtype)
        state = functional.silu(self.ratio(waves) + self.kind(kind) + memory.pooled)
        shared = self.modulation(state)
        for layer, block in enumerate(self.blocks):
            modulation = (shared + self.constants[layer])[:, None].chunk(9, -1)
            sites = block(sites, memory.keys[layer], memory.values[layer], memory.mask, modulation, self.rotation)
        return self.norm(sites)


class _Block(nn.Module):
    """Self-attention, cross-attention, feed-forward; each modulated before and gated after."""

    def __init__(self, dim: int, num_heads: int, dropout: float) -> None:
        super().__init__()
        self.num_heads, self.dim = num_heads, dim
        head_dim = dim // num_heads
        self.query_key_value = nn.Linear(dim, 3 * dim, bias=False)
        self.query_key_scale = nn.Parameter(torch.ones(2, 1, 1, 1, head_dim))
        self.out = nn.Linear(dim, dim, bias=False)
        self.query = nn.Linear(dim, dim, bias=False)
        self.query_scale = nn.Parameter(torch.ones(head_dim))
        self.context_out = nn.Linear(dim, dim, bias=False)
        self.feed_forward = SwiGLU(dim)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        sites: Tensor,
        keys: Tensor,
        values: Tensor,
        mask: Tensor,
        modulation: tuple[Tensor, ...],
        rotation: GridRotation,
    ) -> Tensor:
        scale, shift, gate = modulation[:3]
        sites = sites + gate * self.dropout(self._look_around(_modulated(sites, scale, shift), rotation))
        scale, shift, gate = modulation[3:6]
        sites = sites + gate * self.dropout(self._look_up(_modulated(sites, scale, shift), keys, values, mask))
        scale, shift, gate = modulation[6:]
        return sites + gate * self.dropout(self.feed_forward(_modulated(sites, scale, shift)))

    def _look_around(self, sites: Tensor, rotation: GridRotation) -> Tensor:
        parts = rearrange(self.query_key_value(sites), "b n (t m d) -> t b m n d", t=3, m=self.num_heads)
        value = parts[2]
        query, key = rotation(_unit(parts[:2]) * self.query_key_scale).to(value.dtype)
        found = functional.scaled_dot_product_attention(query, key, value)
        return self.out(rearrange(found, "b m n d -> b n (m d)"))

    def _look_up(self, sites: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
        query = rearrange(self.query(sites), "b n (m d) -> b m n d", m=self.num_heads)
        query = (_unit(query) * self.query_scale).to(keys.dtype)
        found = functional.scaled_dot_product_attention(query, keys, values, attn_mask=mask)
        return self.context_out(rearrange(found, "b m n d -> b n (m d)"))


def _unit(vectors: Tensor) -> Tensor:
    return functional.rms_norm(vectors, vectors.shape[-1:], eps=_EPSILON)


def _modulated(sites: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    return torch.addcmul(shift, _unit(sites), 1 + scale)
