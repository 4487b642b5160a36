"""The codec's own view of the reference: the paper's VAE tokens."""

from __future__ import annotations

import torch
from einops import rearrange

from zoo.codecs.base import Codec
from zoo.face_encoders.base import FaceEncoder
from zoo.shapes import Features, Images


class LatentFaceEncoder(FaceEncoder):
    """Give the codec's quantized latents of the reference, one vector for each position of the grid: T_V.

    The levels are summed, as the decoder sees them; the paper (section 4.2, "RQ-VAE encoder") says no more.
    Never trained. It looks through the codec that it is connected to, which is no part of it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._codec: list[Codec] = []  # in a list, so that it is not a part of this part

    def connect(self, codec: Codec) -> None:
        """Look through this codec from now on."""
        self._codec = [codec]
        self.dim = codec.quantizer.latent_dim

    @torch.no_grad()
    def forward(self, images: Images) -> Features:
        """Give the features in raster order.

        Raises:
            ValueError: It is not connected to a codec.
        """
        if not self._codec:
            message = "LatentFaceEncoder: a codec must be connected first, got none. Call connect(codec)."
            raise ValueError(message)
        codec = self._codec[0]
        return rearrange(codec.quantizer.decode(codec.tokenize(images)), "b d h w -> b (h w) d")
