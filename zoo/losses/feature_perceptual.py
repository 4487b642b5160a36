"""A perceptual loss with a feature network that was trained here."""

from __future__ import annotations

import functools
import logging

import torch

from zoo.frozen import Frozen
from zoo.layers.unit_features import unit_distance
from zoo.losses.base import ImageLoss
from zoo.shapes import Images, Scalar

_LOG = logging.getLogger(__name__)


class FeaturePerceptualLoss(ImageLoss):
    """Compare the feature maps of a backbone at every resolution, each position's vector scaled to length 1.

    As LPIPS (Zhang et al. 2018, eq. 1, https://arxiv.org/abs/1801.03924) with equal weights: squared differences,
    summed over channels, averaged over positions and over resolutions. It stands in for the paper's VGG16
    (equation 6) where those weights can't be had.

    Args:
        network: The trained backbone: a bundle, a run's folder or a checkpoint.
        weight: What the loss is multiplied by in the total.
    """

    def __init__(self, *, network: str = "models/perceptual", weight: float = 1.0) -> None:
        super().__init__()
        self.weight = weight
        self.path = network
        self.network = Frozen(functools.partial(_load, network))

    def check(self) -> None:
        """Find the network's file.

        Raises:
            WeightsNotFoundError: It is not there.
        """
        from zoo.bundles import find

        find(self.path)

    def forward(self, reconstructions: Images, images: Images) -> Scalar:
        """Give the unweighted loss, between 0 and 4."""
        network = self.network.on(reconstructions.device)
        with torch.no_grad():
            targets = network(images)
        distances = [
            unit_distance(maps, target).sum(1).mean()
            for maps, target in zip(network(reconstructions), targets, strict=True)
        ]
        return torch.stack(distances).mean()


def _load(network: str) -> torch.nn.Module:
    from zoo.backbones.base import Backbone
    from zoo.bundles import load

    component = load(network)
    if not isinstance(component, Backbone):
        message = (
            f"FeaturePerceptualLoss: network must be the path of a backbone, got {network!r}, "
            f"which holds a {type(component).__name__}."
        )
        raise TypeError(message)
    _LOG.warning(
        "FeaturePerceptualLoss: %s, a network that was trained here, stands in for the paper's VGG16.", network
    )
    return component
