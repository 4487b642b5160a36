"""What identifies a frozen part: its code, its arguments and its weights, so that no cache outlives them."""

from __future__ import annotations

import hashlib
import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from datamodules.face_store_parameters import code_of
from zoo.components import component_name, specification
from zoo.face_encoders.base import FaceEncoder
from zoo.frozen import Frozen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor

    from datamodules.base import FaceDataModule
    from datamodules.token_cache import TokenCache
    from zoo.codecs.base import Codec
    from zoo.components import Component

_PLACES = ("weights",)
"""Arguments that say where weights lie; these are hashed themselves."""


def identities(parts: Mapping[str, Component]) -> dict[str, dict[str, Any]]:
    """Identify each part, as plain data.

    Args:
        parts: By name; the codec is ``tokens``.
    """
    codec: Any = parts["tokens"]
    return {name: _identity(part, codec) for name, part in parts.items()}


def weights_digest(part: torch.nn.Module) -> str:
    """Hash all weights and buffers, those included that a part keeps out of checkpoints."""
    digest = hashlib.sha256()
    for name, tensor in _tensors(part):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()[:16]


def open_cache(model: Any, data: FaceDataModule, given: str) -> TokenCache:
    """Find the cache of a run, and see that all of it is there.

    Args:
        model: What is trained.
        data: Its data.
        given: Folder of all stores, or ``auto``.

    Raises:
        UserError: The model trains on images.
        ValueError: The data can't be cached.
        CacheError: A store is missing, of other data or weights, unfinished or damaged.
    """
    cache = planned_cache(model, data, given)
    cache.check(data)
    return cache


def planned_cache(model: Any, data: FaceDataModule, given: str) -> TokenCache:
    """Say where the stores of a run's cache are or will be.

    Raises:
        UserError: The model trains on images.
    """
    from datamodules.cached_faces import TEXT
    from datamodules.token_cache import TokenCache, cache_folder
    from lightning_modules.cli.errors import UserError

    if not hasattr(model, "cacheable"):
        message = f"cache: {type(model).__name__} trains on images; a cache is for stage II, such as stage2.yaml."
        raise UserError(message)
    with_images = model.uncached() not in ([], [TEXT])  # a face encoder that learns looks at references
    return TokenCache(cache_folder(data, given), parts=identities(model.cacheable()), with_images=with_images)


def _identity(part: Component, codec: Codec) -> dict[str, Any]:
    arguments = specification(part)["init_args"]
    identity = {
        "component": component_name(part),
        "arguments": {
            name: value for name, value in arguments.items() if name not in _PLACES or not isinstance(value, str)
        },
        "code": _code_digest(part),
        "weights": weights_digest(part),
    }
    if isinstance(part, FaceEncoder) and type(part).connect is not FaceEncoder.connect:
        identity["codec"] = [_code_digest(codec), weights_digest(codec)]  # it looks through the codec
    return identity


def _code_digest(part: torch.nn.Module) -> str:
    """Hash the files of our own classes in a part, but for comments and docstrings."""
    kinds = {type(module) for module in part.modules()}
    files = sorted({inspect.getfile(kind) for kind in kinds if kind.__module__.startswith("zoo.")})
    return hashlib.sha256("\0".join(code_of(Path(file)) for file in files).encode()).hexdigest()[:16]


def _tensors(part: torch.nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from sorted(part.state_dict().items())
    for path, module in part.named_modules():
        for name, value in sorted(vars(module).items()):
            if isinstance(value, Frozen):
                network: torch.nn.Module = value.on(torch.device("cpu"))
                yield from ((f"{path}.{name}.{key}", each) for key, each in sorted(network.state_dict().items()))
