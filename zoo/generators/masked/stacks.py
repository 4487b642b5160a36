"""The frame of a generator whose sites are positions, each hidden and drawn with all its levels."""

from __future__ import annotations

import torch
from torch import Tensor

from zoo.fusion.base import Context
from zoo.generators.base import GeneratorLoss
from zoo.generators.masked.drawing import Drawing, Pass
from zoo.generators.masked.generator import Canvas, MaskedGenerator, Sites
from zoo.generators.masked.heads import StackHead
from zoo.generators.masked.masks import hide
from zoo.shapes import Tokens


class StackGenerator(MaskedGenerator):
    """Hide positions with all their levels; a head, which members make, guesses the levels of a position."""

    head: StackHead

    def forward(self, tokens: Tokens, context: Context, *, generator: torch.Generator | None = None) -> GeneratorLoss:
        """Hide positions and say how well all levels of them are guessed."""
        canvas = self._canvas(tokens)
        hidden = hide(*canvas.shape[:2], generator=generator).to(tokens.device)
        memory = self.trunk.read(context)
        sites = self._see(self._with_errors(canvas, generator), memory, hidden=hidden.mask, index=hidden.index)
        truth = canvas.flatten(0, 1)[hidden.index]
        spatial = None if memory.spatial is None else memory.spatial.flatten(0, 1)[hidden.index]
        features = self.head.teach(sites, truth, self.embedding, spatial)
        return self._loss(
            features.flatten(0, 1),
            truth.T.flatten(),
            of_level=[len(truth)] * self.num_levels,
            ratio=hidden.ratio_of_index.repeat(self.num_levels),
        )

    def _paint(self, canvas: Canvas, free: Sites, drawing: Drawing) -> None:
        def guess(now: Pass) -> tuple[Tensor, Tensor]:
            def draw(features: Tensor, level: int) -> tuple[Tensor, Tensor]:
                return self._choose(features, level, drawing=drawing, now=now)

            sites, spatial = self._look(now, canvas), None
            if now.memory.spatial is not None:
                everywhere = now.memory.spatial.unflatten(0, (-1, len(canvas)))
                spatial = everywhere[:, torch.arange(len(canvas), device=canvas.device)[:, None], now.index]
            return self.head.draw(sites, draw, self.embedding, spatial)

        drawing.reveal(guess, canvas, free, steps=drawing.passes)
        for part in drawing.parts(free):
            drawing.reveal(guess, canvas, part, steps=1)
