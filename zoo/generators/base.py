"""What every generator offers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from zoo.components import Component
from zoo.fusion.base import Context
from zoo.sampling import Sampling as Sampling
from zoo.shapes import Scalar, Tokens


@dataclass(frozen=True)
class GeneratorLoss:
    """What a generator's training pass gives.

    Attributes:
        loss: Mean cross-entropy in nats over what is due, to be minimised.
        num_supervised: How many tokens it is a mean over.
        correct: Share of supervised tokens that are the likeliest ones, by level; NaN where none was due.
        by_ratio: Sum of losses and count of tokens in ten equal bins of the mask ratio.
    """

    loss: Scalar
    num_supervised: Int[Tensor, ""]
    correct: Float[Tensor, " level"]
    by_ratio: Float[Tensor, "bin 2"]


@dataclass(frozen=True)
class GuidedContext:
    """The contexts that guidance compares.

    Attributes:
        full: With text and reference.
        without_text: With the reference alone; None where text is not guided.
        without_reference: With the text alone; None where the reference is not guided.
    """

    full: Context
    without_text: Context | None = None
    without_reference: Context | None = None


@dataclass(frozen=True)
class Fixed:
    """Tokens that must stay, as when only the mouth is drawn anew.

    Attributes:
        tokens: Of the whole picture.
        mask: Positions that stay.
    """

    tokens: Tokens
    mask: Bool[Tensor, "batch rows cols"]


class Generator(Component):
    """Learn to draw the tokens of a face from a context, and draw them.

    Attributes:
        rows: Rows of the token grid.
        cols: Columns of the token grid.
        num_levels: Levels of tokens, coarse to fine.
        codebook_size: Codes of each level; the mask token, where there is one, is outside of it and never drawn.
        context_dim: Channels of the context.
    """

    rows: int
    cols: int
    num_levels: int
    codebook_size: int
    context_dim: int

    @abstractmethod
    def forward(self, tokens: Tokens, context: Context, *, generator: torch.Generator | None = None) -> GeneratorLoss:
        """Hide a part of the tokens and say how well it is guessed.

        Args:
            tokens: Of the faces to learn.
            context: What is known of them.
            generator: Source of the masks; the global one by default.
        """

    @abstractmethod
    def sample(
        self,
        context: GuidedContext,
        *,
        seeds: Int[Tensor, " batch"],
        sampling: Sampling,
        fixed: Fixed | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Tokens:
        """Draw tokens.

        Args:
            context: What is known of the faces.
            seeds: One for each sample: its noise depends on its seed alone, not on the batch it is in.
            sampling: How they are drawn.
            fixed: Tokens that stay.
            progress: Told after each forward pass how many are done, and of how many.
        """
