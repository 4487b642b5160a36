"""Change training images as other cameras and mirrors would, on the device, by random numbers given from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from datamodules.batch import IMAGES
from zoo.images import from_unit, to_unit

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int
    from torch import Tensor

    from zoo.shapes import Images, Landmarks

    Sides = Int[Tensor, "batch au"]

NUM_DRAWS = 5
"""Random numbers per sample that :class:`Augmentation` takes."""


def _mirrored_points() -> tuple[int, ...]:
    """Say which of the 68 points of iBUG 300-W each becomes in a mirror."""
    pairs = [(point, 16 - point) for point in range(8)]  # jaw
    pairs += [(17 + point, 26 - point) for point in range(5)]  # brows
    pairs += [(31, 35), (32, 34)]  # nostrils
    pairs += [(36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46)]  # eyes
    pairs += [(48, 54), (49, 53), (50, 52), (59, 55), (58, 56)]  # outer lips
    pairs += [(60, 64), (61, 63), (67, 65)]  # inner lips
    points = list(range(68))
    for left, right in pairs:
        points[left], points[right] = right, left
    return tuple(points)


MIRRORED_POINTS = _mirrored_points()
"""Index of the point of iBUG 300-W that takes each point's place in a mirror."""
_INNER_POINTS = tuple(point for point in range(17, 68) if point not in (60, 64))
MIRRORED = {
    5: (1, 0, 2, 4, 3),
    49: tuple(_INNER_POINTS.index(MIRRORED_POINTS[point]) for point in _INNER_POINTS),
    68: MIRRORED_POINTS,
}
"""The same by the number of points: 5 are eyes, nose tip and corners of the mouth; 49 are the 68 without the jaw and
the inner corners of the mouth. ``datamodules.alignment`` takes these three."""
MIRRORED_PARAMETERS = ("yaw", "roll", "shift.0", "gaze.0", "light.0", "backdrop_slope.0")
"""Parameters of procedural faces that change their sign in a mirror."""


class Augmentation:
    """Mirror half of the samples, and vary brightness, contrast, saturation and gamma of all.

    All images of a sample (face, reference, truth) change alike, so that they still belong together. What is said of
    sides changes sides with them: points, regions, sides of AUs, and the prompts that word them, which
    ``datamodules.labelling`` writes for the same draws.

    Args:
        brightness: Largest change, as a share of the range [0, 1].
        contrast: Largest relative change.
        saturation: Largest relative change.
        gamma: Largest relative change of the exponent.
    """

    def __init__(
        self, *, brightness: float = 0.08, contrast: float = 0.15, saturation: float = 0.2, gamma: float = 0.15
    ) -> None:
        self.brightness = brightness
        self.contrast = contrast
        self.saturation = saturation
        self.gamma = gamma
        self.parameter_names: tuple[str, ...] = ()
        """Names of the columns of ``parameters``, where a batch has them."""

    def __call__(self, batch: dict[str, Any], draws: Float[Tensor, "batch draw"]) -> dict[str, Any]:
        """Augment a batch of ``datamodules.batch`` by uniform numbers in [0, 1)."""
        batch = mirror(batch, is_mirrored(draws), parameter_names=self.parameter_names)
        signed = draws[:, 1:] * 2 - 1
        for name in IMAGES:
            if name in batch:
                batch[name] = self._relight(batch[name], signed)
        return batch

    def _relight(self, images: Images, signed: Float[Tensor, "batch draw"]) -> Images:
        from kornia import enhance

        brightness, contrast, saturation, gamma = signed.unbind(1)
        unit = to_unit(images)
        unit = enhance.adjust_gamma(unit, torch.exp(gamma * self.gamma))
        # These act on each pixel alone (no image's mean, say), so that a face and its reference change by the same map.
        unit = enhance.adjust_saturation_with_gray_subtraction(unit, 1 + saturation * self.saturation)
        unit = enhance.adjust_contrast(unit, 1 + contrast * self.contrast, clip_output=False)
        unit = enhance.adjust_brightness(unit, brightness * self.brightness)
        return from_unit(unit.clamp(0, 1))


def is_mirrored(draws: Float[Tensor, "batch draw"]) -> Bool[Tensor, " batch"]:
    """Say which samples :class:`Augmentation` mirrors at these draws."""
    return draws[:, 0] < 0.5


def mirror(
    batch: dict[str, Any], flipped: Bool[Tensor, " batch"], *, parameter_names: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Mirror some samples of a batch, with all that is known of their places.

    Args:
        batch: As in ``datamodules.batch``.
        flipped: Which samples.
        parameter_names: Names of the columns of ``parameters``.
    """
    result = dict(batch)
    for name in (*IMAGES, "regions"):
        if name in batch:
            values = batch[name]
            mask = flipped.reshape(-1, *[1] * (values.dim() - 1))
            result[name] = torch.where(mask, values.flip(-1), values)
    for name in ("landmarks", "reference_landmarks"):
        if name in batch:
            mirrored_points = mirror_landmarks(batch[name], width=batch["image"].shape[-1])
            result[name] = torch.where(flipped[:, None, None], mirrored_points, batch[name])
    if "visible" in batch:
        result["visible"] = torch.where(flipped[:, None], batch["visible"][:, MIRRORED_POINTS], batch["visible"])
    if "side" in batch:
        result["side"] = mirror_sides(batch["side"], flipped)
    if "parameters" in batch and parameter_names:
        signs = torch.tensor([-1.0 if name in MIRRORED_PARAMETERS else 1.0 for name in parameter_names])
        mirrored = batch["parameters"] * signs.to(batch["parameters"].device)
        result["parameters"] = torch.where(flipped[:, None], mirrored, batch["parameters"])
    return result


def mirror_sides(side: Sides, flipped: Bool[Tensor, " batch"]) -> Sides:
    """Exchange left (1) and right (2) of some samples; 0 stays.

    Example:
        >>> mirror_sides(torch.tensor([[0, 1, 2], [0, 1, 2]]), torch.tensor([True, False])).tolist()
        [[0, 2, 1], [0, 1, 2]]
    """
    return torch.where(flipped[:, None] & (side > 0), 3 - side, side)


def mirror_landmarks(landmarks: Landmarks, *, width: int) -> Landmarks:
    """Mirror 5, 49 or 68 points in an image of this width; the left eye becomes the right one."""
    order = MIRRORED[landmarks.shape[1]]
    mirrored = landmarks[:, order].clone()
    mirrored[..., 0] = width - mirrored[..., 0]  # the centre of the first pixel is at 0.5
    return mirrored
