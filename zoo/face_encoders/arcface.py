"""Face recognition networks of the ArcFace family: the paper's appearance encoder."""

from __future__ import annotations

import functools
import logging
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from zoo.face_encoders.base import FaceEncoder
from zoo.frozen import Frozen
from zoo.layers.iresnet import IRESNET_DEPTHS, IRESNET_DIM, IRESNET_SIDE, IResNet
from zoo.shapes import Features, Images

RANDOM = "random"
_LOG = logging.getLogger(__name__)


class ArcFaceFaceEncoder(FaceEncoder):
    """Encode who somebody is with a frozen network of the ArcFace family: the paper's appearance tokens, T_A.

    The paper (section 4.2) says "face recognition encoder" and no more. Faces must be aligned as the network's training
    data was. Nothing of it goes into checkpoints or bundles.

    Args:
        weights: A file: the state dict of an IResNet (``backbone.pth`` as insightface's arcface_torch publishes them),
            of the network that ``architecture`` names; or ``random`` for seeded random weights, which are good for
            shapes and speed only.
        architecture: ``iresnet50`` and the like, or the name of a model of timm, such as ``vit_small_patch8_gap_112``.
    """

    def __init__(self, *, weights: str = "models/arcface_r50.pth", architecture: str = "iresnet50") -> None:
        super().__init__()
        depth = architecture.removeprefix("iresnet")
        self._depth = int(depth) if architecture.startswith("iresnet") and depth.isdigit() else None
        if self._depth is not None and self._depth not in IRESNET_DEPTHS:
            known = ", ".join(f"iresnet{each}" for each in IRESNET_DEPTHS)
            message = (
                f"ArcFaceFaceEncoder: architecture must be one of {known} or a model of timm, got {architecture!r}."
            )
            raise ValueError(message)
        self.dim = IRESNET_DIM if self._depth is not None else _timm_dim(architecture)
        self.weights = weights
        self.has_random_weights = weights == RANDOM
        self.network = Frozen(functools.partial(_network, weights, architecture, self._depth))

    @torch.no_grad()
    def forward(self, images: Images) -> Features:
        """Give one vector of unit length for each face, ``batch 1 dim``."""
        side = IRESNET_SIDE
        if images.shape[-2:] != (side, side):
            images = functional.interpolate(
                images, size=(side, side), mode="bilinear", align_corners=False, antialias=images.shape[-1] > side
            )
        found = self.network.on(images.device)(images)
        return functional.normalize(found.float(), dim=-1)[:, None]


def _timm_dim(architecture: str) -> int:
    import timm

    try:
        with torch.device("meta"):
            return int(timm.create_model(architecture, pretrained=False, num_classes=0).num_features)
    except RuntimeError as error:
        message = (
            f"ArcFaceFaceEncoder: architecture must be iresnet50 or a model of timm, got {architecture!r}: {error}."
        )
        raise ValueError(message) from error


def _network(weights: str, architecture: str, depth: int | None) -> nn.Module:
    from zoo.bundles import WeightsNotFoundError, find

    if weights == RANDOM:
        _LOG.warning("ArcFaceFaceEncoder: random weights: shapes and speed only.")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return _empty(architecture, depth)
    cure = (
        "Published networks: arcface_torch of insightface (its model zoo lists the files and their licences, most for "
        "research only). Put the file there, name another, or say random, for shapes and speed."
    )
    try:
        file = find(weights)
    except WeightsNotFoundError:
        message = f"ArcFaceFaceEncoder: weights must be a file, got {weights!r}, which does not exist. {cure}"
        raise WeightsNotFoundError(message) from None
    network = _empty(architecture, depth)
    try:
        state: Any = torch.load(file, map_location="cpu", weights_only=True)
        found = {name: tuple(each.shape) for name, each in state.items()}
    except Exception as error:  # torch raises many kinds for a damaged file or a pickle
        message = (
            f"ArcFaceFaceEncoder: weights must be a state dict of tensors; {str(file)!r} can't be read as one. {cure}"
        )
        raise ValueError(message) from error
    wanted = {name: tuple(each.shape) for name, each in network.state_dict().items()}
    wrong = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
    if wrong:
        message = (
            f"ArcFaceFaceEncoder: weights must have the {len(wanted)} tensors of {architecture}; in {str(file)!r} "
            f"{len(wrong)} are missing, unknown or of another shape: {', '.join(wrong[:6])}. Set architecture."
        )
        raise ValueError(message)
    network.load_state_dict(state)
    return network


def _empty(architecture: str, depth: int | None) -> nn.Module:
    if depth is not None:
        return IResNet(depth)
    import timm

    network: nn.Module = timm.create_model(architecture, pretrained=False, num_classes=0)
    return network
