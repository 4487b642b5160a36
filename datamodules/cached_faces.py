"""Faces as what frozen parts made of them: tokens and features from a cache, in place of images."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import Dataset

from datamodules.augmentation import is_mirrored, mirror, mirror_sides
from datamodules.batch import REFERENCE_FEATURES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from datamodules.cache_store import CacheStore
    from datamodules.labelling import Labelling
    from datamodules.loading import Request

CACHED_SPLITS = ("train", "validation")
"""Splits of which a cache is made."""
LABELS, TOKENS, TEXT = "labels", "tokens", "text"
"""Stores of a cache, beside those of :data:`datamodules.batch.REFERENCE_FEATURES`."""
UNKNOWN = 9
_log = logging.getLogger(__name__)


class CachedFaces(Dataset[dict[str, Any]]):
    """Read batches from the stores of a cache.

    Prompts and draws are those of the same samples without a cache. A sample whose draw says so is mirrored: its
    tokens and the features of its reference are those of the mirrored pictures. Its light is as it is.

    Args:
        stores: By what they hold; ``labels`` and ``tokens`` at least.
        labelling: Labels the samples.
        faces: The same samples with their images, where something looks at these.
        parameter_names: Names of the columns of ``parameters``, where the faces have them.
    """

    def __init__(
        self,
        stores: Mapping[str, CacheStore],
        *,
        labelling: Labelling,
        faces: Dataset[dict[str, Any]] | None = None,
        parameter_names: tuple[str, ...] = (),
    ) -> None:
        self.stores = dict(stores)
        self.labelling = labelling
        self.faces = faces
        self.parameter_names = parameter_names
        self._names = {name: self.stores[LABELS].texts(name) for name in ("subject", "source")}
        self._texts = CachedTexts(self.stores[TEXT]) if TEXT in self.stores else None

    def __len__(self) -> int:
        return len(self.stores[LABELS].array("index"))

    @property
    def subjects(self) -> list[str]:
        """Who is in it."""
        return sorted(set(self._names["subject"]))

    @property
    def num_aus(self) -> NDArray[np.int64]:
        """How many AUs each sample's text states."""
        return (self.stores[LABELS].array("occurrence") == 1).sum(-1)

    def __getitem__(self, request: Request) -> dict[str, Any]:
        rows = np.asarray(request.indices, dtype=np.int64)
        batch = self._labelled(rows, request.epoch) if self.faces is None else self.faces[request]
        draws = batch.pop("draws", None)
        flipped = torch.zeros(len(rows), dtype=torch.bool) if draws is None else is_mirrored(draws)
        if draws is not None and self.faces is not None:
            batch = mirror(batch, flipped, parameter_names=self.parameter_names)
        elif "side" in batch:
            batch["side"] = mirror_sides(batch["side"], flipped)
        variant = flipped.numpy().astype(np.int64)
        batch["tokens"] = torch.from_numpy(self.stores[TOKENS].array("tokens")[rows, variant])
        references = self.stores[LABELS].array("reference")[rows]
        for name in REFERENCE_FEATURES:
            if name in self.stores:
                features = self.stores[name].array("features")[references, variant]
                batch[f"{name}_features"] = torch.from_numpy(features)
        if self._texts is not None:
            batch.update(self._texts(batch["prompt"]))
        return batch

    def _labelled(self, rows: NDArray[np.int64], epoch: int) -> dict[str, Any]:
        store = self.stores[LABELS]
        return {
            **{name: [texts[row] for row in rows.tolist()] for name, texts in self._names.items()},
            **self.labelling(
                store.array("occurrence")[rows],
                intensity=store.array("intensity")[rows],
                side=store.array("side")[rows] if "side" in store else None,
                index=store.array("index")[rows],
                epoch=epoch,
            ),
        }


class CachedTexts:
    """Look up the features of prompts.

    Args:
        store: Features of all positions of all prompts, one prompt after the other.
    """

    def __init__(self, store: CacheStore) -> None:
        self.store = store
        self._row_of: dict[str, int] = {}
        self._has_warned = False
        if "length" in store:
            self._row_of = {prompt: row for row, prompt in enumerate(store.texts("prompt"))}
            self._ends = np.cumsum(store.array("length"), dtype=np.int64)

    def __call__(self, prompts: list[str]) -> dict[str, torch.Tensor]:
        """Give features and mask, padded as the encoder does; nothing where a prompt is unknown."""
        rows = [self._row_of.get(prompt, -1) for prompt in prompts]
        if min(rows) < 0:
            if not self._has_warned:
                self._has_warned = True
                _log.warning("Some prompts are not in the cache %s: they are encoded as they come.", self.store.folder)
            return {}
        lengths = self.store.array("length")[rows]
        ends = self._ends[rows]
        features = self.store.array("features")
        longest = max(int(lengths.max()), self.store.metadata["facts"]["padded_to"] or 0)
        padded = np.zeros((len(rows), longest, features.shape[1]), dtype=features.dtype)
        for row, (end, length) in enumerate(zip(ends.tolist(), lengths.tolist(), strict=True)):
            padded[row, :length] = features[end - length : end]
        return {
            "text_features": torch.from_numpy(padded),
            "text_mask": torch.from_numpy(np.arange(longest) < lengths[:, None]),
        }


def widen(batch: dict[str, Any]) -> dict[str, Any]:
    """Give tokens and features of a cache, which are small on the way to a device, the types to compute with."""
    if "tokens" in batch:
        batch["tokens"] = batch["tokens"].long()
    for name in (*REFERENCE_FEATURES, TEXT):
        if f"{name}_features" in batch:
            batch[f"{name}_features"] = batch[f"{name}_features"].float()
    return batch
