"""What every codec offers."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo.components import Component

if TYPE_CHECKING:
    from zoo.quantizers.base import Quantizer
    from zoo.shapes import Images, Latents, Scalar, Tokens


@dataclass(frozen=True)
class Reconstruction:
    """What a codec's forward pass gives.

    Attributes:
        images: Reconstructions; trained towards [-1, 1], not clamped.
        tokens: Tokens of the images.
        commitment: The quantizer's commitment loss, unweighted.
    """

    images: Images
    tokens: Tokens
    commitment: Scalar


class Codec(Component):
    """Turn images into tokens and tokens into images.

    Attributes:
        quantizer: The injected quantizer.
        stride: Pixels per latent cell.
    """

    quantizer: Quantizer
    stride: int

    @abstractmethod
    def encode(self, images: Images) -> Latents:
        """Give the latents before quantization. Sides must be multiples of ``stride``."""

    @abstractmethod
    def decode(self, latents: Latents) -> Images:
        """Give images from quantized latents."""

    @abstractmethod
    def forward(self, images: Images) -> Reconstruction:
        """Encode, quantize and decode; in training mode the quantizer learns."""

    def tokenize(self, images: Images) -> Tokens:
        """Give the tokens of images."""
        return self.quantizer.encode(self.encode(images))

    def detokenize(self, tokens: Tokens) -> Images:
        """Give images from tokens, or from the first levels of them; clamped to [-1, 1]."""
        return self.decode(self.quantizer.decode(tokens)).clamp(-1, 1)
