"""The paper's perceptual loss, on the features of VGG16."""

from __future__ import annotations

import functools

import torch
from torch import nn
from torch.nn import functional

from zoo.frozen import Frozen
from zoo.layers.imagenet import imagenet_input
from zoo.layers.vgg16 import RANDOM, find_vgg16, vgg16
from zoo.losses.base import ImageLoss
from zoo.shapes import Images, Scalar


class VGG16PerceptualLoss(ImageLoss):
    """Compare features of VGG16 without its last two layers: equation 6 of the paper, taken literally.

    The features are the 4,096 numbers after the second fully connected layer and its ReLU. Differs from the
    implementation that the paper seems to build on (muse-maskgit-pytorch) in two ways: the network is in eval mode,
    so that no live dropout makes the loss of a perfect reconstruction more than zero, and it gets the mean, the
    deviation and the size that it was trained on.

    Args:
        weights: Path of torchvision's ``vgg16-397923af.pth``, or ``random`` for seeded random weights, which are
            good for shapes and speed only.
        weight: What the loss is multiplied by in the total.
        size: Side in pixels that images are resized to; None leaves them as they are.
    """

    def __init__(
        self, *, weights: str = "models/vgg16-397923af.pth", weight: float = 1.0, size: int | None = 224
    ) -> None:
        super().__init__()
        if size is not None and size < 32:
            message = (
                f"VGG16PerceptualLoss: size must be at least 32, got {size}. VGG16 halves the side five times; null "
                "leaves images as they are."
            )
            raise ValueError(message)
        self.weight = weight
        self.size = size
        self.weights = weights
        self.has_random_weights = weights == RANDOM
        self.network = Frozen(functools.partial(_features, weights))

    def check(self) -> None:
        """Find the file of VGG16's weights.

        Raises:
            WeightsNotFoundError: It is not there.
        """
        find_vgg16(self.weights, "VGG16PerceptualLoss")

    def forward(self, reconstructions: Images, images: Images) -> Scalar:
        """Give the unweighted loss."""
        network = self.network.on(reconstructions.device)
        with torch.no_grad():
            target = network(imagenet_input(images, size=self.size))
        found = network(imagenet_input(reconstructions, size=self.size))
        return functional.mse_loss(found.float(), target.float())


def _features(weights: str) -> nn.Module:
    """Build VGG16 up to the ReLU of its second fully connected layer."""
    network = vgg16(weights, owner="VGG16PerceptualLoss")
    assert isinstance(network.classifier, nn.Sequential)
    network.classifier = network.classifier[:-2]
    return network.to(memory_format=torch.channels_last)
