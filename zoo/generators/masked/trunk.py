"""The transformer that all masked generators share."""

from __future__ import annotations

import math

import torch
from einops import rearrange, repeat
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from zoo.fusion.base import Context
from zoo.generators.masked.block import EPSILON, Block, unit
from zoo.generators.masked.memory import Memory
from zoo.layers.rotary import GridRotation

_FREQUENCIES = 8
_NUM_MODULATIONS = 6  # scale and gate of three layers


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
        self.context_norm = nn.LayerNorm(context_dim, eps=EPSILON, bias=False)
        self.key_value = nn.Linear(context_dim, num_layers * 2 * dim, bias=False)
        self.pooled = nn.Linear(context_dim, dim)
        self.spatial = nn.Linear(context_dim, dim, bias=False)
        self.ratio = nn.Linear(2 * _FREQUENCIES, dim)
        self.kind = nn.Embedding(num_kinds, dim)
        self.modulation = nn.Linear(dim, _NUM_MODULATIONS * dim)
        self.constants = nn.Parameter(torch.zeros(num_layers, _NUM_MODULATIONS * dim))
        self.rotation = GridRotation(rows, cols, head_dim=dim // num_heads, copies=copies)
        self.blocks = nn.ModuleList(Block(dim, num_heads, dropout) for _ in range(num_layers))
        self.norm = nn.LayerNorm(dim, eps=EPSILON, bias=False)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)
        # as small as the embeddings of tokens, which it is added to
        nn.init.normal_(self.spatial.weight, std=0.02 / math.sqrt(context_dim))
        nn.init.normal_(self.kind.weight, std=0.02)

    def read(self, context: Context) -> Memory:
        """Compute what all layers and passes need of a context."""
        features = self.context_norm(context.features)
        pairs = rearrange(
            self.key_value(features), "b n (l t m d) -> t b n l m d", l=self.num_layers, t=2, m=self.num_heads
        )
        keys, values = pairs.unbind()  # unlike slices, they give one gradient back; so do the layers below
        keys = unit(keys).to(values.dtype)  # normalised as they lie in memory
        keys, values = (rearrange(each, "b n l m d -> l b m n d") for each in (keys, values))
        real = context.mask[..., None].to(features.dtype)
        pooled = self.pooled((features * real).sum(1) / real.sum(1))
        spatial = None
        if context.spatial is not None:
            spatial = repeat(self.spatial(self.context_norm(context.spatial)), "b n d -> b (c n) d", c=self.copies)
        # attention is faster without a mask; in training to ask whether there is padding would make a GPU wait, and
        # a graph can't ask
        asks = not (torch.compiler.is_exporting() or (self.training and context.mask.is_cuda))
        mask = None if asks and bool(context.mask.all()) else context.mask[:, None, None]
        return Memory(keys, values, mask, pooled, spatial)

    def forward(
        self,
        sites: Float[Tensor, "batch site dim"],
        memory: Memory,
        *,
        ratio: Float[Tensor, " batch"],
        kind: Int[Tensor, " batch"],
        asked: Int[Tensor, "batch asked"] | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Transform embedded sites up to the last feed-forward layer, which :meth:`conclude` runs where it is wanted.

        Args:
            sites: Embedded tokens and masks.
            memory: What was read of the contexts.
            ratio: Share of sites that are hidden.
            kind: Which kind of pass this is.
            asked: Sites that are asked for, as many of each sample: the last block looks for these alone. All if None.

        Returns:
            The sites asked for, ``batch asked dim``, and scale and gate of the last layer, ``batch 1 dim``.
        """
        if memory.spatial is not None:
            sites = sites + memory.spatial
        angles = ratio[:, None] * (math.pi * torch.arange(1, _FREQUENCIES + 1, device=ratio.device))
        waves = torch.cat([angles.cos(), angles.sin()], -1).to(sites.dtype)
        shared = self.modulation(functional.silu(self.ratio(waves) + self.kind(kind) + memory.pooled))
        block: Block
        layers = zip(self.blocks, memory.keys.unbind(), memory.values.unbind(), strict=True)
        for layer, (block, keys, values) in enumerate(layers):  # type: ignore[assignment]
            modulation = (shared + self.constants[layer])[:, None].chunk(_NUM_MODULATIONS, -1)
            scale, gate, context_scale, context_gate, *last = modulation
            is_last = layer == self.num_layers - 1
            sites = block.look_around(sites, scale, gate, self.rotation, asked=asked if is_last else None)
            sites = block.look_up(sites, context_scale, context_gate, keys, values, memory.mask)
            scale, gate = last
            if not is_last:
                sites = block.think(sites, scale, gate)
        return sites, scale, gate

    def conclude(
        self,
        sites: Float[Tensor, "batch asked dim"],
        scale: Float[Tensor, "batch 1 dim"],
        gate: Float[Tensor, "batch 1 dim"],
        *,
        index: Int[Tensor, " row"] | None = None,
    ) -> Float[Tensor, "*rows dim"]:
        """Run the last feed-forward layer: on all sites asked for, or on some, counted through the batch."""
        if index is not None:
            sample = index // sites.shape[1]
            sites, scale, gate = sites.flatten(0, 1)[index], scale[sample, 0], gate[sample, 0]
        last: Block = self.blocks[-1]  # type: ignore[assignment]
        return self.norm(last.think(sites, scale, gate))
