"""The facial anatomical loss: reconstructions must move the same muscles."""

from __future__ import annotations

import functools
import logging

import torch
from torch.nn import functional

from zoo.frozen import Frozen
from zoo.losses.base import ImageLoss
from zoo.recognizers.base import Recognizer
from zoo.shapes import Images, Scalar

_LOG = logging.getLogger(__name__)


class AnatomicalLoss(ImageLoss):
    """Compare what an AU recogniser sees: equation 5 of the paper, with MEF the recogniser's features.

    The recogniser is neither trained nor saved with the codec, and is not even loaded before the first call: the
    paper delays this loss until reconstructions look like faces, and until then it costs nothing.

    Args:
        recognizer: The trained recogniser: a bundle, a run's folder or a checkpoint. A recogniser built in place has
            random weights, which are good for shapes and speed only.
        weight: What the loss is multiplied by in the total.
    """

    def __init__(self, *, recognizer: str | Recognizer = "models/recognizer", weight: float = 1.0) -> None:
        super().__init__()
        self.weight = weight
        self.has_random_weights = isinstance(recognizer, Recognizer)
        self.path = None if isinstance(recognizer, Recognizer) else recognizer
        self.recognizer = Frozen(functools.partial(_made, recognizer))

    def check(self) -> None:
        """Find the recogniser's file, long before the loss starts and needs it.

        Raises:
            WeightsNotFoundError: It is not there.
        """
        if self.path is not None:
            from zoo.bundles import find

            find(self.path)

    def forward(self, reconstructions: Images, images: Images) -> Scalar:
        """Give the unweighted loss."""
        recognizer = self.recognizer.on(reconstructions.device)
        with torch.no_grad():
            target = recognizer.features(images)
        return functional.mse_loss(recognizer.features(reconstructions).float(), target.float())


def _made(recognizer: str | Recognizer) -> torch.nn.Module:
    from zoo.bundles import load

    if isinstance(recognizer, Recognizer):
        _LOG.warning("AnatomicalLoss: random weights: shapes and speed only.")
        return recognizer
    component = load(recognizer)
    if not isinstance(component, Recognizer):
        message = (
            f"AnatomicalLoss: recognizer must be the path of an AU recogniser, got {recognizer!r}, "
            f"which holds a {type(component).__name__}."
        )
        raise TypeError(message)
    return component
