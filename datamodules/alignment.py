"""Bring faces into one place: a similarity warp that puts landmarks where a canonical face has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from jaxtyping import Float

    from zoo.shapes import Images, Landmarks

# Five points of a canonical face as shares of the crop's width and height, in the order of FIVE_POINTS:
# pupils on one line at 42 % of the height and 33 % apart, mouth corners at 75 %, chin and brows inside the crop.
CANONICAL_POINTS = ((0.335, 0.42), (0.665, 0.42), (0.5, 0.595), (0.375, 0.75), (0.625, 0.75))
"""Image-left eye, image-right eye, nose tip, image-left and image-right mouth corner, in [0, 1]."""


@dataclass(frozen=True)
class Alignment:
    """What aligning gives.

    Attributes:
        images: The crops, in [-1, 1].
        transform: Takes (x, y, 1) in pixels of the original to (x, y) in pixels of the crop.
        landmarks: The landmarks in pixels of the crop, as many as were given.
    """

    images: Images
    transform: Float[Tensor, "batch 2 3"]
    landmarks: Landmarks


class FaceAligner:
    """Warp faces by rotation, scale and shift, so that their landmarks come nearest to the canonical ones.

    The least-squares solution is in closed form (Umeyama 1991, equations 40 to 42, in the plane). Positions
    follow ``zoo.shapes.Landmarks``: the centre of the top-left pixel is (0.5, 0.5).

    Args:
        size: Height and width of the crops in pixels.
        margin: Room around the canonical crop, as a share of its size; negative cuts closer.
        fill: What lies outside the original image, in [-1, 1].
    """

    def __init__(self, size: int = 256, *, margin: float = 0.0, fill: float = -1.0) -> None:
        if size < 1:
            message = f"FaceAligner: size must be at least 1, got {size}."
            raise ValueError(message)
        if margin <= -0.5:
            message = f"FaceAligner: margin must be above -0.5, got {margin}."
            raise ValueError(message)
        self.size = size
        self.fill = fill
        points = torch.tensor(CANONICAL_POINTS)
        self.canonical = ((points - 0.5) / (1 + 2 * margin) + 0.5) * size
        """The five canonical points in pixels of the crop."""

    def __call__(self, images: Images, landmarks: Landmarks) -> Alignment:
        """Align faces by 5 points, or by 68 in the order of iBUG 300-W."""
        from kornia.geometry.transform import warp_affine

        transform = similarity(five_points(landmarks), self.canonical.to(landmarks))
        # kornia puts the centre of the top-left pixel at (0, 0)
        offset = torch.full((2, 1), 0.5).to(transform)
        linear = transform[:, :, :2]
        at_centres = torch.cat([linear, transform[:, :, 2:] + linear @ offset - offset], dim=2)
        crops = warp_affine(
            images - self.fill, at_centres.to(images), (self.size, self.size), mode="bilinear", align_corners=True
        )
        return Alignment(crops + self.fill, transform, transform_points(landmarks, transform))


def five_points(landmarks: Landmarks) -> Landmarks:
    """Reduce 68 points of iBUG 300-W to eyes, nose tip and mouth corners; give 5 points as they are.

    Raises:
        ValueError: There are neither 5 nor 68 points.
    """
    if landmarks.shape[1] == 5:
        return landmarks
    if landmarks.shape[1] != 68:
        message = f"FaceAligner: landmarks must be 5 or 68 points, got {landmarks.shape[1]}."
        raise ValueError(message)
    eyes = [landmarks[:, 36:42].mean(1), landmarks[:, 42:48].mean(1)]
    return torch.stack([*eyes, landmarks[:, 30], landmarks[:, 48], landmarks[:, 54]], dim=1)


def similarity(points: Landmarks, target: Float[Tensor, "point 2"]) -> Float[Tensor, "batch 2 3"]:
    """Find the rotation, scale and shift that bring points nearest to the target, without mirroring.

    Raises:
        ValueError: All points of a face are in one place.
    """
    centre, target_centre = points.mean(1), target.mean(0)
    source, goal = points - centre[:, None], target - target_centre
    spread = source.square().sum((1, 2))
    if not bool((spread > 1e-6).all()):
        message = "FaceAligner: landmarks must be finite and not all in one place. Leave such faces out."
        raise ValueError(message)
    # In the plane a similarity is (a, -b; b, a), linear in a and b.
    a = (source * goal).sum((1, 2)) / spread
    b = (source[..., 0] * goal[..., 1] - source[..., 1] * goal[..., 0]).sum(1) / spread
    linear = torch.stack([torch.stack([a, -b], 1), torch.stack([b, a], 1)], 1)
    shift = target_centre - (linear @ centre[..., None])[..., 0]
    return torch.cat([linear, shift[..., None]], dim=2)


def transform_points(points: Landmarks, transform: Float[Tensor, "batch 2 3"]) -> Landmarks:
    """Apply an affine transform to points in pixels."""
    return points @ transform[:, :, :2].mT + transform[:, None, :, 2]
