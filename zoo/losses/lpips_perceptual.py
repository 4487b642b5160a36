"""LPIPS, the usual perceptual distance, as a loss."""

from __future__ import annotations

import functools
from pathlib import Path

import torch
from torch import nn

from zoo.frozen import Frozen
from zoo.layers.unit_features import unit_distance
from zoo.layers.vgg16 import RANDOM, find_vgg16, vgg16
from zoo.losses.base import ImageLoss
from zoo.shapes import Images, Scalar


class LPIPSPerceptualLoss(ImageLoss):
    """Compare VGG16's feature maps with LPIPS's learned weights (Zhang et al. 2018, https://arxiv.org/abs/1801.03924).

    The package ``lpips`` brings the network's form, its input scaling and the learned weights of the channels
    (version 0.1); the weights of VGG16 come from a local file. No differences from the paper but that a position
    whose features are all zero has a finite gradient.

    Args:
        weights: Path of torchvision's ``vgg16-397923af.pth``, or ``random`` for seeded random weights, which are
            good for shapes and speed only.
        weight: What the loss is multiplied by in the total.
    """

    def __init__(self, *, weights: str = "models/vgg16-397923af.pth", weight: float = 1.0) -> None:
        super().__init__()
        self.weight = weight
        self.weights = weights
        self.has_random_weights = weights == RANDOM
        self.network = Frozen(functools.partial(_lpips, weights))

    def check(self) -> None:
        """Find the file of VGG16's weights.

        Raises:
            WeightsNotFoundError: It is not there.
        """
        find_vgg16(self.weights, "LPIPSPerceptualLoss")

    def forward(self, reconstructions: Images, images: Images) -> Scalar:
        """Give the unweighted loss: LPIPS, averaged over the batch."""
        network = self.network.on(reconstructions.device)
        with torch.no_grad():
            targets = network.net(network.scaling_layer(images))
        found = network.net(network.scaling_layer(reconstructions))
        distances = []
        for maps, target, head in zip(found, targets, network.lins, strict=True):
            # the head is a 1 x 1 convolution behind a dropout that eval mode turns off
            channel_weights = head.model[-1].weight.float()
            distances.append((unit_distance(maps, target) * channel_weights).sum(1).mean())
        return torch.stack(distances).sum()


def _lpips(weights: str) -> nn.Module:
    """Build LPIPS on VGG16 without a download."""
    try:
        import lpips
    except ModuleNotFoundError as error:
        message = "LPIPSPerceptualLoss needs the package lpips: pip install lpips"
        raise ModuleNotFoundError(message, name="lpips") from error
    import warnings

    trunk = vgg16(weights, owner="LPIPSPerceptualLoss").features
    with warnings.catch_warnings(), torch.device("meta"):
        warnings.simplefilter("ignore")  # lpips calls torchvision in a way that is deprecated
        network = lpips.LPIPS(net="vgg", pretrained=False, pnet_rand=True, verbose=False)
    heads = torch.load(
        Path(lpips.__file__).parent / "weights" / "v0.1" / "vgg.pth", map_location="cpu", weights_only=True
    )
    network.lins.load_state_dict(
        {name.removeprefix("lin"): tensor for name, tensor in heads.items()}, strict=True, assign=True
    )
    assert isinstance(trunk, nn.Sequential)
    for part in network.net.children():
        for index, layer in part.named_children():
            layer.load_state_dict(trunk[int(index)].state_dict(), strict=True, assign=True)
    network.scaling_layer = lpips.ScalingLayer()
    return network.to(memory_format=torch.channels_last)
