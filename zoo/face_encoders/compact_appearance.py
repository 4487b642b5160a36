"""A small encoder of who somebody is, for the embedded world."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from zoo.backbones.base import Backbone
from zoo.face_encoders.base import FaceEncoder
from zoo.shapes import Features, Images


class CompactAppearanceFaceEncoder(FaceEncoder):
    """Turn a face into one vector of unit length, alike for the same person: the paper's appearance tokens, T_A.

    The deepest map of a backbone, averaged over a coarse grid, so that what is where still counts, then projected.

    Args:
        backbone: Gives the maps.
        dim: Channels of the vector.
        grid: Cells of a side of the coarse grid.
    """

    def __init__(self, backbone: Backbone, *, dim: int = 128, grid: int = 4) -> None:
        super().__init__()
        for name, value in (("dim", dim), ("grid", grid)):
            if value < 1:
                message = f"CompactAppearanceFaceEncoder: {name} must be at least 1, got {value}."
                raise ValueError(message)
        self.dim = dim
        self.grid = grid
        self.backbone = backbone
        self.projection = nn.Linear(backbone.channels[-1] * grid * grid, dim)

    def forward(self, images: Images) -> Features:
        """Give one vector for each face, ``batch 1 dim``."""
        maps = functional.adaptive_avg_pool2d(self.backbone(images)[-1], self.grid)
        return functional.normalize(self.projection(torch.flatten(maps, 1)).float(), dim=-1)[:, None]
