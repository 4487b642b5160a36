"""Weights of the Inception network: the one file that all PyTorch implementations of FID share."""

from __future__ import annotations

import logging
from pathlib import Path

import torch

from zoo.metrics.inception import InceptionNetwork
from zoo.metrics.weight_files import PublishedWeights, randomise

DEFAULT = "models/weights-inception-2015-12-05-6726825d.pth"
PUBLISHED = PublishedWeights(
    owner="Inception",
    what="the Inception network of 2015, which torchvision's inception_v3 is not",
    source="https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/"
    "weights-inception-2015-12-05-6726825d.pth",
    sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
    other_names=("pt_inception-2015-12-05-6726825d.pth",),
)
"""A file of 95,628,359 bytes; the other name is pytorch-fid's for the same one."""
_LOG = logging.getLogger(__name__)


def inception(weights: str = DEFAULT, *, sha256: str | None = PUBLISHED.sha256) -> InceptionNetwork:
    """Build the network in eval mode.

    Args:
        weights: Path of the published file, or of the same tensors in another, ``.pth`` or ``.safetensors``; ``hub``
            for torch's cache, with a download where it isn't there; ``random`` for seeded random weights.
        sha256: What the file's SHA-256 must be; None takes any file of the layout.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is another one, unreadable, or not of the layout.
    """
    file = find_inception(weights)
    with torch.device("meta"):
        network = InceptionNetwork()
    if file is None:
        _LOG.warning("Inception: random weights: shapes and speed only. What comes of it is no FID.")
        network.to_empty(device="cpu")
        randomise(network)
    else:
        if sha256 is not None:
            PUBLISHED.check_hash(file, sha256)
        network.load_state_dict(PUBLISHED.read(file, network), strict=True, assign=True)
    return network.eval().requires_grad_(False)


def find_inception(weights: str = DEFAULT) -> Path | None:
    """Find the file of weights, downloading it where ``hub`` is asked for; None stands for random ones.

    Raises:
        WeightsNotFoundError: It is not there; says where it comes from and where it goes.
    """
    return PUBLISHED.find(weights)
