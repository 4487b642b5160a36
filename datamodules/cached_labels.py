"""Labels of samples as a cache keeps them, and which samples share a reference face."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from datamodules.cache_store import packed
from datamodules.cached_faces import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from torch import Tensor

    from datamodules.cache_writing import CacheWriter

_DIGEST_BYTES = 16


class CachedLabels:
    """Turn batches, which come in the order of the data, into rows of a store.

    References are told apart by their pixels, whatever the data says of them, and numbered as they come.

    Args:
        store: Where the rows go; what is in it is remembered.
    """

    def __init__(self, store: CacheWriter) -> None:
        self._place = store.done
        self._number = {each.tobytes(): number for number, each in enumerate(store.rows("reference_digest"))}

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
        """Give the rows of the next samples."""
        occurrence = torch.where(batch["known"], batch["occurrence"].to(torch.int8), UNKNOWN)
        rows = {
            "occurrence": occurrence.to(torch.int8).numpy(),
            "intensity": batch["intensity"].numpy(),
            "index": batch["index"].numpy(),
            **packed("subject", batch["subject"]),
            **packed("source", batch["source"]),
            **self._references(batch["reference"]),
        }
        if "side" in batch:
            rows["side"] = batch["side"].numpy()
        return rows

    def _references(self, images: Tensor) -> dict[str, NDArray[Any]]:
        numbers, fresh = [], {}
        for image in images.numpy():
            digest = hashlib.blake2b(image.tobytes(), digest_size=_DIGEST_BYTES).digest()
            if digest not in self._number:
                self._number[digest] = len(self._number)
                fresh[digest] = self._place
            numbers.append(self._number[digest])
            self._place += 1
        return {
            "reference": np.array(numbers, dtype=np.int32),
            # a sample that shows it
            "reference_sample": np.array(list(fresh.values()), dtype=np.int64),
            "reference_digest": np.frombuffer(b"".join(fresh), dtype=np.uint8).reshape(-1, _DIGEST_BYTES),
        }
