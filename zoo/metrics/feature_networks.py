"""Networks whose features tell sets of images apart, each with a name that says what it is."""

from __future__ import annotations

import functools
import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Literal

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional

from zoo.frozen import Frozen
from zoo.images import check_unit, from_uint8, from_unit, to_uint8
from zoo.metrics.inception import FEATURE_DIM, INPUT_SIZE, NUM_CLASSES, resize_as_tensorflow
from zoo.metrics.inception_weights import DEFAULT, PUBLISHED, find_inception, inception
from zoo.metrics.weight_files import RANDOM


class FeatureNetwork(ABC):
    """A network that is looked through.

    Attributes:
        name: What figures of its features are named by.
        dim: Length of the features.
        num_classes: Length of its logits; 0 where it has none.
    """

    name: str
    dim: int
    num_classes: int = 0

    @abstractmethod
    def __call__(self, pixels: UInt8[Tensor, "batch 3 height width"]) -> tuple[Tensor, Tensor]:
        """Give features ``batch dim`` and logits ``batch num_classes`` of stored pixels."""


class InceptionFeatures(FeatureNetwork):
    """Features of the network that FID, KID and IS are defined on; nothing is read before it is needed.

    Args:
        weights: Path of the published file; ``hub`` for torch's cache or a download; ``random``, for shapes and speed.
        sha256: What the file's SHA-256 must be; None takes any file of the layout, whose figures are then no FID.
        resize: ``tensorflow`` is the resizing of the original code and of torch-fidelity; ``clean`` the bicubic,
            antialiased one of Parmar et al. 2022 (arXiv 2104.11222), whose figures are not comparable with the others.
    """

    dim = FEATURE_DIM
    num_classes = NUM_CLASSES

    def __init__(
        self,
        *,
        weights: str = DEFAULT,
        sha256: str | None = PUBLISHED.sha256,
        resize: Literal["tensorflow", "clean"] = "tensorflow",
    ) -> None:
        if resize not in ("tensorflow", "clean"):
            message = f"InceptionFeatures: resize must be tensorflow or clean, got {resize!r}."
            raise ValueError(message)
        self.weights, self.sha256, self.resize = weights, sha256, resize
        kind = "random_" if weights == RANDOM else "unverified_" if sha256 is None else ""
        self.name = f"{kind}inception" if resize == "tensorflow" or kind else "clean_inception"
        self._network = Frozen(functools.partial(inception, weights, sha256=sha256))

    def check(self) -> None:
        """Find the file of weights.

        Raises:
            WeightsNotFoundError: It is not there; says where it comes from and where it goes.
        """
        find_inception(self.weights)

    @torch.no_grad()
    def __call__(self, pixels: UInt8[Tensor, "batch 3 height width"]) -> tuple[Tensor, Tensor]:
        """Give features and logits without bias, in float32."""
        network = self._network.on(pixels.device)
        images = pixels.float()
        if self.resize == "tensorflow":
            images = resize_as_tensorflow(images, INPUT_SIZE)
        elif images.shape[-2:] != (INPUT_SIZE, INPUT_SIZE):
            size = (INPUT_SIZE, INPUT_SIZE)
            images = functional.interpolate(images, size, mode="bicubic", align_corners=False, antialias=True)
            images = images.clamp(0, 255)
        with torch.autocast(pixels.device.type, enabled=False):
            output = network(images)
        return output.features, output.logits


class TrainedFeatures(FeatureNetwork):
    """Features of a network that was trained here, where Inception's weights can't be had.

    Of a recogniser: what it compares for its AUs, one after another. Of a backbone: means over positions of each of its
    maps. The distances are of the same form as FID and KID, but of other numbers: their names say the network's.

    Args:
        network: A bundle, a run's folder or a checkpoint.
        name: What figures are named by; None takes the folder's name.
    """

    def __init__(self, network: str | os.PathLike[str] = "models/perceptual", *, name: str | None = None) -> None:
        self.path = os.fspath(network)
        self.name = name or Path(self.path).name.partition(".")[0].replace("-", "_")
        self._network = Frozen(functools.partial(_load, self.path))
        with torch.no_grad():
            self.dim = _features(self._network.on(torch.device("cpu")), torch.zeros(1, 3, 64, 64)).shape[1]

    @torch.no_grad()
    def __call__(self, pixels: UInt8[Tensor, "batch 3 height width"]) -> tuple[Tensor, Tensor]:
        """Give features, and logits none."""
        network = self._network.on(pixels.device)
        with torch.autocast(pixels.device.type, enabled=False):
            features = _features(network, from_uint8(pixels))
        return features.float(), pixels.new_zeros(len(pixels), 0, dtype=torch.float32)


def as_pixels(
    images: UInt8[Tensor, "batch 3 height width"] | Float[Tensor, "batch 3 height width"], *, owner: str
) -> UInt8[Tensor, "batch 3 height width"]:
    """Turn images into pixels as a file would store them.

    Args:
        images: Pixels, which stay as they are, or floats in [0, 1], which are rounded; RGB.
        owner: The class that asks, for messages.

    Raises:
        ValueError: Floats are outside [0, 1].
    """
    if images.dtype == torch.uint8:
        return images
    check_unit(images, f"{owner}: images")
    return to_uint8(from_unit(images))


def _features(network: nn.Module, images: Tensor) -> Tensor:
    from zoo.recognizers.base import Recognizer

    if isinstance(network, Recognizer):
        return network(images).nodes.flatten(1)
    return torch.cat([maps.mean(dim=(2, 3)) for maps in network(images)], dim=1)


def _load(path: str) -> nn.Module:
    from zoo.backbones.base import Backbone
    from zoo.bundles import load
    from zoo.recognizers.base import Recognizer

    component = load(path)
    if not isinstance(component, Backbone | Recognizer):
        message = (
            f"TrainedFeatures: network must be the path of a backbone or a recogniser, got {path!r}, "
            f"which holds a {type(component).__name__}."
        )
        raise TypeError(message)
    return component
