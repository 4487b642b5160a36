"""A generator that draws all levels of a position at once, each by itself."""

from __future__ import annotations

from zoo.generators.masked.heads import IndependentHead
from zoo.generators.masked.stacks import StackGenerator


class ParallelGenerator(StackGenerator):
    """Mask positions with all their levels; draw the levels of a position independently of each other.

    As :class:`~zoo.generators.depth.DepthGenerator` without its depth head: cheaper, but fine levels don't know which
    coarse tokens were drawn, whose remainder they code.

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
        )
        self.head = IndependentHead(dim, num_levels=num_levels)
