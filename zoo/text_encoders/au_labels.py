"""AU labels in place of text: the ablation of Table 2."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from zoo.facs import AUS
from zoo.shapes import Intensity, Occurrence
from zoo.text_encoders.base import EncodedText, TextEncoder


class AULabelsTextEncoder(TextEncoder):
    """Project one-hot AU labels to as many features as a text would give, with a perceptron (section 5.3).

    Args:
        dim: Channels of the features: that of the text encoder it stands for.
        length: Features of each sample: about as many as its prompts have.
        hidden_dim: Channels of the hidden layer.
        with_intensity: Whether it reads how strong AUs are, in fifths, where that is known, and not only which.
    """

    reads_labels = True

    def __init__(
        self, *, dim: int = 128, length: int = 64, hidden_dim: int = 256, with_intensity: bool = False
    ) -> None:
        super().__init__()
        for name, value in (("dim", dim), ("length", length), ("hidden_dim", hidden_dim)):
            if value < 1:
                message = f"AULabelsTextEncoder: {name} must be at least 1, got {value}."
                raise ValueError(message)
        self.dim = dim
        self.length = length
        self.with_intensity = with_intensity
        self.layers = nn.Sequential(nn.Linear(len(AUS), hidden_dim), nn.GELU(), nn.Linear(hidden_dim, length * dim))

    def forward(
        self, prompts: Sequence[str], *, occurrence: Occurrence | None = None, intensity: Intensity | None = None
    ) -> EncodedText:
        """Encode the labels; the prompts are not read.

        Raises:
            ValueError: There are no labels.
        """
        if occurrence is None:
            message = "AULabelsTextEncoder: occurrence must be given, got None. It reads labels, not prompts."
            raise ValueError(message)
        labels = occurrence.to(next(self.parameters()).dtype)
        if self.with_intensity and intensity is not None:
            labels = torch.where(intensity.isnan() | ~occurrence, labels, (intensity / 5).to(labels.dtype))
        features = self.layers(labels).unflatten(1, (self.length, self.dim))
        return EncodedText(features, torch.ones(features.shape[:2], dtype=torch.bool, device=features.device))
