"""How unlike two images of a pair look, by networks: LPIPS, and the same with a network that was trained here."""

from __future__ import annotations

import functools
import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo.frozen import Frozen
from zoo.images import from_unit
from zoo.layers.unit_features import unit_distance
from zoo.metrics.weight_files import RANDOM, PublishedWeights, randomise

_TRUNKS = {
    "alex": PublishedWeights(
        "LPIPS", "torchvision's AlexNet", "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth", "7be5be79"
    ),
    "vgg": PublishedWeights(
        "LPIPS", "torchvision's VGG16", "https://download.pytorch.org/models/vgg16-397923af.pth", "397923af"
    ),
}
_TAPS = {"alex": (1, 4, 7, 9, 11), "vgg": (3, 8, 15, 22, 29)}
_SHIFT = (-0.030, -0.088, -0.188)
_SCALE = (0.458, 0.448, 0.450)


class PairDistance(ABC):
    """A distance of two images of a pair.

    Attributes:
        name: What figures are named by.
    """

    name: str

    @abstractmethod
    def __call__(
        self, images: Float[Tensor, "batch 3 height width"], others: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, " batch"]:
        """Give the distance of each pair of images in [0, 1], RGB; lower is more alike."""


class LPIPSDistance(PairDistance):
    """LPIPS, version 0.1 (Zhang et al. 2018, https://arxiv.org/abs/1801.03924); nothing is read before it is needed.

    The package ``lpips`` brings the learned weights of the channels. Figures are named ``lpips`` for AlexNet, the
    authors' choice for measuring, and ``lpips_vgg`` for VGG16; other weights than the published ones have other names.

    Args:
        trunk: ``alex`` or ``vgg``.
        weights: Path of torchvision's file; None takes its name in ``models/``; ``hub`` torch's cache or a
            download; ``random``, for shapes and speed.
        sha256: What the file's SHA-256 must begin with; None takes any file of the layout, "published" the one that
            its name says.
    """

    def __init__(
        self,
        *,
        trunk: Literal["alex", "vgg"] = "alex",
        weights: str | None = None,
        sha256: str | None = "published",
    ) -> None:
        if trunk not in _TRUNKS:
            message = f"LPIPSDistance: trunk must be alex or vgg, got {trunk!r}."
            raise ValueError(message)
        self.published = _TRUNKS[trunk]
        self.weights = weights or f"models/{self.published.source.rpartition('/')[2]}"
        kind = "random_" if self.weights == RANDOM else "unverified_" if sha256 is None else ""
        self.name = f"{kind}lpips" if trunk == "alex" else f"{kind}lpips_vgg"
        hashed = self.published.sha256 if sha256 == "published" else sha256
        self._network = Frozen(functools.partial(_LPIPSNetwork, trunk, self.weights, hashed))

    def check(self) -> None:
        """Find the file of weights.

        Raises:
            WeightsNotFoundError: It is not there; says where it comes from and where it goes.
        """
        self.published.find(self.weights)

    @torch.no_grad()
    def __call__(
        self, images: Float[Tensor, "batch 3 height width"], others: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, " batch"]:
        """Give LPIPS of each pair."""
        network = self._network.on(images.device)
        with torch.autocast(images.device.type, enabled=False):
            maps, targets = network(from_unit(images.float())), network(from_unit(others.float()))
            parts = [
                (unit_distance(one, other) * weights).sum(1).mean((1, 2))
                for one, other, weights in zip(maps, targets, network.channel_weights, strict=True)
            ]
        return torch.stack(parts).sum(0)


class TrainedDistance(PairDistance):
    """A distance of the form of LPIPS, without learned weights, by a backbone that was trained here.

    Each position's vector is scaled to length 1; squared differences are summed over channels and averaged over
    positions and over maps. Figures are named ``feature_distance_NAME``.

    Args:
        network: The backbone: a bundle, a run's folder or a checkpoint.
        name: What it is called; None takes the folder's name.
    """

    def __init__(self, network: str | os.PathLike[str] = "models/perceptual", *, name: str | None = None) -> None:
        self.path = os.fspath(network)
        self.name = f"feature_distance_{name or Path(self.path).name.partition('.')[0].replace('-', '_')}"
        self._network = Frozen(functools.partial(_backbone, self.path))

    @torch.no_grad()
    def __call__(
        self, images: Float[Tensor, "batch 3 height width"], others: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, " batch"]:
        """Give the distance of each pair, between 0 and 4."""
        network = self._network.on(images.device)
        with torch.autocast(images.device.type, enabled=False):
            maps, targets = network(from_unit(images.float())), network(from_unit(others.float()))
        parts = [unit_distance(one, other).sum(1).mean((1, 2)) for one, other in zip(maps, targets, strict=True)]
        return torch.stack(parts).mean(0)


class _LPIPSNetwork(nn.Module):
    """The trunk's maps behind five of its ReLUs, and the learned weights of their channels."""

    shift: Tensor
    scale: Tensor

    def __init__(self, trunk: Literal["alex", "vgg"], weights: str, sha256: str | None) -> None:
        super().__init__()
        self.layers = _trunk(trunk, weights, sha256)[: _TAPS[trunk][-1] + 1]
        self.taps = _TAPS[trunk]
        for place, channels in enumerate(_channel_weights(trunk)):
            self.register_buffer(f"channels_{place}", channels)
        self.register_buffer("shift", torch.tensor(_SHIFT)[:, None, None])
        self.register_buffer("scale", torch.tensor(_SCALE)[:, None, None])

    @property
    def channel_weights(self) -> list[Tensor]:
        return [self.get_buffer(f"channels_{place}") for place in range(len(self.taps))]

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> list[Tensor]:
        maps, found = (images - self.shift) / self.scale, []
        for place, layer in enumerate(self.layers):
            maps = layer(maps)
            if place in self.taps:
                found.append(maps)
        return found


def _trunk(trunk: Literal["alex", "vgg"], weights: str, sha256: str | None) -> nn.Sequential:
    import torchvision

    published = _TRUNKS[trunk]
    file = published.find(weights)
    with torch.device("meta"):
        if trunk == "alex":
            network = torchvision.models.alexnet(weights=None)
        else:
            network = torchvision.models.vgg16(weights=None, init_weights=False)
    if file is None:
        network = network.features.to_empty(device="cpu")
        randomise(network)
        return network
    if sha256 is not None:
        published.check_hash(file, sha256)
    network.load_state_dict(published.read(file, network), strict=True, assign=True)
    return network.features


def _channel_weights(trunk: str) -> list[Tensor]:
    """Read the learned weights of the channels that the package ships."""
    try:
        import lpips
    except ModuleNotFoundError as error:
        message = "LPIPSDistance needs the package lpips: pip install lpips"
        raise ModuleNotFoundError(message, name="lpips") from error
    file = Path(lpips.__file__).parent / "weights" / "v0.1" / f"{trunk}.pth"
    heads = torch.load(file, map_location="cpu", weights_only=True)
    return [heads[f"lin{place}.model.1.weight"].float()[0] for place in range(len(_TAPS[trunk]))]


def _backbone(path: str) -> nn.Module:
    from zoo.backbones.base import Backbone
    from zoo.bundles import load

    component = load(path)
    if not isinstance(component, Backbone):
        message = (
            f"TrainedDistance: network must be the path of a backbone, got {path!r}, "
            f"which holds a {type(component).__name__}."
        )
        raise TypeError(message)
    return component
