"""What a set of codebooks, learned or computed, offers to the quantizer around it."""

from __future__ import annotations

from abc import ABC, abstractmethod

from jaxtyping import Float, Int
from torch import Tensor, nn

Vectors = Float[Tensor, "vector dim"]
VectorTokens = Int[Tensor, "vector level"]
Grid = tuple[int, int, int]


class Codebooks(nn.Module, ABC):
    """Code flat vectors, level by level. Called in single precision, without autocast.

    A grid is batch, rows and cols, the order of the vectors.
    """

    @abstractmethod
    def forward(
        self, vectors: Vectors, grid: Grid, kept: Int[Tensor, " vector"] | None
    ) -> tuple[Vectors, VectorTokens, Float[Tensor, ""]]:
        """Give the sum of the codes, the tokens, and the commitment loss; in training mode gather lessons.

        Gradients of the sum pass straight to the vectors. ``kept`` is how many levels of each vector count in
        the sum, all if None; tokens and commitment are of all levels.
        """

    @abstractmethod
    def encode(self, vectors: Vectors, grid: Grid) -> VectorTokens:
        """Give the tokens alone."""

    @abstractmethod
    def sum_codes(self, tokens: VectorTokens) -> Vectors:
        """Give the sum of the codes of the first levels."""

    @abstractmethod
    def each_code(self, tokens: VectorTokens) -> Float[Tensor, "vector level dim"]:
        """Give the codes of the first levels, one by one."""

    def update(self) -> None:
        """Apply what was gathered since the last call."""

    def stop_restarts(self) -> None:
        """Leave unused codes where they are from now on."""
