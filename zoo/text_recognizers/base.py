"""What every text AU recogniser offers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from zoo.components import Component
from zoo.shapes import Probability


@dataclass(frozen=True)
class TextRecognition:
    """What a text recogniser gives.

    Attributes:
        probability: Probability that a text speaks of each AU, in [0, 1].
        logits: The same before the sigmoid.
    """

    probability: Probability
    logits: Float[Tensor, "batch au"]


class TextRecognizer(Component):
    """Recognise AUs in texts, as image recognisers do in faces: AAAD compares what the two say (Appendix F).

    Attributes:
        aus: Numbers of the AUs, in the order of the ``au`` axis.
    """

    aus: tuple[int, ...]

    @abstractmethod
    def forward(self, prompts: Sequence[str]) -> TextRecognition:
        """Recognise; texts of any length."""
