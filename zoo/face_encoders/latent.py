"""The codec's own view of the reference: the paper's VAE tokens."""

from __future__ import annotations

import torch
from einops import rearrange
from torch.nn import functional

from zoo.codecs.base import Codec
from zoo.face_encoders.base import FaceEncoder
from zoo.shapes import Features, Images, Tokens

_EPSILON = 1e-12


class LatentFaceEncoder(FaceEncoder):
    """Give the codec's quantized latents of the reference, one vector for each position of the grid: T_V.

    What each level adds stands by itself, brought to the same size: fine levels add so little that a generator would
    take long to see them in the sum, and with it the tokens that it may copy. The paper (section 4.2, "RQ-VAE
    encoder") leaves this open. Never trained. It looks through the codec that it is connected to, which is no part of
    it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._codec: list[Codec] = []  # in a list, so that it is not a part of this part

    def connect(self, codec: Codec) -> None:
        """Look through this codec from now on."""
        self._codec = [codec]
        self.dim = codec.quantizer.num_levels * codec.quantizer.latent_dim

    @torch.no_grad()
    def forward(self, images: Images) -> Features:
        """Give the features in raster order.

        Raises:
            ValueError: It is not connected to a codec.
        """
        return self.of_tokens(self._connected().tokenize(images))

    @torch.no_grad()
    def of_tokens(self, tokens: Tokens) -> Features:
        """Give the features of tokens that are there already.

        Raises:
            ValueError: It is not connected to a codec.
        """
        levels = rearrange(self._connected().quantizer.level_latents(tokens), "b l d h w -> b (h w) l d")
        return functional.rms_norm(levels.float(), levels.shape[-1:], eps=_EPSILON).flatten(-2)

    def _connected(self) -> Codec:
        if not self._codec:
            message = "LatentFaceEncoder: a codec must be connected first, got none. Call connect(codec)."
            raise ValueError(message)
        return self._codec[0]
