"""Tests of actions that oppose each other: both visible, a place between the two, and no mere sum of them.

Fields are changes against the same person's neutral face, ``batch point axis``: displacements of landmarks (two axes;
see :func:`displacement`), or differences of pixels (three).
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from zoo.shapes import Landmarks, Probability

Fields = Float[Tensor, "batch point axis"]


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


def projection(field: Fields, onto: Fields) -> Float[Tensor, "batch 2"]:
    """Give <field, onto> and |onto|^2: how far a field goes along another is the first over the second.

    Sums of both over faces make a ratio in which those count more whose other field is longer.
    """
    return torch.stack([(field * onto).sum(dim=(1, 2)), onto.square().sum(dim=(1, 2))], dim=1)


def place_between(both: Fields, first: Fields, second: Fields) -> Float[Tensor, " batch"]:
    """Give where the field of two actions together lies on the way from the first alone to the second alone.

    <both - first, second - first> / |second - first|^2: 0 is the first action alone, 1 the second; opposed actions of
    like strength lie between. NaN where the two don't differ.
    """
    return _ratio(projection(both - first, second - first))


def is_between(place: Float[Tensor, " batch"], *, margin: float = 0.1) -> Bool[Tensor, " batch"]:
    """Say whether a place is away from either action alone; False where there is none."""
    return (place > margin) & (place < 1 - margin)


def interaction_field(both: Fields, first: Fields, second: Fields) -> Fields:
    """Give what two actions together do besides the sum of what each does alone."""
    return both - first - second


def interaction_response(interaction: Fields, true_interaction: Fields) -> Float[Tensor, " batch"]:
    """Give <interaction, true interaction> / |true interaction|^2, of :func:`interaction_field`.

    0 is a linear sum of the two actions, 1 right, above 1 overdone, below 0 the wrong way. Errors of synthesis that
    don't look like the true interaction cancel, which they don't in :func:`superposition_deviation`. NaN where the
    actions truly add up.
    """
    return _ratio(projection(interaction, true_interaction))


def superposition_deviation(both: Fields, first: Fields, second: Fields) -> Float[Tensor, " batch"]:
    """Give |both - first - second| / (|first| + |second|), lengths over all points.

    0 is a linear sum of the two actions, which faces are not: there is no best value but the true one, see
    :func:`superposition_error`. NaN where neither action moves anything.
    """
    return _ratio(deviation_lengths(both, first, second))


def deviation_lengths(both: Fields, first: Fields, second: Fields) -> Float[Tensor, "batch 2"]:
    """Give |both - first - second| and |first| + |second|, of which the deviation is made."""
    return torch.stack([_length(interaction_field(both, first, second)), _length(first) + _length(second)], dim=1)


def superposition_error(
    both: Fields, first: Fields, second: Fields, *, true: Float[Tensor, " batch"]
) -> Float[Tensor, " batch"]:
    """Give |deviation - true deviation|: how wrong the interaction of two actions is; lower is better."""
    return (superposition_deviation(both, first, second) - true).abs()


def _length(field: Tensor) -> Tensor:
    return field.flatten(1).norm(dim=1)


def _ratio(parts: Tensor) -> Tensor:
    return torch.where(parts[:, 1] > 0, parts[:, 0] / parts[:, 1], torch.nan)
