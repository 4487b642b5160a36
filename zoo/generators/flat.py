"""The paper's generator, taken literally: one long sequence of all tokens."""

from __future__ import annotations

import torch
from torch import Tensor

from zoo.fusion.base import Context
from zoo.generators.base import GeneratorLoss
from zoo.generators.masked.drawing import Drawing, Pass
from zoo.generators.masked.generator import Canvas, MaskedGenerator, Sites
from zoo.generators.masked.guidance import combined
from zoo.generators.masked.masks import hide
from zoo.shapes import Tokens


class FlatGenerator(MaskedGenerator):
    """Mask single tokens in the sequence of all tokens, level after level; draw them in any order.

    MaskGIT over residual tokens as the paper's section 4.2 and appendix E read: 16 x 16 x 8 tokens are a sequence of
    2,048. There to be compared with: fine tokens are often drawn before the coarse ones whose remainder they code, and
    a pass costs about nine times that of :class:`~zoo.generators.depth.DepthGenerator`.

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
            copies=num_levels,
        )

    def forward(self, tokens: Tokens, context: Context, *, generator: torch.Generator | None = None) -> GeneratorLoss:
        """Hide tokens of any level and say how well they are guessed."""
        canvas = self._canvas(tokens)
        batch, num_sites, _ = canvas.shape
        hidden = hide(batch, num_sites, generator=generator)
        level = hidden.index % num_sites // (self.rows * self.cols)
        hidden, of_level = hidden.by_level(level, num_levels=self.num_levels)
        hidden = hidden.to(tokens.device)
        sites = self._see(
            self._with_errors(canvas, generator), self.trunk.read(context), hidden=hidden.mask, index=hidden.index
        )
        return self._loss(
            sites,
            canvas.flatten()[hidden.index],
            of_level=of_level,
            ratio=hidden.ratio_of_index,
        )

    def _paint(self, canvas: Canvas, free: Sites, drawing: Drawing) -> None:
        def guess(now: Pass) -> tuple[Tensor, Tensor]:
            features, lots = combined(self._look(now, canvas), now.scales), drawing.lots(now)
            level_of_guess = now.index // (self.rows * self.cols)
            # as wide as the logits, which are in single precision or better whatever the features are in
            wide = torch.promote_types(features.dtype, torch.float32)
            tokens, sureness = torch.zeros_like(now.index), torch.zeros_like(features[..., 0], dtype=wide)
            for level in range(self.num_levels):
                these = level_of_guess == level
                tokens[these], sureness[these] = drawing.choose(self.classifier(features[these], level), lots[these])
            return tokens[..., None], sureness

        drawing.reveal(guess, canvas, free, steps=drawing.passes)
        for part in drawing.parts(free):
            drawing.reveal(guess, canvas, part, steps=1)
