"""What procedural faces truly look like when they are asked for AUs that no frame of the data shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from datamodules.face_sampling import sample_frames, shot_seeds
from datamodules.procedural_faces import ProceduralFacesDataModule

if TYPE_CHECKING:
    from torch import Tensor

    from lightning_modules.evaluation.evaluation_set import EvaluationSet
    from zoo.faces import RenderedFaces

ACTIVATIONS = (0.0, 0.115, 0.3125, 0.62, 0.7875, 0.95)
"""Activation of each intensity: the middle of the grade; of C, the mean of all AUs that act in the data (in C, too)."""


def can_render(frames: EvaluationSet) -> bool:
    """Say whether the truth can be drawn."""
    return isinstance(frames.data, ProceduralFacesDataModule)


@torch.no_grad()
def rendered(asked: EvaluationSet, places: list[int]) -> RenderedFaces:
    """Draw what the references show with the AUs that they are asked for, both sides alike, without nuisances.

    Args:
        asked: Made by :meth:`EvaluationSet.asking` from procedural faces.
        places: Which of its cases.
    """
    from zoo.faces import FaceRenderer

    data = asked.data
    assert isinstance(data, ProceduralFacesDataModule)
    parameters = data.stores["test"]
    seeds = shot_seeds(parameters, np.array([asked.rows[place] for place in places]))
    faces = sample_frames(parameters, seeds).neutral().with_activation(activation_of(asked, places))
    return FaceRenderer(parameters.size, interaction=parameters.interaction)(faces.to(asked.device))


def activation_of(asked: EvaluationSet, places: list[int]) -> Tensor:
    """Give the activations that stand for the intensities asked for."""
    labels = asked.labels
    grades = torch.where(labels.occurrence[places], labels.intensity[places], 0.0)
    return torch.tensor(ACTIVATIONS)[grades.long()]
