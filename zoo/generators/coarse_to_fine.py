"""A generator that draws level after level over the whole picture."""

from __future__ import annotations

import torch
from torch import Tensor

from zoo.fusion.base import Context
from zoo.generators.base import GeneratorLoss
from zoo.generators.masked.drawing import Drawing, Pass
from zoo.generators.masked.generator import Canvas, MaskedGenerator, Sites
from zoo.generators.masked.masks import choose_levels, hide
from zoo.generators.masked.orders import steps_of_levels
from zoo.shapes import Tokens


class CoarseToFineGenerator(MaskedGenerator):
    """Mask tokens of one level while the coarser ones are shown and the finer ones are not; draw level after level.

    As SoundStorm (Borsos et al. 2023, section 3.3, https://arxiv.org/abs/2305.09636) does for sound. Each training
    sample has a level of its own, coarse ones more often. Steps of sampling are shared out among the levels, half as
    many for each finer one, at least one for each: there are never fewer passes than levels.

    Args:
        rows: Rows of the token grid; this and the next four follow from codec and fusion.
        cols: Columns of the token grid.
        num_levels: Levels of tokens.
        codebook_size: Codes of each level.
        context_dim: Channels of the context.
        dim: Channels of the transformer.
        num_layers: Its blocks.
        num_heads: Its attention heads.
        dropout: Share of activations dropped in training.
        label_smoothing: Share of the target that is spread over all codes in training.
        corruption: Share of the shown tokens that are replaced at random in training, in half of the samples.
    """

    def __init__(
        self,
        *,
        rows: int,
        cols: int,
        num_levels: int,
        codebook_size: int,
        context_dim: int,
        dim: int = 512,
        num_layers: int = 12,
        num_heads: int = 8,
        dropout: float = 0.1,
        label_smoothing: float = 0.1,
        corruption: float = 0.1,
    ) -> None:
        super().__init__(
            rows=rows,
            cols=cols,
            num_levels=num_levels,
            codebook_size=codebook_size,
            context_dim=context_dim,
            dim=dim,
            num_layers=num_layers,
            num_heads=num_heads,
            dropout=dropout,
            label_smoothing=label_smoothing,
            corruption=corruption,
            num_kinds=num_levels,
        )

    def forward(self, tokens: Tokens, context: Context, *, generator: torch.Generator | None = None) -> GeneratorLoss:
        """Hide positions of one level of each sample and say how well they are guessed."""
        canvas = self._canvas(tokens)
        batch, positions, _ = canvas.shape
        level = choose_levels(batch, self.num_levels, generator=generator)
        hidden = hide(batch, positions, generator=generator)
        hidden, of_level = hidden.by_level(level[hidden.index // positions], num_levels=self.num_levels)
        hidden, level = hidden.to(tokens.device), level.to(tokens.device)
        sites = self._see(
            self._with_errors(canvas, generator),
            self.trunk.read(context),
            hidden=hidden.mask,
            index=hidden.index,
            shown=self._shown(level, hidden.mask),
            kind=level,
        )
        truth = canvas.flatten(0, 1)[hidden.index]
        return self._loss(
            sites,
            truth.gather(1, level[hidden.index // positions, None])[:, 0],
            of_level=of_level,
            ratio=hidden.ratio_of_index,
        )

    def _shown(self, level: Tensor, hidden: Sites) -> Tensor:
        """Show the coarser levels, and of a sample's own level what is not hidden."""
        level = level[:, None, None]
        return (self.levels < level) | ((self.levels == level) & ~hidden[..., None])

    def _passes(self, steps: int) -> tuple[int, int]:
        return sum(steps_of_levels(self.num_levels, steps)), self.num_levels

    def _paint(self, canvas: Canvas, free: Sites, drawing: Drawing) -> None:
        def draw(level: int, sites: Sites, steps: int) -> None:
            def guess(now: Pass) -> tuple[Tensor, Tensor]:
                shown = self._shown(torch.full_like(canvas[:, 0, 0], level), now.open)
                features = self._look(now, canvas, shown=shown, kind=level)
                tokens, sureness = self._choose(features, level, drawing=drawing, now=now)
                return tokens[..., None], sureness

            drawing.reveal(guess, canvas[..., level, None], sites, steps=steps)

        for level, steps in enumerate(steps_of_levels(self.num_levels, drawing.sampling.steps)):
            draw(level, free, steps)
        for part in drawing.parts(free):
            for level in range(self.num_levels):
                draw(level, part, 1)
