"""Where on a face each AU acts, from landmarks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool
from torch import Tensor

from zoo.facs import AUS
from zoo.shapes import Landmarks

_EYES = (slice(36, 42), slice(42, 48))
_NUM_POINTS = 68


@dataclass(frozen=True)
class AURegion:
    """A part of the face, said by strokes along landmarks; lengths are in distances between the eyes.

    Attributes:
        strokes: Landmarks of iBUG 300-W that each stroke runs through; one landmark is a dot.
        up: How far the strokes are moved towards the forehead.
        radius: Half the strokes' width.
    """

    strokes: tuple[tuple[int, ...], ...]
    up: float
    radius: float


AU_REGIONS = {
    1: AURegion(((20, 21), (22, 23)), up=0.05, radius=0.26),
    2: AURegion(((17, 18, 19), (24, 25, 26)), up=0.03, radius=0.22),
    4: AURegion(((19, 20, 21, 22, 23, 24),), up=0.0, radius=0.22),
    6: AURegion(((36, 41, 40), (45, 46, 47)), up=-0.18, radius=0.30),
    7: AURegion(((36, 37, 38, 39, 40, 41, 36), (42, 43, 44, 45, 46, 47, 42)), up=0.0, radius=0.12),
    10: AURegion(((31, 50), (33, 51), (35, 52)), up=-0.05, radius=0.20),
    12: AURegion(((31, 48, 59), (35, 54, 55)), up=0.0, radius=0.22),
    14: AURegion(((48, 60), (54, 64)), up=0.0, radius=0.28),
    15: AURegion(((48, 59), (54, 55)), up=-0.05, radius=0.28),
    17: AURegion(((58, 57, 56),), up=-0.10, radius=0.32),
    23: AURegion(((48, 50, 51, 52, 54), (48, 58, 57, 56, 54)), up=0.0, radius=0.18),
    24: AURegion(((48, 51, 54, 57, 48),), up=0.0, radius=0.16),
}
"""Region of each AU: over the muscle's pull on the skin, where its FACS name says that something moves. Our reading."""


def au_regions(landmarks: Landmarks, *, image_size: int, side: int) -> Bool[Tensor, "batch au row col"]:
    """Mark the region of each AU on a grid over the image: cells whose centre is inside.

    Args:
        landmarks: 68 points in pixels.
        image_size: Height and width of the image in pixels.
        side: Rows and columns of the grid.

    Raises:
        ValueError: There are not 68 points.

    Example:
        >>> points = torch.rand(1, 68, 2, generator=torch.Generator().manual_seed(0)) * 32
        >>> au_regions(points, image_size=32, side=8).shape
        torch.Size([1, 12, 8, 8])
    """
    if landmarks.shape[1] != _NUM_POINTS:
        message = f"au_regions: landmarks must be {_NUM_POINTS} points, got {landmarks.shape[1]}."
        raise ValueError(message)
    left, right = (landmarks[:, eye].mean(1) for eye in _EYES)
    across = right - left
    up = torch.stack([across[:, 1], -across[:, 0]], -1)  # as long as the eyes are apart, as y grows downwards
    unit = across.norm(dim=-1)
    centres = (torch.arange(side, device=landmarks.device) + 0.5) * (image_size / side)
    rows, cols = torch.meshgrid(centres, centres, indexing="ij")
    cells = torch.stack([cols, rows], -1).flatten(0, 1).to(landmarks.dtype)
    found = []
    for au in AUS:
        region = AU_REGIONS[au]
        start, end = _segments(region.strokes)
        moved = landmarks + region.up * up[:, None]
        distance = _distance(cells, moved[:, start], moved[:, end])
        found.append(distance < region.radius * unit[:, None])
    return torch.stack(found, 1).unflatten(2, (side, side))


def _segments(strokes: Sequence[Sequence[int]]) -> tuple[list[int], list[int]]:
    pairs = [pair for stroke in strokes for pair in zip(stroke, stroke[1:] or stroke, strict=False)]
    return [start for start, _ in pairs], [end for _, end in pairs]


def _distance(cells: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """Distance of each cell to the nearest segment, ``batch cell``."""
    along = end - start
    offset = cells[None, None] - start[:, :, None]
    share = (offset * along[:, :, None]).sum(-1) / along.square().sum(-1).clamp_min(1e-6)[:, :, None]
    nearest = offset - share.clamp(0, 1)[..., None] * along[:, :, None]
    return nearest.norm(dim=-1).amin(1)
