"""Codes on a regular lattice: nothing to search, nothing to collapse."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor

from zoo.quantizers.codebooks.base import Codebooks, Grid, Vectors, VectorTokens
from zoo.quantizers.codebooks.collectives import sum_over_ranks, world
from zoo.quantizers.codebooks.straight_through import StraightThrough

_REACH = 2.5  # standard deviations on each side; wider wastes bins of level 0, narrower cuts off the tails


class Lattice(Codebooks):
    """Write each channel as the digits of a uniform scale that follows the channel's mean and deviation.

    Level 0 cuts the range of 2.5 standard deviations on each side into as many bins as the channel has, and each
    further level cuts a bin again. So every level is used from the first step, and the output's gradient needs no
    bounding function to pass through: what lies outside is clamped, and the commitment pulls it back in.

    Args:
        bins: Values of each channel at each level.
        num_levels: Digits, coarse to fine.
        decay: Share of the past kept in the moving mean and variance, per update. A scale that follows fast grows
            with latents that grow with it.
    """

    mean: Tensor
    variance: Tensor
    initialized: Tensor
    bins: Tensor
    place_values: Tensor

    def __init__(self, bins: Sequence[int], *, num_levels: int, decay: float) -> None:
        super().__init__()
        self.num_levels, self.decay = num_levels, decay
        self.register_buffer("mean", torch.zeros(len(bins)))
        self.register_buffer("variance", torch.ones(len(bins)))
        self.register_buffer("initialized", torch.tensor(False))
        self.register_buffer("bins", torch.tensor(list(bins)), persistent=False)
        place_values = [math.prod(bins[:channel]) for channel in range(len(bins))]
        self.register_buffer("place_values", torch.tensor(place_values), persistent=False)
        self._gathered: list[Tensor] | None = None
        self._known_initialized = False

    def forward(
        self, vectors: Vectors, grid: Grid, kept: Int[Tensor, " vector"] | None
    ) -> tuple[Vectors, VectorTokens, Float[Tensor, ""]]:
        """Give the sum of the codes, the tokens, and the commitment loss; in training mode follow the scale."""
        if self.training:
            self._gather(vectors.detach())
        tokens, commitment, errors = self._assign(vectors.detach())
        codes = self._sum(tokens, kept)
        codes, commitment = StraightThrough.apply(vectors, codes, commitment, errors, self.num_levels)
        return codes, tokens, commitment

    def encode(self, vectors: Vectors, grid: Grid) -> VectorTokens:
        """Give the tokens alone."""
        return self._assign(vectors)[0]

    def sum_codes(self, tokens: VectorTokens) -> Vectors:
        """Give the sum of the codes of the first levels."""
        return self._sum(tokens, None)

    def each_code(self, tokens: VectorTokens) -> Float[Tensor, "vector level dim"]:
        """Give the codes of the first levels, one by one; the mean belongs to the first."""
        digits = (tokens[..., None] // self.place_values) % self.bins  # integers: bfloat16 loses them past 256
        codes = (digits - (self.bins - 1) / 2) * self._steps()[: tokens.shape[1]]
        codes[:, 0] += self.mean
        return codes

    @torch.no_grad()
    def update(self) -> None:
        """Let the scale follow what was gathered since the last update, on all processes."""
        if not self.training:
            return
        if self._gathered is None:
            if world()[0] == 1:
                return
            self._gathered = self._nothing()
        gathered, self._gathered = self._gathered, None
        self._follow(gathered, self.decay)

    def _steps(self) -> Tensor:
        width = 2 * _REACH * self.variance.clamp(min=1e-12).sqrt()
        levels = torch.arange(1, self.num_levels + 1, device=self.bins.device)
        return width / self.bins.float() ** rearrange(levels, "level -> level 1")

    @torch.no_grad()
    def _assign(self, vectors: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        residual = vectors - self.mean
        tokens, errors, total = [], [], torch.zeros_like(vectors)
        for step in self._steps():
            position = torch.floor(residual / step + self.bins / 2).nan_to_num_(0.0)
            digits = torch.minimum(position.clamp_(min=0), self.bins - 1).long()
            residual = residual - (digits - (self.bins - 1) / 2) * step
            tokens.append((digits * self.place_values).sum(-1))
            errors.append(residual.square().mean())
            total += residual
        return torch.stack(tokens, -1), torch.stack(errors).mean(), total

    def _sum(self, tokens: Tensor, kept: Tensor | None) -> Tensor:
        codes = self.each_code(tokens)
        if kept is not None:
            codes = codes * (torch.arange(codes.shape[1], device=codes.device) < kept[:, None])[..., None]
        return codes.sum(1)

    @torch.no_grad()
    def _gather(self, vectors: Tensor) -> None:
        if self._gathered is None or self._gathered[0].device != vectors.device:
            self._gathered = self._nothing()
        shifted = vectors - self.mean
        count = vectors.new_tensor(float(len(vectors)))
        lessons = [count, shifted.sum(0), shifted.square().sum(0)]
        if not self._known_initialized:
            self._known_initialized = bool(self.initialized)
        if not self._known_initialized and self._follow(lessons, 0.0):
            self.initialized.fill_(True)
            shifted = vectors - self.mean
            lessons = [count, shifted.sum(0), shifted.square().sum(0)]
        for known, new in zip(self._gathered, lessons, strict=True):
            known += new

    def _follow(self, lessons: list[Tensor], decay: float) -> bool:
        """Follow lessons, the same on all processes; say whether they were of any use."""
        count, total, squares = sum_over_ranks(*lessons)
        shift = total / count.clamp(min=1)
        variance = (squares / count.clamp(min=1) - shift.square()).clamp(min=0)
        if count == 0 or not torch.isfinite(squares).all():
            return False
        self.mean.add_(shift, alpha=1 - decay)
        self.variance.lerp_(variance, 1 - decay)
        return True

    def _nothing(self) -> list[Tensor]:
        return [torch.zeros_like(self.mean[0]), torch.zeros_like(self.mean), torch.zeros_like(self.variance)]

    def _load_from_state_dict(self, *args: Any) -> None:
        super()._load_from_state_dict(*args)
        self._known_initialized, self._gathered = False, None
