"""From what the trunk says of a site to features of its levels, from which tokens are guessed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from zoo.generators.masked.embedding import TokenEmbedding
from zoo.layers.swiglu import SwiGLU

_EPSILON = 1e-6
Draw = Callable[[Tensor, int], tuple[Tensor, Tensor]]
"""From features ``branch batch site dim`` and a level to tokens and their log-probabilities, ``batch site``."""


class StackHead(nn.Module, ABC):
    """Guess all levels of sites.

    What the context has at a site is also shown to each level directly, through a map of its own: most of a face stays
    as it is in the reference, and a level need not wait until the trunk has learned to pass its token on.

    Args:
        dim: Channels.
        num_levels: Levels of tokens.
    """

    def __init__(self, dim: int, *, num_levels: int) -> None:
        super().__init__()
        self.num_levels = num_levels
        self.hint_norm = nn.LayerNorm(dim, eps=_EPSILON, bias=False)
        self.hint = nn.Linear(dim, num_levels * dim, bias=False)

    @abstractmethod
    def teach(
        self,
        sites: Float[Tensor, "site dim"],
        tokens: Int[Tensor, "site level"],
        embedding: TokenEmbedding,
        spatial: Float[Tensor, "site dim"] | None,
    ) -> Float[Tensor, "level site dim"]:
        """Give the features from which each level is guessed, while the truth is known.

        Args:
            sites: What the trunk says.
            tokens: The truth.
            embedding: Of the tokens.
            spatial: What the context has there; None where it has nothing spatial.
        """

    @abstractmethod
    def draw(
        self,
        sites: Float[Tensor, "branch batch site dim"],
        draw: Draw,
        embedding: TokenEmbedding,
        spatial: Float[Tensor, "branch batch site dim"] | None,
    ) -> tuple[Int[Tensor, "batch site level"], Float[Tensor, "batch site"]]:
        """Draw all levels; give the sum of their log-probabilities, too.

        Args:
            sites: What the trunk says, in each branch of the guidance; all are told what was drawn.
            draw: Draws one level.
            embedding: Of the tokens.
            spatial: What the context has there; None where it has nothing spatial.
        """

    def _hints(self, spatial: Tensor | None) -> Sequence[Tensor | float]:
        if spatial is None:
            return [0.0] * self.num_levels
        return self.hint(self.hint_norm(spatial)).chunk(self.num_levels, -1)


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
        super().__init__(dim, num_levels=num_levels)
        self.level = nn.Parameter(0.02 * torch.randn(num_levels, dim))
        self.layer = None
        if num_levels > 1:
            self.layer = nn.Sequential(nn.LayerNorm(dim, eps=_EPSILON, bias=False), SwiGLU(dim, hidden_dim=2 * dim))
        self.norm = nn.LayerNorm(dim, eps=_EPSILON, bias=False)

    def teach(
        self,
        sites: Float[Tensor, "site dim"],
        tokens: Int[Tensor, "site level"],
        embedding: TokenEmbedding,
        spatial: Float[Tensor, "site dim"] | None,
    ) -> Float[Tensor, "level site dim"]:
        """Give the features from which each level is guessed, while the truth is known."""
        levels = torch.arange(len(self.level) - 1, device=tokens.device)
        states = [sites]
        for vectors in embedding.vectors(tokens[:, :-1].T, levels[:, None]).unbind():
            states.append(states[-1] + vectors)
        # level by level: what a CPU has just written is still at hand
        parts = zip(states, self.level, self._hints(spatial), strict=True)
        return torch.stack([self._features(state + level + hint) for state, level, hint in parts])

    def draw(
        self,
        sites: Float[Tensor, "branch batch site dim"],
        draw: Draw,
        embedding: TokenEmbedding,
        spatial: Float[Tensor, "branch batch site dim"] | None,
    ) -> tuple[Int[Tensor, "batch site level"], Float[Tensor, "batch site"]]:
        """Draw one level after the other."""
        drawn, confidence = [], torch.zeros((), device=sites.device)
        for level, (vector, hint) in enumerate(zip(self.level, self._hints(spatial), strict=True)):
            tokens, chance = draw(self._features(sites + vector + hint), level)
            drawn.append(tokens)
            confidence = confidence + chance
            sites = sites + embedding.vectors(tokens, level)
        return torch.stack(drawn, -1), confidence

    def _features(self, states: Tensor) -> Tensor:
        return self.norm(states if self.layer is None else states + self.layer(states))


class IndependentHead(StackHead):
    """Guess each level by itself, as if the levels of a site had nothing to do with each other.

    Args:
        dim: Channels.
        num_levels: Levels of tokens.
    """

    def teach(
        self,
        sites: Float[Tensor, "site dim"],
        tokens: Int[Tensor, "site level"],
        embedding: TokenEmbedding,
        spatial: Float[Tensor, "site dim"] | None,
    ) -> Float[Tensor, "level site dim"]:
        """Give the features of each level: those of the sites and its hint."""
        return torch.stack([sites + hint for hint in self._hints(spatial)])

    def draw(
        self,
        sites: Float[Tensor, "branch batch site dim"],
        draw: Draw,
        embedding: TokenEmbedding,
        spatial: Float[Tensor, "branch batch site dim"] | None,
    ) -> tuple[Int[Tensor, "batch site level"], Float[Tensor, "batch site"]]:
        """Draw each level."""
        hints = enumerate(self._hints(spatial))
        drawn, chances = zip(*(draw(sites + hint, level) for level, hint in hints), strict=True)
        return torch.stack(drawn, -1), torch.stack(chances).sum(0)
