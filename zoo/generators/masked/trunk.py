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
_NUM_MODULATIONS = 6  # scale and gate of three layers


@dataclass(frozen=True)
class Memory:
    """What the trunk remembers of contexts: made once, read in every pass.

    Attributes:
        keys: Of each layer.
        values: Of each layer.
        mask: Where they are real; None where all are.
        pooled: The mean over what is real, projected.
        spatial: What is added to each position; None where the context has nothing spatial.
    """

    keys: Float[Tensor, "layer batch head length head_dim"]
    values: Float[Tensor, "layer batch head length head_dim"]
    mask: Bool[Tensor, "batch 1 1 length"] | None
    pooled: Float[Tensor, "batch dim"]
    spatial: Float[Tensor, "batch site dim"] | None

    def first(self, count: int) -> Memory:
        """Give the first rows of the batch; a view."""
        mask = None if self.mask is None else self.mask[:count]
        spatial = None if self.spatial is None else self.spatial[:count]
        return Memory(self.keys[:, :count], self.values[:, :count], mask, self.pooled[:count], spatial)

    @staticmethod
    def joined(memories: Sequence[Memory]) -> Memory:
        """Put memories one after another in the batch, the shorter ones padded."""
        if len(memories) == 1:
            return memories[0]
        lengths = [each.keys.shape[-2] for each in memories]
        missing = [max(lengths) - length for length in lengths]
        mask = None
        if any(missing) or any(each.mask is not None for each in memories):
            masks = [each.keys.new_ones(each.keys.shape[1], 1, 1, each.keys.shape[-2]).bool() for each in memories]
            masks = [own if each.mask is None else each.mask for own, each in zip(masks, memories, strict=True)]
            mask = torch.cat([functional.pad(each, (0, count)) for each, count in zip(masks, missing, strict=True)])
        keys, values = (
            torch.cat([functional.pad(each, (0, 0, 0, count)) for each, count in zip(parts, missing, strict=True)], 1)
            for parts in ([each.keys for each in memories], [each.values for each in memories])
        )
        spatial = [each.spatial for each in memories if each.spatial is not None]
        return Memory(
            keys=keys,
            values=values,
            mask=mask,
            pooled=torch.cat([each.pooled for each in memories]),
            spatial=torch.cat(spatial) if spatial else None,
        )


class Trunk(nn.Module):
    """Let the sites look at each other and at the context.

    Pre-norm blocks of self-attention, cross-attention and a gated feed-forward layer; queries and keys are normalised
    (Dehghani et al. 2023, section 2, https://arxiv.org/abs/2302.05442) and, among sites, rotated by position. The share
    of hidden sites and the pooled context scale and gate every layer, gates from 0 (adaLN-zero, Peebles and Xie 2023,
    https://arxiv.org/abs/2212.09748, without its shifts); one map serves all layers, each adds its own constants (Chen
    et al. 2024, section 2.3, https://arxiv.org/abs/2310.00426).

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
        self.context_norm = nn.LayerNorm(context_dim, eps=_EPSILON, bias=False)
        self.key_value = nn.Linear(context_dim, num_layers * 2 * dim, bias=False)
        self.pooled = nn.Linear(context_dim, dim)
        self.spatial = nn.Linear(context_dim, dim, bias=False)
        self.ratio = nn.Linear(2 * _FREQUENCIES, dim)
        self.kind = nn.Embedding(num_kinds, dim)
        self.modulation = nn.Linear(dim, _NUM_MODULATIONS * dim)
        self.constants = nn.Parameter(torch.zeros(num_layers, _NUM_MODULATIONS * dim))
        self.rotation = GridRotation(rows, cols, head_dim=dim // num_heads, copies=copies)
        self.blocks = nn.ModuleList(_Block(dim, num_heads, dropout) for _ in range(num_layers))
        self.norm = nn.LayerNorm(dim, eps=_EPSILON, bias=False)
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
        keys = _unit(keys)
        real = context.mask[..., None].to(features.dtype)
        pooled = self.pooled((features * real).sum(1) / real.sum(1))
        spatial = None
        if context.spatial is not None:
            spatial = repeat(self.spatial(self.context_norm(context.spatial)), "b n d -> b (c n) d", c=self.copies)
        # attention is faster without a mask; in training to ask whether there is padding would make a GPU wait
        asks = not (self.training and context.mask.is_cuda)
        mask = None if asks and bool(context.mask.all()) else context.mask[:, None, None]
        return Memory(keys.to(values.dtype), values, mask, pooled, spatial)

    def forward(
        self,
        sites: Float[Tensor, "batch site dim"],
        memory: Memory,
        *,
        ratio: Float[Tensor, " batch"],
        kind: Int[Tensor, " batch"],
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Transform embedded sites up to the last feed-forward layer, which :meth:`conclude` runs where it is wanted.

        Args:
            sites: Embedded tokens and masks.
            memory: What was read of the contexts.
            ratio: Share of sites that are hidden.
            kind: Which kind of pass this is.

        Returns:
            Sites, ``batch site dim``, and scale and gate of the last layer, ``batch 1 dim``.
        """
        if memory.spatial is not None:
            sites = sites + memory.spatial
        angles = ratio[:, None] * (math.pi * torch.arange(1, _FREQUENCIES + 1, device=ratio.device))
        waves = torch.cat([angles.cos(), angles.sin()], -1).to(sites.dtype)
        shared = self.modulation(functional.silu(self.ratio(waves) + self.kind(kind) + memory.pooled))
        block: _Block
        for layer, block in enumerate(self.blocks):  # type: ignore[assignment]
            modulation = (shared + self.constants[layer])[:, None].chunk(_NUM_MODULATIONS, -1)
            scale, gate, context_scale, context_gate, *last = modulation
            sites = block.look_around(sites, scale, gate, self.rotation)
            keys, values = memory.keys[layer], memory.values[layer]
            sites = block.look_up(sites, context_scale, context_gate, keys, values, memory.mask)
            scale, gate = last
            if layer < self.num_layers - 1:
                sites = block.think(sites, scale, gate)
        return sites, scale, gate

    def conclude(
        self,
        sites: Float[Tensor, "batch site dim"],
        scale: Float[Tensor, "batch 1 dim"],
        gate: Float[Tensor, "batch 1 dim"],
        *,
        index: Int[Tensor, " row"],
    ) -> Float[Tensor, "row dim"]:
        """Run the last feed-forward layer on some sites, counted through the batch."""
        sample = index // sites.shape[1]
        last: _Block = self.blocks[-1]  # type: ignore[assignment]
        return self.norm(last.think(sites.flatten(0, 1)[index], scale[sample, 0], gate[sample, 0]))


class _Block(nn.Module):
    """Self-attention, cross-attention, feed-forward; each modulated before and gated after."""

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

    def look_around(self, sites: Tensor, scale: Tensor, gate: Tensor, rotation: GridRotation) -> Tensor:
        """Let sites attend to each other."""
        seen = _unit(sites) * (1 + scale)
        value = rearrange(self.value(seen), "b n (m d) -> b m n d", m=self.num_heads)
        # normalised as they lie in memory, turned as heads
        pairs = _unit(self.query_key(seen).unflatten(-1, (2, self.num_heads, -1)), self.query_key_scale)
        query, key = rotation(rearrange(pairs, "b n t m d -> t b m n d")).to(value.dtype)
        found = functional.scaled_dot_product_attention(query, key, value)
        return self._add(sites, self.out(rearrange(found, "b m n d -> b n (m d)")), gate)

    def look_up(
        self, sites: Tensor, scale: Tensor, gate: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None
    ) -> Tensor:
        """Let sites attend to the context."""
        query = rearrange(self.query(_unit(sites) * (1 + scale)), "b n (m d) -> b m n d", m=self.num_heads)
        query = _unit(query, self.query_scale).to(keys.dtype)
        found = functional.scaled_dot_product_attention(query, keys, values, attn_mask=mask)
        return self._add(sites, self.context_out(rearrange(found, "b m n d -> b n (m d)")), gate)

    def think(self, sites: Tensor, scale: Tensor, gate: Tensor) -> Tensor:
        """Transform each site by itself."""
        return self._add(sites, self.feed_forward(_unit(sites) * (1 + scale)), gate)

    def _add(self, sites: Tensor, found: Tensor, gate: Tensor) -> Tensor:
        return torch.addcmul(sites, self.dropout(found), gate)


def _unit(vectors: Tensor, scale: Tensor | None = None) -> Tensor:
    """Give vectors of mean 0 and variance 1: one fused pass everywhere, unlike the root mean square alone."""
    return functional.layer_norm(vectors, vectors.shape[-1:], scale, eps=_EPSILON)
