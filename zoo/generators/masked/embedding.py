"""Tokens as vectors."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional


class TokenEmbedding(nn.Module):
    """Turn the shown tokens of a site into the sum of their vectors; a hidden site has one learned vector besides.

    A site has one or more *slots*, one for each of its tokens.

    Args:
        num_levels: Levels of tokens; each has its own vectors.
        codebook_size: Codes of each level.
        dim: Channels.
        num_masks: Equal parts of the sequence of sites, each with a vector of its own for what is hidden.
    """

    offsets: Tensor

    def __init__(self, num_levels: int, codebook_size: int, dim: int, *, num_masks: int = 1) -> None:
        super().__init__()
        self.nothing = num_levels * codebook_size
        # the last row stands for what is not shown; it stays out of every sum
        self.weight = nn.Parameter(0.02 * torch.randn(self.nothing + 1, dim))
        self.masks = nn.Parameter(0.02 * torch.randn(num_masks, dim))
        self.register_buffer("offsets", codebook_size * torch.arange(num_levels), persistent=False)

    def forward(
        self,
        tokens: Int[Tensor, "batch site slot"],
        *,
        levels: Int[Tensor, "#site #slot"],
        shown: Bool[Tensor, "batch site #slot"],
        hidden: Bool[Tensor, "batch site"],
    ) -> Float[Tensor, "batch site dim"]:
        """Embed.

        Args:
            tokens: Whatever stands where nothing is shown.
            levels: Of the tokens.
            shown: Tokens that are shown.
            hidden: Sites of which something is to be guessed.
        """
        rows = torch.where(shown, tokens + self.offsets[levels], self.nothing)
        if torch.compiler.is_exporting():  # to other runtimes, which know no bags
            vectors = (functional.embedding(rows, self.weight) * (rows < self.nothing)[..., None]).sum(-2)
        else:
            bags = functional.embedding_bag(rows.flatten(0, 1), self.weight, mode="sum", padding_idx=self.nothing)
            vectors = bags.unflatten(0, tokens.shape[:2])
        masks = self.masks.repeat_interleave(tokens.shape[1] // len(self.masks), 0)
        return vectors + hidden[..., None] * masks

    def vectors(self, tokens: Int[Tensor, "*shape"], level: int | Tensor) -> Float[Tensor, "*shape dim"]:
        """Give the vectors of tokens, one by one."""
        return functional.embedding(tokens + self.offsets[level], self.weight)
