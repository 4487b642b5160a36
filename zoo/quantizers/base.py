"""What every quantizer offers."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from zoo.components import Component
from zoo.shapes import Latents, Scalar, Tokens


@dataclass(frozen=True)
class Quantized:
    """What a quantizer gives.

    Attributes:
        latents: Quantized latents; gradients pass straight through to the input, with gain 1.
        tokens: Indices of the codes, levels coarse to fine.
        commitment: Mean over levels of the commitment loss (equation 2 of the paper), unweighted.
    """

    latents: Latents
    tokens: Tokens
    commitment: Scalar


class Quantizer(Component):
    """Turn latents into tokens and tokens into latents.

    Codebooks that are not taught by gradients learn in two halves: ``forward`` in training mode gathers what
    the latents teach, ``update_codebooks`` applies it. Call it once after each step of the optimizer, on every
    process: then several small batches teach what a large one does. Without it the codebooks stay as the first
    batch started them.

    Attributes:
        latent_dim: Channels of the latents.
        num_levels: Levels of tokens, coarse to fine.
        codebook_size: Codes of each level; ``0 <= token < codebook_size``.
    """

    latent_dim: int
    num_levels: int
    codebook_size: int

    @abstractmethod
    def forward(self, latents: Latents) -> Quantized:
        """Quantize; in training mode also gather what these latents teach the codebooks."""

    @abstractmethod
    def encode(self, latents: Latents) -> Tokens:
        """Give the tokens alone, without learning; the same under any autocast."""

    @abstractmethod
    def decode(self, tokens: Tokens) -> Latents:
        """Give the quantized latents; a prefix of the levels gives the coarser reconstruction."""

    @abstractmethod
    def level_latents(self, tokens: Tokens) -> Float[Tensor, "batch level dim rows cols"]:
        """Give what each level adds; their sum over levels is ``decode(tokens)``."""

    def update_codebooks(self) -> None:
        """Apply what was gathered since the last call; nothing to do where gradients teach the codebooks."""

    def stop_restarts(self) -> None:
        """Leave unused codes where they are from now on, as near the end of training; saved with the state."""
