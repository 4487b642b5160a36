"""Weights of the Inception network: found, told by their hash, and read without unpickling code."""

from __future__ import annotations

import hashlib
import logging
import math
from pathlib import Path

import torch
from torch import Tensor

from zoo.metrics.inception import InceptionNetwork

SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
"""Of the file of 95,628,359 bytes that pytorch-fid, torch-fidelity and torchmetrics share."""
SOURCE = "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth"
DEFAULT = "models/weights-inception-2015-12-05-6726825d.pth"
HUB = "hub"
RANDOM = "random"
_NAMES = ("weights-inception-2015-12-05-6726825d.pth", "pt_inception-2015-12-05-6726825d.pth")
_CURE = (
    f"Download {SOURCE} to that path, or name another; {HUB!r} takes it from torch's cache or downloads it there; "
    f"{RANDOM!r} gives random weights, for shapes and speed."
)
_LOG = logging.getLogger(__name__)


def inception(weights: str = DEFAULT, *, sha256: str | None = SHA256) -> InceptionNetwork:
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
        _randomise(network)
    else:
        if sha256 is not None:
            check_hash(file, sha256)
        network.load_state_dict(_state_dict(file, network), strict=True, assign=True)
    return network.eval().requires_grad_(False)


def find_inception(weights: str = DEFAULT) -> Path | None:
    """Find the file of weights, downloading it where ``hub`` is asked for; None stands for random ones.

    Raises:
        WeightsNotFoundError: It is not there; says where it comes from and where it goes.
    """
    from zoo.bundles import WeightsNotFoundError, find

    if weights == RANDOM:
        return None
    if weights == HUB:
        return _from_hub()
    try:
        return find(weights)
    except WeightsNotFoundError:
        message = f"Inception: weights must be the network's file, got {weights!r}, which does not exist. {_CURE}"
        raise WeightsNotFoundError(message) from None


def check_hash(file: Path, sha256: str) -> None:
    """Raise ``ValueError`` unless a file's SHA-256 is the one given."""
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != sha256.lower():
        message = (
            f"Inception: weights must be a file with SHA-256 {sha256}, and {str(file)!r} has {found}. It is another "
            f"file, or damaged. {_CURE} For a file of your own, give its hash, or None to take any."
        )
        raise ValueError(message)


def _from_hub() -> Path:
    from zoo.bundles import WeightsNotFoundError

    folder = Path(torch.hub.get_dir()) / "checkpoints"
    for name in _NAMES:
        if (folder / name).is_file():
            return folder / name
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / _NAMES[0]
    try:
        # written under a temporary name, and moved only if the hash is right
        torch.hub.download_url_to_file(SOURCE, str(target), hash_prefix=SHA256, progress=False)
    except (OSError, RuntimeError) as error:
        message = (
            f"Inception: weights could not be downloaded to {str(target)!r} ({error}). "
            f"Bring {SOURCE} there, or to {DEFAULT}, by other means."
        )
        raise WeightsNotFoundError(message) from error
    return target


def _state_dict(file: Path, network: InceptionNetwork) -> dict[str, Tensor]:
    """Read the file, or say what is wrong with it, where it goes and where it comes from."""
    try:
        if file.suffix == ".safetensors":
            from safetensors.torch import load_file

            state: dict[str, Tensor] = load_file(file)
        else:
            state = torch.load(file, map_location="cpu", weights_only=True)
        state = dict(state)
        wanted = network.state_dict()
        for name, tensor in wanted.items():
            if name.endswith("num_batches_tracked") and name not in state:
                state[name] = torch.zeros(tensor.shape, dtype=torch.long)  # counts that no file needs to have
        found = {name: tuple(tensor.shape) for name, tensor in state.items()}
    except Exception as error:  # torch raises many kinds for a damaged file or a pickle
        message = f"Inception: weights must be a state dict of tensors, and {str(file)!r} can't be read as one. {_CURE}"
        raise ValueError(message) from error
    expected = {name: tuple(tensor.shape) for name, tensor in wanted.items()}
    wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    if wrong:
        message = (
            f"Inception: weights must have the {len(expected)} tensors of the network of 2015; in {str(file)!r} "
            f"{len(wrong)} are missing, unknown or of another shape: {', '.join(wrong[:6])}. torchvision's "
            f"inception_v3 is another network. {_CURE}"
        )
        raise ValueError(message)
    return {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in state.items()}


def _randomise(network: InceptionNetwork) -> None:
    """Draw weights that keep the size of activations (He et al. 2015), from a generator of their own."""
    generator = torch.Generator().manual_seed(0)
    for name, tensor in network.state_dict().items():
        if tensor.ndim > 1:
            tensor.normal_(0.0, math.sqrt(2.0 / math.prod(tensor.shape[1:])), generator=generator)
        elif name.endswith(("running_var", "bn.weight")):
            tensor.fill_(1)
        else:
            tensor.zero_()
