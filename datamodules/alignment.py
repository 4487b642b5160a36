"""Bring faces into one place: a similarity warp that puts landmarks where a canonical face has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Points = NDArray[np.float64]  # (point, 2), x and y
    Transform = NDArray[np.float64]  # (2, 3)

# Five points of a canonical face as shares of the crop's width and height:
# pupils on one line at 42 % of the height and 33 % apart, mouth corners at 75 %, chin and brows inside the crop.
CANONICAL_POINTS = ((0.335, 0.42), (0.665, 0.42), (0.5, 0.595), (0.375, 0.75), (0.625, 0.75))
"""Image-left eye, image-right eye, nose tip, image-left and image-right mouth corner, in [0, 1]."""
VERSION = 1
"""Of the pixels that aligning gives; raised when they change."""
_REDUCED = 0.98  # below this scale an image is reduced before it is warped


class AlignmentError(ValueError):
    """A face can't be aligned."""


@dataclass(frozen=True)
class AlignedFace:
    """What aligning gives.

    Attributes:
        pixels: The crop, RGB, (size, size, 3).
        transform: Takes (x, y, 1) in pixels of the original to (x, y) in pixels of the crop.
        landmarks: The landmarks in pixels of the crop, as many as were given; None where none were.
        scale: Pixels of the crop per pixel of the original.
        inside: Share of the crop that the original covers, in [0, 1].
        error: Root mean square distance of the five points from the canonical ones, as a share of the crop's size;
            0.198 is what points give that are no face at all. NaN where a box was given.
    """

    pixels: NDArray[np.uint8]
    transform: Transform
    landmarks: Points | None
    scale: float
    inside: float
    error: float


class FaceAligner:
    """Warp faces by rotation, scale and shift, so that their landmarks come nearest to the canonical ones.

    The least-squares solution is in closed form (Umeyama 1991, equations 40 to 42, in the plane). Positions
    follow ``zoo.shapes.Landmarks``: the centre of the top-left pixel is (0.5, 0.5). Larger originals are reduced
    by Lanczos's filter before they are warped, so that fine texture doesn't turn into false wrinkles.

    Args:
        size: Height and width of the crops in pixels.
        margin: Room around the canonical crop, or around a box, as a share of its size; negative cuts closer.
        fill: What lies outside the original image, a grey value from 0 to 255.
    """

    def __init__(self, size: int = 256, *, margin: float = 0.0, fill: int = 0) -> None:
        if size < 1:
            message = f"FaceAligner: size must be at least 1, got {size}."
            raise ValueError(message)
        if margin <= -0.5:
            message = f"FaceAligner: margin must be above -0.5, got {margin}."
            raise ValueError(message)
        if not 0 <= fill <= 255:
            message = f"FaceAligner: fill must be from 0 to 255, got {fill}."
            raise ValueError(message)
        self.size = size
        self.margin = margin
        self.fill = fill
        self.canonical = ((np.array(CANONICAL_POINTS) - 0.5) / (1 + 2 * margin) + 0.5) * size
        """The five canonical points in pixels of the crop."""

    @property
    def record(self) -> dict[str, Any]:
        """Everything that decides the crops, as plain data for a data set's metadata."""
        return {
            "name": type(self).__name__,
            "version": VERSION,
            "size": self.size,
            "margin": self.margin,
            "fill": self.fill,
            "canonical_points": [list(point) for point in CANONICAL_POINTS],
        }

    def align(self, pixels: NDArray[np.uint8], landmarks: ArrayLike) -> AlignedFace:
        """Align a face by its landmarks.

        Args:
            pixels: The original, RGB, (height, width, 3).
            landmarks: 5, 49 or 68 points in pixels, see :func:`five_points`.

        Raises:
            AlignmentError: The points are not finite, or all in one place.
        """
        points = np.asarray(landmarks, dtype=np.float64)
        five = five_points(points)
        transform = similarity(five, self.canonical)
        error = np.sqrt(np.square(transform_points(five, transform) - self.canonical).sum(1).mean()) / self.size
        return self._aligned(pixels, transform, transform_points(points, transform), float(error))

    def crop(self, pixels: NDArray[np.uint8], box: ArrayLike, *, landmarks: ArrayLike | None = None) -> AlignedFace:
        """Cut out the square around a box, upright.

        Args:
            pixels: The original, RGB, (height, width, 3).
            box: Left, top, right and bottom in pixels.
            landmarks: Points in pixels that are carried along; the crop doesn't depend on them.

        Raises:
            AlignmentError: The box is empty or not finite.
        """
        left, top, right, bottom = (float(value) for value in np.asarray(box, dtype=np.float64))
        if not (np.isfinite([left, top, right, bottom]).all() and left < right and top < bottom):
            message = f"FaceAligner: box must have left < right and top < bottom, got {left, top, right, bottom}."
            raise AlignmentError(message)
        scale = self.size / (max(right - left, bottom - top) * (1 + 2 * self.margin))
        x, y = self.size / 2 - scale * (left + right) / 2, self.size / 2 - scale * (top + bottom) / 2
        transform = np.array([[scale, 0.0, x], [0.0, scale, y]])
        points = None if landmarks is None else np.asarray(landmarks, dtype=np.float64)
        carried = None if points is None else transform_points(points, transform)
        return self._aligned(pixels, transform, carried, float("nan"))

    def _aligned(
        self, pixels: NDArray[np.uint8], transform: Transform, landmarks: Points | None, error: float
    ) -> AlignedFace:
        scale = float(np.sqrt(abs(np.linalg.det(transform[:, :2]))))
        inside = _share_inside(transform, self.size, pixels.shape[1], pixels.shape[0])
        crop = warp(pixels, transform, size=self.size, fill=self.fill)
        return AlignedFace(crop, transform, landmarks, scale, inside, error)


def five_points(landmarks: Points) -> Points:
    """Reduce points of iBUG 300-W to eyes, nose tip and mouth corners; give 5 points as they are.

    49 points are the 68 without the jaw and the inner corners of the mouth.

    Raises:
        AlignmentError: There are neither 5 nor 49 nor 68 points.
    """
    if len(landmarks) not in (5, 49, 68) or landmarks.shape[1:] != (2,):
        message = f"FaceAligner: landmarks must be 5, 49 or 68 points in the plane, got the shape {landmarks.shape}."
        raise AlignmentError(message)
    if len(landmarks) == 5:
        return landmarks
    inner = landmarks if len(landmarks) == 49 else landmarks[17:]  # without the jaw
    return np.stack([inner[19:25].mean(0), inner[25:31].mean(0), inner[13], inner[31], inner[37]])


def similarity(points: Points, target: Points) -> Transform:
    """Find the rotation, scale and shift that bring points nearest to the target, without mirroring.

    Raises:
        AlignmentError: The points are not finite, or all in one place.
    """
    centre, target_centre = points.mean(0), target.mean(0)
    source, goal = points - centre, target - target_centre
    spread = float(np.square(source).sum())
    if not (np.isfinite(spread) and spread > 1e-6):
        message = "FaceAligner: landmarks must be finite and not all in one place. Leave such faces out."
        raise AlignmentError(message)
    # In the plane a similarity is (a, -b; b, a), linear in a and b.
    a = float((source * goal).sum()) / spread
    b = float((source[:, 0] * goal[:, 1] - source[:, 1] * goal[:, 0]).sum()) / spread
    if a * a + b * b < 1e-12:
        message = (
            "FaceAligner: landmarks must be those of a face, got points that are unlike any. Leave such faces out."
        )
        raise AlignmentError(message)
    linear = np.array([[a, -b], [b, a]])
    return np.concatenate([linear, (target_centre - linear @ centre)[:, None]], axis=1)


def transform_points(points: Points, transform: Transform) -> Points:
    """Apply an affine transform to points in pixels."""
    moved: Points = points @ transform[:, :2].T + transform[:, 2]
    return moved


def warp(pixels: NDArray[np.uint8], transform: Transform, *, size: int, fill: int = 0) -> NDArray[np.uint8]:
    """Draw the square of ``size`` pixels that an affine transform of the image shows.

    Args:
        pixels: RGB, (height, width, 3).
        transform: Takes (x, y, 1) of the image to (x, y) of the square.
        size: Height and width of the square.
        fill: Grey value outside the image.
    """
    from PIL import Image

    height, width = pixels.shape[:2]
    inverse = _inverse(transform)
    corners = transform_points(np.array([[0.0, 0.0], [size, 0.0], [0.0, size], [size, size]]), inverse)
    scale = np.sqrt(abs(np.linalg.det(transform[:, :2])))
    support = 3 / min(scale, 1)  # pixels that Lanczos's filter reaches
    left, top = np.maximum(np.floor(corners.min(0) - support), 0).astype(int)
    right, bottom = np.minimum(np.ceil(corners.max(0) + support), (width, height)).astype(int)
    if left >= right or top >= bottom:
        return np.full((size, size, 3), fill, dtype=np.uint8)
    part = Image.fromarray(np.ascontiguousarray(pixels[top:bottom, left:right]))
    reduced = part
    if scale < _REDUCED:
        reduced = part.resize(
            (max(1, round(part.width * scale)), max(1, round(part.height * scale))), Image.Resampling.LANCZOS
        )
    # from pixels of the square to pixels of what was reduced
    shrink = np.array([reduced.width / part.width, reduced.height / part.height])
    inverse = (inverse - np.array([[0, 0, left], [0, 0, top]])) * shrink[:, None]
    shift = np.rint(inverse[:, 2])
    if np.abs(inverse - np.array([[1, 0, shift[0]], [0, 1, shift[1]]])).max() < 1e-6:  # nothing to interpolate
        x, y = shift.astype(int)
        if x >= 0 and y >= 0 and x + size <= reduced.width and y + size <= reduced.height:
            return np.asarray(reduced.crop((x, y, x + size, y + size)))
    return _interpolated(np.asarray(reduced), _inverse(inverse), size=size, fill=fill)


def _interpolated(pixels: NDArray[np.uint8], transform: Transform, *, size: int, fill: int) -> NDArray[np.uint8]:
    """Warp by bicubic interpolation."""
    import torch
    from kornia.geometry.transform import warp_affine

    # kornia puts the centre of the top-left pixel at (0, 0)
    linear, shift = transform[:, :2], transform[:, 2]
    at_centres = np.concatenate([linear, (shift + linear @ [0.5, 0.5] - 0.5)[:, None]], axis=1)
    image = torch.from_numpy(pixels.transpose(2, 0, 1)[None].astype(np.float32)) - fill
    warped = warp_affine(
        image, torch.from_numpy(at_centres[None]).float(), (size, size), mode="bicubic", align_corners=True
    )
    crop = (warped[0] + fill).round().clamp(0, 255).to(torch.uint8)
    return np.ascontiguousarray(crop.permute(1, 2, 0).numpy())


def _inverse(transform: Transform) -> Transform:
    linear = np.linalg.inv(transform[:, :2])
    return np.concatenate([linear, -(linear @ transform[:, 2:])], axis=1)


def _share_inside(transform: Transform, size: int, width: int, height: int) -> float:
    """Say which share of the square shows the image, on a grid of 32 x 32 points."""
    steps = (np.arange(32) + 0.5) / 32 * size
    grid = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    x, y = transform_points(grid, _inverse(transform)).T
    return float(((x > 0) & (x < width) & (y > 0) & (y < height)).mean())
