"""A small transformer that learns to read prompts from nothing, for the embedded world."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Int
from torch import Tensor, nn

from zoo.shapes import Intensity, Occurrence
from zoo.text_encoders.base import EncodedText, TextEncoder
from zoo.text_encoders.words.hashing import hashed_ids, words_of


class CompactTextEncoder(TextEncoder):
    """Encode prompts with a transformer over words.

    Words need no vocabulary: each is the sum of two vectors that two hashes choose (Serra and Karatzoglou 2017,
    https://arxiv.org/abs/1706.03993), so two words are the same only where both hashes agree, and unknown words are
    read as well.

    Args:
        dim: Channels of the features.
        num_layers: Layers of attention.
        num_heads: Heads of each.
        num_hashes: Vectors that each hash chooses from.
        dropout: Share of activations dropped in training.
    """

    def __init__(
        self,
        *,
        dim: int = 128,
        num_layers: int = 2,
        num_heads: int = 4,
        num_hashes: int = 2048,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        sizes = {"dim": dim, "num_layers": num_layers, "num_heads": num_heads, "num_hashes": num_hashes}
        for name, value in sizes.items():
            if value < 1:
                message = f"CompactTextEncoder: {name} must be at least 1, got {value}."
                raise ValueError(message)
        if dim % 2 or dim % num_heads:
            message = f"CompactTextEncoder: dim must be even and a multiple of num_heads, got {dim} and {num_heads}."
            raise ValueError(message)
        self.dim = dim
        self.num_hashes = num_hashes
        self.words = nn.ModuleList(nn.Embedding(num_hashes + 1, dim, padding_idx=0) for _ in range(2))
        for table in self.words:
            assert isinstance(table, nn.Embedding)
            nn.init.normal_(table.weight, std=0.5**0.5)
            with torch.no_grad():
                table.weight[0] = 0
        layer = nn.TransformerEncoderLayer(
            dim, num_heads, 4 * dim, dropout=dropout, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, num_layers, nn.LayerNorm(dim), enable_nested_tensor=False)

    def forward(
        self, prompts: Sequence[str], *, occurrence: Occurrence | None = None, intensity: Intensity | None = None
    ) -> EncodedText:
        """Encode the prompts; see :class:`zoo.text_encoders.base.TextEncoder`."""
        return self.read(self.ids(prompts).to(next(self.parameters()).device))

    def ids(self, prompts: Sequence[str]) -> Int[Tensor, "hash batch length"]:
        """Turn prompts into what two hashes make of each word; 0 where there is none."""
        words = [words_of(prompt) or ["."] for prompt in prompts]
        ids = torch.zeros(2, len(words), max(map(len, words)), dtype=torch.long)
        for salt in range(2):
            for row, each in enumerate(words):
                ids[salt, row, : len(each)] = torch.tensor(hashed_ids(each, self.num_hashes, salt=salt, first=1))
        return ids

    def read(self, ids: Int[Tensor, "hash batch length"]) -> EncodedText:
        """Encode words; every text has one at least."""
        mask = ids[0] > 0
        features = self.words[0](ids[0]) + self.words[1](ids[1])
        features = features + _positions(ids.shape[-1], self.dim).to(features)
        features = self.layers(features, src_key_padding_mask=~mask)
        return EncodedText(features * mask[..., None], mask)


def _positions(length: int, dim: int) -> Tensor:
    """Sines and cosines of the position (Vaswani et al. 2017, section 3.5)."""
    place = torch.arange(length)[:, None]
    rate = torch.exp(torch.arange(0, dim, 2) * (-math.log(10_000) / dim))
    return torch.stack([torch.sin(place * rate), torch.cos(place * rate)], dim=-1).flatten(1)
