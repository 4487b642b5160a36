"""ResNet, as torchvision builds it."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from zoo import images as ranges
from zoo.backbones.base import Backbone
from zoo.shapes import Images


class ResNetBackbone(Backbone):
    """Give the outputs of a ResNet's four stages (He et al. 2015, https://arxiv.org/abs/1512.03385).

    Parameters have torchvision's names under ``network.``, without the classifier. Nothing is downloaded: weights
    start at random; ``zoo.foreign`` reads files of others.

    Args:
        depth: Layers: 18, 34, 50, 101 or 152.
        image_size: Pixels of a side that images are resized to; None leaves them as they are.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, *, depth: Literal[18, 34, 50, 101, 152] = 50, image_size: int | None = 224) -> None:
        super().__init__()
        from torchvision.models import resnet

        self.network = getattr(resnet, f"resnet{depth}")(weights=None)
        last = self.network.fc.in_features
        self.network.fc = torch.nn.Identity()
        self.channels = (last // 8, last // 4, last // 2, last)
        self.image_size = image_size
        # ImageNet's, which every ResNet checkpoint expects
        for name, values in (("mean", (0.485, 0.456, 0.406)), ("deviation", (0.229, 0.224, 0.225))):
            self.register_buffer(name, torch.tensor(values)[:, None, None], persistent=False)

    def forward(self, images: Images) -> tuple[Tensor, ...]:
        """Give feature maps at 1/4, 1/8, 1/16 and 1/32 of the image's size."""
        if self.image_size is not None and images.shape[-2:] != (self.image_size, self.image_size):
            images = functional.interpolate(
                images, size=(self.image_size, self.image_size), mode="bilinear", antialias=True, align_corners=False
            )
        net = self.network
        hidden = (ranges.to_unit(images) - self.mean) / self.deviation
        hidden = net.maxpool(net.relu(net.bn1(net.conv1(hidden))))
        maps = []
        for stage in (net.layer1, net.layer2, net.layer3, net.layer4):
            hidden = stage(hidden)
            maps.append(hidden)
        return tuple(maps)
