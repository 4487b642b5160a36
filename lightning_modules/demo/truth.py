"""Procedural faces: the reference, and the true face that the same person has when AUs act."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from zoo.facs import AUS
from zoo.facs.labels import SIDES, AULabel

# the middle of each of FACS' grades, A to E, as `zoo.faces.intensity_of` bounds them
_ACTIVATIONS = (0.115, 0.31, 0.55, 0.79, 0.95)
USUAL_INTENSITY = 4
"""Of AUs that were asked for without one: D, which shows clearly."""


def activation_of(labels: Sequence[AULabel]) -> Tensor:
    """Say how strongly each AU acts on each side, (side, au) in [0, 1]; side 0 is the image's left."""
    activation = torch.zeros(2, len(AUS))
    for label in labels:
        strength = _ACTIVATIONS[(label.intensity or USUAL_INTENSITY) - 1]
        # the person's right is the image's left
        sides = (0, 1) if label.side is None else (0,) if label.side == SIDES[1] else (1,)
        for side in sides:
            activation[side, AUS.index(label.number)] = strength
    return activation


def true_faces(number: int, wishes: Sequence[Sequence[AULabel]], *, size: int) -> Tensor:
    """Render what a person's face truly looks like with each set of AUs, in the view of the person's reference.

    Args:
        number: Which person; see :func:`lightning_modules.cli.synthesis_references.procedural_reference`.
        wishes: The sets of AUs; an empty one gives the reference itself.
        size: Height and width in pixels.
    """
    from zoo.faces import IDENTITY_RANGES, FaceRenderer, sample_faces

    people = IDENTITY_RANGES["test"]
    count = len(wishes)
    identity = torch.full((count,), people[number % len(people)])
    seeds = torch.full((count,), number)
    faces = sample_faces(identity, seeds, seeds).neutral()
    activation = torch.stack([activation_of(labels) for labels in wishes])
    with torch.no_grad():
        return FaceRenderer(size)(faces.with_activation(activation)).images
