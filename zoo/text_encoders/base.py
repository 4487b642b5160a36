"""What every text encoder offers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Bool
from torch import Tensor

from zoo.components import Component
from zoo.shapes import Features, Intensity, Occurrence


@dataclass(frozen=True)
class EncodedText:
    """What a text encoder gives: the paper's text tokens, T_T.

    Attributes:
        features: Padded to the longest prompt of the batch.
        mask: Where features are real; every row has at least one.
    """

    features: Features
    mask: Bool[Tensor, "batch length"]


class TextEncoder(Component):
    """Turn prompts, or the AU labels behind them, into features.

    Attributes:
        dim: Channels of the features.
        reads_labels: Whether it reads the labels and not the prompts.
    """

    dim: int
    reads_labels: bool = False

    @abstractmethod
    def forward(
        self, prompts: Sequence[str], *, occurrence: Occurrence | None = None, intensity: Intensity | None = None
    ) -> EncodedText:
        """Encode.

        Args:
            prompts: One for each sample; long ones are encoded whole.
            occurrence: The AUs that are meant, for encoders that read labels.
            intensity: Their intensities, NaN where unknown, for encoders that read them.
        """
