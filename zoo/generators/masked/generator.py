"""The frame of a generator by masking: all but what is hidden, and how the levels hang together."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence

import torch
from einops import rearrange, repeat
from jaxtyping import Bool, Float, Int
from torch import Tensor

from zoo.fusion.base import Context
from zoo.generators.base import Fixed, Generator, GeneratorLoss, GuidedContext
from zoo.generators.masked.checks import check_sampling, check_share, check_sizes
from zoo.generators.masked.classifier import Classifier
from zoo.generators.masked.drawing import Drawing, Pass
from zoo.generators.masked.embedding import TokenEmbedding
from zoo.generators.masked.guidance import Guidance, combined
from zoo.generators.masked.masks import corrupted
from zoo.generators.masked.memory import Memory
from zoo.generators.masked.orders import halton_turns
from zoo.generators.masked.trunk import Trunk
from zoo.sampling import Sampling
from zoo.shapes import Tokens

Canvas = Int[Tensor, "batch site slot"]
"""Tokens by site."""
Sites = Bool[Tensor, "batch site"]
_BINS = 10


class MaskedGenerator(Generator):
    """Hide a part of the tokens; a transformer guesses them from the rest and the context.

    MaskGIT (Chang et al. 2022, https://arxiv.org/abs/2202.04200). Members say in :meth:`forward` what is hidden and in
    :meth:`_paint` in which order it is drawn.

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
        copies: How often the grid stands in the sequence of sites: once, with a slot for each level, or once for each
            level.
        num_kinds: Kinds of passes that the transformer must tell apart.
    """

    levels: Tensor

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
        check_sizes(name, rows=rows, cols=cols, num_levels=num_levels, codebook_size=codebook_size)
        check_sizes(name, context_dim=context_dim, dim=dim, num_layers=num_layers, num_heads=num_heads)
        check_share(name, dropout=dropout, label_smoothing=label_smoothing, corruption=corruption)
        if dim % (4 * num_heads):
            message = f"{name}: dim must be a multiple of 4 x num_heads, got {dim} and {num_heads}."
            raise ValueError(message)
        self.rows, self.cols, self.num_levels, self.codebook_size = rows, cols, num_levels, codebook_size
        self.context_dim, self.copies = context_dim, copies
        self.label_smoothing, self.corruption = label_smoothing, corruption
        self.embedding = TokenEmbedding(num_levels, codebook_size, dim, num_masks=copies)
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
        levels = repeat(torch.arange(num_levels), "(c k) -> (c n) k", c=copies, n=rows * cols)
        self.register_buffer("levels", levels.contiguous(), persistent=False)  # DDP writes into buffers

    @abstractmethod
    def forward(self, tokens: Tokens, context: Context, *, generator: torch.Generator | None = None) -> GeneratorLoss:
        """Hide a part of the tokens and say how well it is guessed."""

    @abstractmethod
    def _paint(self, canvas: Canvas, free: Sites, drawing: Drawing) -> None:
        """Draw the free sites onto the canvas, in place."""

    def _passes(self, steps: int) -> tuple[int, int]:
        """Say how many passes there are for ``steps``, and for each part that is revised."""
        return steps, 1

    def sample(
        self,
        context: GuidedContext,
        *,
        seeds: Int[Tensor, " batch"],
        sampling: Sampling,
        fixed: Fixed | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Tokens:
        """Draw tokens, without dropout whatever the mode; see :class:`~zoo.generators.base.Generator`.

        Raises:
            ValueError: The sampling can't be meant, or guidance lacks its context.
        """
        check_sampling(type(self).__name__, sampling)
        canvas, free = self._blank(seeds, fixed)
        was_training = self.training
        self.eval()
        try:
            with torch.no_grad():
                passes, revision_passes = self._passes(sampling.steps)
                drawing = Drawing(
                    seeds=seeds,
                    sampling=sampling,
                    guidance=Guidance.of(context, sampling, self.trunk),
                    turns=halton_turns(seeds, self.rows, self.cols, self.copies)
                    if sampling.order == "halton"
                    else None,
                    passes=passes,
                    revision_passes=revision_passes,
                    progress=progress,
                )
                self._paint(canvas, free, drawing)
        finally:
            self.train(was_training)
        return rearrange(canvas, "b (c h w) k -> b (c k) h w", c=self.copies, h=self.rows)

    def _blank(self, seeds: Tensor, fixed: Fixed | None) -> tuple[Canvas, Sites]:
        """Give a canvas with the tokens that stay, and which sites are to be drawn; there it holds no legal token."""
        shape = len(seeds), self.num_levels, self.rows, self.cols
        if fixed is None:
            tokens = torch.full(shape, self.codebook_size, device=seeds.device)
            free = torch.ones_like(tokens[:, 0], dtype=torch.bool)
        else:
            free = ~fixed.mask
            tokens = fixed.tokens.masked_fill(free[:, None], self.codebook_size)
        return self._canvas(tokens).clone(), repeat(free, "b h w -> b (c h w)", c=self.copies)

    def _canvas(self, tokens: Tokens) -> Canvas:
        return rearrange(tokens, "b (c k) h w -> b (c h w) k", c=self.copies)

    def _with_errors(self, canvas: Canvas, generator: torch.Generator | None) -> Canvas:
        """Give what the transformer is shown where nothing is hidden: in training, not always the truth."""
        if not (self.training and self.corruption):
            return canvas
        return corrupted(canvas, share=self.corruption, codebook_size=self.codebook_size, generator=generator)

    def _see(
        self,
        canvas: Canvas,
        memory: Memory,
        *,
        hidden: Sites,
        index: Int[Tensor, " row"] | None = None,
        asked: Int[Tensor, "batch asked"] | None = None,
        shown: Bool[Tensor, "batch site slots"] | None = None,
        kind: int | Int[Tensor, " batch"] = 0,
        branches: int = 1,
    ) -> Float[Tensor, "*rows dim"]:
        """Run the transformer; give what it says of some sites.

        Args:
            canvas: All tokens, whatever stands where they are not shown.
            memory: What was read of the contexts of all branches.
            hidden: Sites of which something is to be guessed.
            index: Sites that are asked for, counted through the batch: any number of each sample.
            asked: The same where they are as many of each sample, which costs less.
            shown: Tokens to show; by default all of the sites that are not hidden.
            kind: Kind of pass.
            branches: How often the canvas is looked at, each time with another context.
        """
        sites = self.embedding(
            canvas, levels=self.levels, shown=~hidden[..., None] if shown is None else shown, hidden=hidden
        )
        ratio = hidden.to(sites.dtype).mean(1)
        kinds = torch.full_like(canvas[:, 0, 0], kind) if isinstance(kind, int) else kind
        if branches > 1:
            sites, ratio, kinds = sites.repeat(branches, 1, 1), ratio.repeat(branches), kinds.repeat(branches)
            asked = None if asked is None else asked.repeat(branches, 1)
        return self.trunk.conclude(*self.trunk(sites, memory, ratio=ratio, kind=kinds, asked=asked), index=index)

    def _look(
        self,
        now: Pass,
        canvas: Canvas,
        *,
        shown: Bool[Tensor, "batch site slots"] | None = None,
        kind: int = 0,
    ) -> Float[Tensor, "branch batch guessed dim"]:
        """Run the transformer on what is drawn so far; give what it says of the sites to guess."""
        branches = 1 + len(now.scales)
        sites = self._see(
            canvas, now.memory, hidden=now.open, asked=now.index, shown=shown, kind=kind, branches=branches
        )
        return sites.unflatten(0, (branches, len(canvas)))

    def _choose(self, features: Tensor, level: int, *, drawing: Drawing, now: Pass) -> tuple[Tensor, Tensor]:
        """Draw one level from features of all branches; give log-probabilities, too."""
        return drawing.choose(self.classifier(combined(features, now.scales), level), drawing.lots(now, level))

    def _loss(
        self,
        features: Float[Tensor, "token dim"],
        tokens: Int[Tensor, " token"],
        *,
        of_level: Sequence[int],
        ratio: Float[Tensor, " token"],
    ) -> GeneratorLoss:
        """Judge the guesses of all that was hidden.

        Args:
            features: Of each hidden token, coarse levels first.
            tokens: The truth.
            of_level: How many are of each level.
            ratio: Share of hidden sites in the sample of each.
        """
        smoothing = self.label_smoothing if self.training else 0.0
        verdict = self.classifier.judge(features, tokens, of_level=of_level, smoothing=smoothing)
        correct = torch.stack([each.float().mean() for each in verdict.correct.split(list(of_level))])
        # a bin holds its upper bound, to within rounding
        bins = (ratio * _BINS - 1e-4).ceil().long().sub_(1).clamp_(0, _BINS - 1)
        by_ratio = verdict.losses.new_zeros(_BINS, 2)
        by_ratio.index_add_(0, bins, torch.stack([verdict.losses, torch.ones_like(verdict.losses)], 1))
        return GeneratorLoss(
            loss=verdict.total / len(tokens),
            num_supervised=torch.tensor(len(tokens), device=tokens.device),
            correct=correct,
            by_ratio=by_ratio,
        )
