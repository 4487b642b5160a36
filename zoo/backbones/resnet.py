"""ResNet, as torchvision builds it."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from zoo.backbones.base import Backbone
from zoo.layers.imagenet import imagenet_input
from zoo.shapes import Images


class ResNetBackbone(Backbone):
    """Give the outputs of a ResNet's four stages (He et al. 2015, https://arxiv.org/abs/1512.03385).

    Parameters have torchvision's names under ``network.``, without the classifier. Nothing is downloaded: weights
    start at random; ``zoo.foreign`` reads files of others.

    Args:
        depth: Layers: 18, 34, 50, 101 or 152.
        image_size: Pixels of a side that images are resized to; None leaves them as they are.
    """

    def __init__(self, *, depth: Literal[18, 34, 50, 101, 152] = 50, image_size: int | None = 224) -> None:
        super().__init__()
        if image_size is not None and image_size < 1:
            message = (
                f"ResNetBackbone: image_size must be at least 1, got {image_size}. null leaves images as they are."
            )
            raise ValueError(message)
        from torchvision.models import resnet

        self.network = getattr(resnet, f"resnet{depth}")(weights=None)
        last = self.network.fc.in_features
        self.network.fc = nn.Identity()
        self.channels = (last // 8, last // 4, last // 2, last)
        self.image_size = image_size

    def forward(self, images: Images) -> tuple[Tensor, ...]:
        """Give feature maps at 1/4, 1/8, 1/16 and 1/32 of the image's size."""
        net = self.network
        hidden = net.conv1(imagenet_input(images, size=self.image_size))
        hidden = net.maxpool(net.relu(net.bn1(hidden)))
        maps = []
        for stage in (net.layer1, net.layer2, net.layer3, net.layer4):
            hidden = stage(hidden)
            maps.append(hidden)
        return tuple(maps)
