"""The facial anatomical loss: reconstructions must move the same muscles."""

from __future__ import annotations

import functools

import torch
from torch.nn import functional

from zoo.frozen import Frozen
from zoo.losses.base import ImageLoss
from zoo.shapes import Images, Scalar


class AnatomicalLoss(ImageLoss):
    """Compare what an AU recogniser sees: equation 5 of the paper, with MEF the recogniser's features.

    The recogniser is neither trained nor saved with the codec, and is not even loaded before the first call: the
    paper delays this loss until reconstructions look like faces, and until then it costs nothing.

    Args:
        recognizer: The trained recogniser: a bundle, a run's folder or a checkpoint.
        weight: What the loss is multiplied by in the total.
    """

    def __init__(self, *, recognizer: str = "models/recognizer", weight: float = 1.0) -> None:
        super().__init__()
        self.weight = weight
        self.recognizer = Frozen(functools.partial(_load, recognizer))

    def forward(self, reconstructions: Images, images: Images) -> Scalar:
        """Give the unweighted loss."""
        recognizer = self.recognizer.on(reconstructions.device)
        with torch.no_grad():
            target = recognizer.features(images)
        return functional.mse_loss(recognizer.features(reconstructions).float(), target.float())


def _load(recognizer: str) -> torch.nn.Module:
    from zoo.bundles import load
    from zoo.recognizers.base import Recognizer

    component = load(recognizer)
    if not isinstance(component, Recognizer):
        message = (
            f"AnatomicalLoss: recognizer must be the path of an AU recogniser, got {recognizer!r}, "
            f"which holds a {type(component).__name__}."
        )
        raise TypeError(message)
    return component
