"""Tests of actions that oppose each other: both visible, a place between the two, and no mere sum of them.

Displacements are of landmarks against the same person's neutral face, ``batch point 2``; see :func:`displacement`.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from zoo.shapes import Landmarks, Probability


def both_visible(
    probability: Probability, first: int, second: int, *, threshold: float = 0.5
) -> Bool[Tensor, " batch"]:
    """Say whether a recogniser sees both of two actions, given their places on the ``au`` axis."""
    return (probability[:, first] >= threshold) & (probability[:, second] >= threshold)


def displacement(landmarks: Landmarks, neutral: Landmarks) -> Landmarks:
    """Give how far landmarks moved from a neutral face, in the neutral face's frame.

    Turned, scaled and shifted first so that they lie on the neutral ones as well as they can (Umeyama 1991, by
    singular values), which takes out the pose of the head, and the little of an expression that looks like it.
    """
    centre, middle = landmarks.mean(dim=1, keepdim=True), neutral.mean(dim=1, keepdim=True)
    moved, still = (landmarks - centre).double(), (neutral - middle).double()
    left, sizes, right = torch.linalg.svd(moved.mT @ still)
    # a reflection is no pose
    signs = torch.ones_like(sizes)
    signs[:, -1] = torch.linalg.det(left @ right).sign()
    rotation = left @ (signs[:, :, None] * right)
    scale = (signs * sizes).sum(dim=1) / moved.square().sum(dim=(1, 2))
    return (scale[:, None, None] * moved @ rotation - still).to(landmarks.dtype)


def displacement_along(field: Landmarks, direction: Float[Tensor, "point 2"]) -> Float[Tensor, " batch"]:
    """Give the mean movement along a direction, such as a mouth corner's way up.

    Args:
        field: Displacements.
        direction: A vector at each point, zero where the point doesn't count; scaled to length 1 here.
    """
    lengths = direction.norm(dim=1, keepdim=True)
    units = torch.where(lengths > 0, direction / lengths, 0.0)
    return (field * units).sum(dim=(1, 2)) / (lengths > 0).sum()


def place_between(both: Landmarks, first: Landmarks, second: Landmarks) -> Float[Tensor, " batch"]:
    """Give where the displacement of two actions together lies on the way from the first alone to the second alone.

    <both - first, second - first> / |second - first|^2: 0 is the first action alone, 1 the second; opposed actions of
    like strength lie between. NaN where the two don't differ.
    """
    way = second - first
    length = way.square().sum(dim=(1, 2))
    return torch.where(length > 0, ((both - first) * way).sum(dim=(1, 2)) / length, torch.nan)


def is_between(place: Float[Tensor, " batch"], *, margin: float = 0.1) -> Bool[Tensor, " batch"]:
    """Say whether a place is away from either action alone; False where there is none."""
    return (place > margin) & (place < 1 - margin)


def superposition_deviation(both: Landmarks, first: Landmarks, second: Landmarks) -> Float[Tensor, " batch"]:
    """Give |both - first - second| / (|first| + |second|), lengths over all points.

    0 is a linear sum of the two actions, which faces are not: there is no best value but the true one, see
    :func:`superposition_error`. NaN where neither action moves anything.
    """
    lengths = _length(first) + _length(second)
    return torch.where(lengths > 0, _length(both - first - second) / lengths, torch.nan)


def superposition_error(
    both: Landmarks, first: Landmarks, second: Landmarks, *, true: Float[Tensor, " batch"]
) -> Float[Tensor, " batch"]:
    """Give |deviation - true deviation|: how wrong the interaction of two actions is; lower is better."""
    return (superposition_deviation(both, first, second) - true).abs()


def _length(field: Tensor) -> Tensor:
    return field.flatten(1).norm(dim=1)
