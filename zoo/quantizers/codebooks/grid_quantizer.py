"""The frame of a quantizer that codes each cell of a grid: everything but the codebooks."""

from __future__ import annotations

from abc import abstractmethod

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

from zoo.quantizers.base import Quantized, Quantizer
from zoo.quantizers.codebooks.base import Codebooks
from zoo.quantizers.codebooks.level_dropout import LevelDropout
from zoo.quantizers.codebooks.precision import full_precision
from zoo.quantizers.codebooks.projection import Projection
from zoo.shapes import Latents, Tokens


class GridQuantizer(Quantizer):
    """Flatten, project, code, and put back on the grid. Members say in their constructor with which parts.

    Args:
        projection: From latents to vectors and back.
        codebooks: What codes the vectors.
        level_dropout: How many levels the decoder is shown in training.
        num_levels: Levels of tokens.
        codebook_size: Codes of each level.
    """

    @abstractmethod
    def __init__(
        self,
        projection: Projection,
        *,
        codebooks: Codebooks,
        level_dropout: LevelDropout,
        num_levels: int,
        codebook_size: int,
    ) -> None:
        super().__init__()
        self.latent_dim, self.num_levels, self.codebook_size = projection.latent_dim, num_levels, codebook_size
        self.projection, self.codebooks, self.level_dropout = projection, codebooks, level_dropout

    def forward(self, latents: Latents) -> Quantized:
        """Quantize; in training mode also gather what these latents teach the codebooks."""
        batch, _, rows, cols = latents.shape
        grid = batch, rows, cols
        with full_precision(latents.device):
            vectors = self.projection.to_vectors(latents)
            kept = self.level_dropout(batch)
            if kept is not None:
                kept = kept.repeat_interleave(rows * cols)
            codes, tokens, commitment = self.codebooks(vectors, grid, kept)
            quantized = self.projection.to_latents(codes, grid)
        return Quantized(quantized, _on_grid(tokens, grid), commitment)

    @torch.no_grad()
    def encode(self, latents: Latents) -> Tokens:
        """Give the tokens alone, without learning; the same under any autocast."""
        batch, _, rows, cols = latents.shape
        grid = batch, rows, cols
        with full_precision(latents.device):
            return _on_grid(self.codebooks.encode(self.projection.to_vectors(latents), grid), grid)

    def decode(self, tokens: Tokens) -> Latents:
        """Give the quantized latents; a prefix of the levels gives the coarser reconstruction."""
        self._check(tokens)
        batch, _, rows, cols = tokens.shape
        # neither einops nor a guard of the precision, of which each takes half as long as looking one level up
        codes = self.codebooks.sum_codes(tokens.movedim(1, -1).flatten(0, 2))
        return self.projection.to_latents(codes, (batch, rows, cols))

    def level_latents(self, tokens: Tokens) -> Float[Tensor, "batch level dim rows cols"]:
        """Give what each level adds; their sum over levels is ``decode(tokens)``."""
        self._check(tokens)
        batch, _, rows, cols = tokens.shape
        with full_precision(tokens.device):
            codes = self.projection.outward(self.codebooks.each_code(rearrange(tokens, "b k h w -> (b h w) k")))
        return rearrange(codes, "(b h w) k d -> b k d h w", b=batch, h=rows, w=cols)

    def update_codebooks(self) -> None:
        """Apply what was gathered since the last call; one message between processes where there are several."""
        self.codebooks.update()

    def stop_restarts(self) -> None:
        """Leave unused codes where they are from now on; saved with the state."""
        self.codebooks.stop_restarts()

    def _check(self, tokens: Tensor) -> None:
        name = type(self).__name__
        if not 1 <= tokens.shape[1] <= self.num_levels:
            message = f"{name}: tokens must have 1 to {self.num_levels} levels, got {tokens.shape[1]}."
            raise ValueError(message)
        if torch.compiler.is_exporting() or tokens.numel() == 0:  # a graph has no exceptions
            return
        low, high = tokens.aminmax()
        if low.item() < 0 or high.item() >= self.codebook_size:
            message = (
                f"{name}: tokens must be in 0 .. {self.codebook_size - 1}, got {int(low)} to {int(high)}. "
                f"The mask token, {self.codebook_size}, stands for no code: fill masked positions before decoding."
            )
            raise ValueError(message)


def _on_grid(tokens: Tensor, grid: tuple[int, int, int]) -> Tensor:
    return rearrange(tokens, "(b h w) k -> b k h w", b=grid[0], h=grid[1], w=grid[2])
