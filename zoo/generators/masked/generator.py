"""The frame of a generator by masking: all but what a site is and how its levels hang together."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Int
from torch import Tensor

from zoo.fusion.base import Context
from zoo.generators.base import Fixed, Generator, GeneratorLoss, GuidedContext, Sampling
from zoo.generators.masked.classifier import Classifier
from zoo.generators.masked.drawing import Drawing, Pass
from zoo.generators.masked.embedding import TokenEmbedding
from zoo.generators.masked.guidance import Guidance, combined
from zoo.generators.masked.masks import corrupted
from zoo.generators.masked.noise import uniform
from zoo.generators.masked.orders import halton_rank
from zoo.generators.masked.trunk import Trunk
from zoo.shapes import Tokens

_BINS = 10
_ROLL = 3  # noise for the roll of an order


class MaskedGenerator(Generator):
    """Hide a part of the tokens, let a transformer guess them from the rest and the context.

    MaskGIT (Chang et al. 2022, https://arxiv.org/abs/2202.04200).

    Args:
        rows: Rows of the token grid.
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
        copies: How often the grid stands in the sequence of sites.
        num_kinds: Kinds of passes that the transformer must tell apart.
    """

    @abstractmethod
    def __init__(
        self,
        *,
        rows: int,
        cols: int,
        num_levels: int,
        codebook_size: int,
        context_dim: int,
        dim: int,
        num_layers: int,
        num_heads: int,
        dropout: float,
        label_smoothing: float,
        corruption: float,
        copies: int = 1,
        num_kinds: int = 1,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        sizes = {"rows": rows, "cols": cols, "num_levels": num_levels, "codebook_size": codebook_size}
        sizes |= {"context_dim": context_dim, "dim": dim, "num_layers": num_layers, "num_heads": num_heads}
        for argument, size in sizes.items():
            if size < 1:
                message = f"{name}: {argument} must be at least 1, got {size}."
                raise ValueError(message)
        shares = {"dropout": dropout, "label_smoothing": label_smoothing, "corruption": corruption}
        for argument, share in shares.items():
            if not 0 <= share < 1:
                message = f"{name}: {argument} must be in [0, 1), got {share}."
                raise ValueError(message)
        if dim % (4 * num_heads):
            message = f"{name}: dim must be a multiple of 4 x num_heads, got {dim} and {num_heads}."
            raise ValueError(message)
        self.rows, self.cols, self.num_levels, self.codebook_size = rows, cols, num_levels, codebook_size
        self.context_dim = context_dim
        self.label_smoothing, self.corruption = label_smoothing, corruption
        self.embedding = TokenEmbedding(num_levels, codebook_size, dim)
        self.trunk = Trunk(
            dim,
            num_layers=num_layers,
            num_heads=num_heads,
            context_dim=context_dim,
            rows=rows,
            cols=cols,
            copies=copies,
            num_kinds=num_kinds,
            dropout=dropout,
        )
        self.classifier = Classifier(num_levels, codebook_size, dim)

    @abstractmethod
    def forward(self, tokens: Tokens, context: Context, *, generator: torch.Generator | None = None) -> GeneratorLoss:
        """Hide a part of the tokens and say how well it is guessed."""

    def sample(
        self,
        context: GuidedContext,
        *,
        seeds: Int[Tensor, " batch"],
        sampling: Sampling,
        fixed: Fixed | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Tokens:
        """Draw tokens, without dropout whatever the mode; see :class:`~zoo.generators.base.Generator`."""
        was_training = self.training
        self.eval()
        try:
            with torch.no_grad():
                guidance = Guidance.of(context, sampling, self.trunk)
                return self._draw(guidance, seeds, sampling, fixed, progress)
        finally:
            self.train(was_training)

    @abstractmethod
    def _draw(
        self,
        guidance: Guidance,
        seeds: Tensor,
        sampling: Sampling,
        fixed: Fixed | None,
        progress: Callable[[int, int], None] | None,
    ) -> Tokens:
        """Draw tokens, in eval mode and without gradients."""

    def _shown_in_training(self, tokens: Tensor, generator: torch.Generator | None) -> Tensor:
        """Give the tokens that the transformer is shown where nothing is hidden."""
        if not (self.training and self.corruption):
            return tokens
        return corrupted(tokens, share=self.corruption, codebook_size=self.codebook_size, generator=generator)

    def _loss(self, features: Tensor, tokens: Tensor, *, rows_of_level: Sequence[int], ratio: Tensor) -> GeneratorLoss:
        """Judge the guesses of all that was hidden.

        Args:
            features: Of each hidden token, coarse levels first.
            tokens: The truth.
            rows_of_level: How many are of each level.
            ratio: Share of hidden sites in the sample of each.
        """
        smoothing = self.label_smoothing if self.training else 0.0
        verdict = self.classifier.judge(features, tokens, rows_of_level=rows_of_level, smoothing=smoothing)
        correct = torch.stack([each.float().mean() for each in verdict.correct.split(list(rows_of_level))])
        bins = (ratio * _BINS).ceil().long().sub_(1).clamp_(0, _BINS - 1)
        by_ratio = verdict.losses.new_zeros(_BINS, 2)
        by_ratio.index_add_(0, bins, torch.stack([verdict.losses, torch.ones_like(verdict.losses)], 1))
        return GeneratorLoss(
            loss=verdict.total / len(tokens),
            num_supervised=torch.tensor(len(tokens), device=tokens.device),
            correct=correct,
            by_ratio=by_ratio,
        )

    def _look(
        self,
        now: Pass,
        canvas: Tensor,
        guidance: Guidance,
        *,
        levels: Tensor,
        shown: Tensor,
        kind: Tensor,
    ) -> Tensor:
        """Run the transformer on a canvas; give what it says of the sites to guess, ``branch batch guessed dim``."""
        batch, branches = len(canvas), 1 + len(now.scales)
        sites = self.embedding(canvas, levels=levels, shown=shown, hidden=now.open)
        ratio = now.open.to(sites.dtype).mean(1)
        sites = self.trunk(
            sites.repeat(branches, 1, 1),
            guidance.memory.first(branches * batch),
            ratio=ratio.repeat(branches),
            kind=kind.repeat(branches),
        ).unflatten(0, (branches, batch))
        return sites[:, torch.arange(batch, device=sites.device)[:, None], now.index]

    def _choose(self, features: Tensor, level: int, *, drawing: Drawing, now: Pass) -> tuple[Tensor, Tensor]:
        """Draw one level from features of all branches."""
        return drawing.choose(self.classifier(combined(features, now.scales), level), level=level, now=now)

    def _halton(self, seeds: Tensor) -> Tensor:
        """Give the turn of each position."""
        down, right = ((uniform(seeds, _ROLL, axis) * size).long() for axis, size in enumerate((self.rows, self.cols)))
        return halton_rank(self.rows, self.cols, down=down, right=right)
