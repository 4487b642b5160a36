"""A small encoder of where what is in a face, for the embedded world."""

from __future__ import annotations

from einops import rearrange
from torch import nn

from zoo.backbones.base import Backbone
from zoo.face_encoders.base import FaceEncoder
from zoo.shapes import Features, Images


class CompactStructureFaceEncoder(FaceEncoder):
    """Give one vector for each place of the deepest map of a backbone: the paper's structure tokens, T_S.

    Args:
        backbone: Gives the maps; one that knows where a pixel is, as the compact one does.
        dim: Channels of the features.
    """

    def __init__(self, backbone: Backbone, *, dim: int = 128) -> None:
        super().__init__()
        if dim < 1:
            message = f"CompactStructureFaceEncoder: dim must be at least 1, got {dim}."
            raise ValueError(message)
        self.dim = dim
        self.backbone = backbone
        self.projection = nn.Linear(backbone.channels[-1], dim)
        self.norm = nn.LayerNorm(dim)

    def forward(self, images: Images) -> Features:
        """Give the features in raster order."""
        places = rearrange(self.backbone(images)[-1], "b d h w -> b (h w) d")
        return self.norm(self.projection(places))
