"""From what the trunk says of a site to features of its levels, from which tokens are guessed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from zoo.generators.masked.embedding import TokenEmbedding
from zoo.layers.swiglu import SwiGLU

_EPSILON = 1e-6
Draw = Callable[[Tensor, int], tuple[Tensor, Tensor]]
"""From features ``branch batch site dim`` and a level to tokens and their log-probabilities, ``batch site``."""


class StackHead(nn.Module, ABC):
    """Guess all levels of sites."""

    @abstractmethod
    def teach(
        self, sites: Float[Tensor, "site dim"], tokens: Int[Tensor, "site level"], embedding: TokenEmbedding
    ) -> Float[Tensor, "level site dim"]:
        """Give the features from which each level is guessed, while the truth is known.

        Args:
            sites: What the trunk says.
            tokens: The truth.
            embedding: Of the tokens.
        """

    @abstractmethod
    def draw(
        self, sites: Float[Tensor, "branch batch site dim"], draw: Draw, embedding: TokenEmbedding
    ) -> tuple[Int[Tensor, "batch site level"], Float[Tensor, "batch site"]]:
        """Draw all levels; give the sum of their log-probabilities, too.

        Args:
            sites: What the trunk says, in each branch of the guidance; all are told what was drawn.
            draw: Draws one level.
            embedding: Of the tokens.
        """


class DepthHead(StackHead):
    """Guess each level given the coarser ones of the same site.

    One gated layer, shared by all levels, over the sum of what the trunk says, the vectors of the coarser tokens and a
    vector of the level: a small stand-in for the depth transformer of Lee et al. 2022, section 3.2
    (https://arxiv.org/abs/2203.01941). A single level depends on no other, and is read from what the trunk says.

    Args:
        dim: Channels.
        num_levels: Levels of tokens.
    """

    def __init__(self, dim: int, *, num_levels: int) -> None:
        super().__init__()
        self.level = nn.Parameter(0.02 * torch.randn(num_levels, dim))
        self.layer = None
        if num_levels > 1:
            self.layer = nn.Sequential(nn.LayerNorm(dim, eps=_EPSILON, bias=False), SwiGLU(dim, hidden_dim=2 * dim))
        self.norm = nn.LayerNorm(dim, eps=_EPSILON, bias=False)

    def teach(
        self, sites: Float[Tensor, "site dim"], tokens: Int[Tensor, "site level"], embedding: TokenEmbedding
    ) -> Float[Tensor, "level site dim"]:
        """Give the features from which each level is guessed, while the truth is known."""
        levels = torch.arange(len(self.level) - 1, device=tokens.device)
        states = [sites]
        for vectors in embedding.vectors(tokens[:, :-1].T, levels[:, None]).unbind():
            states.append(states[-1] + vectors)
        # level by level: what a CPU has just written is still at hand
        return torch.stack([self._features(state + level) for state, level in zip(states, self.level, strict=True)])

    def draw(
        self, sites: Float[Tensor, "branch batch site dim"], draw: Draw, embedding: TokenEmbedding
    ) -> tuple[Int[Tensor, "batch site level"], Float[Tensor, "batch site"]]:
        """Draw one level after the other."""
        drawn, confidence = [], torch.zeros((), device=sites.device)
        for level, vector in enumerate(self.level):
            tokens, chance = draw(self._features(sites + vector), level)
            drawn.append(tokens)
            confidence = confidence + chance
            sites = sites + embedding.vectors(tokens, level)
        return torch.stack(drawn, -1), confidence

    def _features(self, states: Tensor) -> Tensor:
        return self.norm(states if self.layer is None else states + self.layer(states))


class IndependentHead(StackHead):
    """Guess each level by itself, as if the levels of a site had nothing to do with each other.

    Args:
        num_levels: Levels of tokens.
    """

    def __init__(self, *, num_levels: int) -> None:
        super().__init__()
        self.num_levels = num_levels

    def teach(
        self, sites: Float[Tensor, "site dim"], tokens: Int[Tensor, "site level"], embedding: TokenEmbedding
    ) -> Float[Tensor, "level site dim"]:
        """Give the same features for each level: the classifier has weights of its own for each."""
        return sites.expand(self.num_levels, -1, -1)

    def draw(
        self, sites: Float[Tensor, "branch batch site dim"], draw: Draw, embedding: TokenEmbedding
    ) -> tuple[Int[Tensor, "batch site level"], Float[Tensor, "batch site"]]:
        """Draw each level."""
        drawn, chances = zip(*(draw(sites, level) for level in range(self.num_levels)), strict=True)
        return torch.stack(drawn, -1), torch.stack(chances).sum(0)
