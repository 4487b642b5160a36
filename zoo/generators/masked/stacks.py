"""The frame of a generator whose sites are positions, each hidden and drawn with all its levels."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from einops import rearrange
from torch import Tensor

from zoo.fusion.base import Context
from zoo.generators.base import Fixed, GeneratorLoss, Sampling
from zoo.generators.masked.drawing import Drawing, Pass
from zoo.generators.masked.generator import MaskedGenerator
from zoo.generators.masked.guidance import Guidance
from zoo.generators.masked.heads import StackHead
from zoo.generators.masked.masks import hide
from zoo.shapes import Tokens


class StackGenerator(MaskedGenerator):
    """Hide positions with all their levels; a head guesses the levels of a position.

    Args:
        head: Guesses the levels.
        arguments: Those of :class:`~zoo.generators.masked.generator.MaskedGenerator`.
    """

    @abstractmethod
    def __init__(self, head: StackHead, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.head = head
        self.register_buffer("levels", torch.arange(self.num_levels)[None], persistent=False)

    def forward(self, tokens: Tokens, context: Context, *, generator: torch.Generator | None = None) -> GeneratorLoss:
        """Hide positions and say how well their tokens are guessed."""
        stacks = rearrange(tokens, "b k h w -> b (h w) k")
        batch, positions, _ = stacks.shape
        hidden = hide(batch, positions, device=tokens.device, generator=generator)
        shown = self._shown_in_training(stacks, generator)
        sites = self.embedding(shown, levels=self.levels, shown=~hidden.mask[..., None], hidden=hidden.mask)
        kind = torch.zeros_like(hidden.mask[:, 0], dtype=torch.long)
        sites = self.trunk(sites, self.trunk.read(context), ratio=hidden.ratio, kind=kind)

        truth = stacks.flatten(0, 1)[hidden.index]
        features = self.head.teach(sites.flatten(0, 1)[hidden.index], truth, self.embedding)
        return self._loss(
            features.flatten(0, 1),
            truth.T.flatten(),
            rows_of_level=[len(truth)] * self.num_levels,
            ratio=hidden.ratio[hidden.index // positions].repeat(self.num_levels),
        )

    def _draw(
        self,
        guidance: Guidance,
        seeds: Tensor,
        sampling: Sampling,
        fixed: Fixed | None,
        progress: Callable[[int, int], None] | None,
    ) -> Tokens:
        canvas, free = self._blank(seeds, fixed)
        drawing = Drawing(
            seeds=seeds,
            sampling=sampling,
            guidance=guidance,
            rank=self._halton(seeds) if sampling.order == "halton" else None,
            passes=sampling.steps,
            progress=progress,
        )
        kind = torch.zeros_like(seeds)

        def guess(now: Pass) -> tuple[Tensor, Tensor]:
            sites = self._look(now, canvas, guidance, levels=self.levels, shown=~now.open[..., None], kind=kind)
            return self.head.draw(
                sites, lambda features, level: self._choose(features, level, drawing=drawing, now=now), self.embedding
            )

        drawing.reveal(guess, canvas, free, steps=sampling.steps)
        for part in drawing.parts(free):
            drawing.reveal(guess, canvas, part, steps=1)
        return rearrange(canvas, "b (h w) k -> b k h w", h=self.rows)

    def _blank(self, seeds: Tensor, fixed: Fixed | None) -> tuple[Tensor, Tensor]:
        """Give the tokens that stay and where others are to be drawn."""
        positions = self.rows * self.cols
        if fixed is None:
            canvas = torch.zeros(len(seeds), positions, self.num_levels, dtype=torch.long, device=seeds.device)
            return canvas, torch.ones(canvas.shape[:2], dtype=torch.bool, device=seeds.device)
        return rearrange(fixed.tokens.clone(), "b k h w -> b (h w) k").contiguous(), ~fixed.mask.flatten(1)
