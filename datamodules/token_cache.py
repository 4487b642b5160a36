"""The cache of a stage II run: which stores it is made of, and how they are found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from datamodules.cache_store import CacheError, CacheStore, key_of
from datamodules.cached_faces import CACHED_SPLITS, LABELS, TEXT, CachedFaces

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from datamodules.base import FaceDataModule

AUTO = "auto"


class TokenCache:
    """Find what frozen parts made of the data.

    Each part has stores of its own, keyed by the data and by its weights, so that runs that differ in other parts
    share them. Features of prompts are keyed by the weights alone, and found by the prompt.

    Attributes:
        folder: Folder of all stores.
        parts: What identifies each frozen part, as plain data, by what it gives: ``tokens``, ``appearance``,
            ``structure``, ``latent``, ``text``.
        with_images: Whether training batches have images, too, as a part that learns looks at them.

    Args:
        folder: Folder of all stores.
        parts: What identifies each frozen part.
        with_images: Whether training batches have images, too.
    """

    def __init__(
        self, folder: str | Path, *, parts: Mapping[str, Mapping[str, Any]], with_images: bool = False
    ) -> None:
        self.folder = Path(folder)
        self.parts = {name: dict(part) for name, part in parts.items()}
        self.with_images = with_images

    def place(self, what: str, content: Mapping[str, Any]) -> tuple[Path, dict[str, Any]]:
        """Give the folder of a store, and what its content depends on.

        Args:
            what: ``labels``, or the name of a part.
            content: What :meth:`content` says of the split.
        """
        identity: dict[str, Any] = {} if what == LABELS else {"part": self.parts[what]}
        name = what
        if what != TEXT:
            identity["data"] = dict(content)
            name = f"{content['split']}-{what}"
        return self.folder / f"{name}-{key_of(identity)}", identity

    def open(self, what: str, content: Mapping[str, Any]) -> CacheStore:
        """Open a store.

        Raises:
            CacheError: It is missing, of other data or weights, unfinished or damaged.
        """
        folder, identity = self.place(what, content)
        try:
            return CacheStore(folder, identity=identity)
        except CacheError as error:
            message = f"{error}\n  To make it: python cli.py cache, with the same configs and options as fit."
            raise type(error)(message) from error

    def dataset(self, data: FaceDataModule, split: str) -> CachedFaces:
        """Open the cached samples of a split; in validation with their images, at which callbacks look.

        Raises:
            CacheError: A store is missing, of other data or weights, unfinished or damaged.
        """
        content = content_of(data, split)
        stores = {what: self.open(what, content) for what in (LABELS, *self.parts)}
        with_images = split != "train" or self.with_images
        return CachedFaces(
            stores,
            labelling=data.labelling(split),
            faces=data.dataset(split) if with_images else None,
            parameter_names=() if data.augmentation is None else data.augmentation.parameter_names,
        )

    def check(self, data: FaceDataModule) -> None:
        """Open every store, before anything is prepared.

        Raises:
            CacheError: One is missing, of other data or weights, unfinished or damaged.
        """
        for split in CACHED_SPLITS:
            content = content_of(data, split)
            for what in (LABELS, *self.parts):
                self.open(what, content)

    def announcement(self, data: FaceDataModule) -> Iterator[str]:
        """Say what comes from the cache, and what that means for training."""
        yield f"Cache: {', '.join(self.parts)} from {self.folder}"
        if data.augmentation is None:
            yield "Cache: faces are as they are (data.augment is false)."
        else:
            yield "Cache: half of the training faces are mirrored, with their references; their light is not varied."


def content_of(data: FaceDataModule, split: str) -> dict[str, Any]:
    """Say what a split depends on, its name included."""
    return {"split": split, "faces": data.content(split)}


def cache_folder(data: FaceDataModule, given: str) -> Path:
    """Give the folder of all stores: as given, or for ``auto`` beside the stores of faces."""
    return Path(getattr(data, "root", "data")) / "cache" if given == AUTO else Path(given)
