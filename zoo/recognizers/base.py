"""What every image AU recogniser offers."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo.components import Component

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from zoo.shapes import Features, Images, Probability


@dataclass(frozen=True)
class Recognition:
    """What a recogniser gives.

    Attributes:
        probability: Probability of each AU, in [0, 1].
        nodes: Features of each AU just before the last layer, ``batch au dim``.
        pair_logits: Logits of the four joint states (00, 01, 10, 11) of every ordered pair of AUs, for
            recognisers that model pairs; else None.
    """

    probability: Probability
    nodes: Features
    pair_logits: Float[Tensor, "batch pair 4"] | None = None


class Recognizer(Component):
    """Recognise AUs in images.

    Attributes:
        aus: Numbers of the AUs, in the order of the ``au`` axis.
    """

    aus: tuple[int, ...]

    @abstractmethod
    def forward(self, images: Images) -> Recognition:
        """Recognise; images of any size, the recogniser resizes as it needs."""

    @abstractmethod
    def features(self, images: Images) -> Tensor:
        """Give the features that the anatomical loss compares (MEF of equation 5): the last layer left out."""
