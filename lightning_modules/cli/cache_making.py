"""Make a cache: pass the data through the frozen parts of stage II once, as it is and mirrored."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from datamodules.batch import REFERENCE_FEATURES
from datamodules.cache_store import CacheError, packed
from datamodules.cache_writing import CacheWriter
from datamodules.cached_faces import CACHED_SPLITS, LABELS, TEXT, TOKENS
from datamodules.cached_labels import CachedLabels
from datamodules.loading import Request
from datamodules.progress import progress_bar
from datamodules.token_cache import content_of
from zoo.images import from_uint8

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from datamodules.base import FaceDataModule
    from datamodules.token_cache import TokenCache

_CHUNK = 256
"""Things between two moments at which a kill loses nothing."""
_ROWS = 4096  # whose prompts are written at once


class CacheMaker:
    """Make the stores of a cache that are missing, or go on with those that are unfinished.

    Args:
        cache: Where they go, and what identifies the parts.
        parts: The frozen parts, by what they give.
        data: What passes through them.
        device: Where it is done; in float32.
        batch_size: Images at once.
        dtype: Type of the features: ``float16`` or ``float32``.
        prompt_epochs: Epochs of training whose prompts are encoded; more than one only where each has fresh ones.
    """

    def __init__(
        self,
        cache: TokenCache,
        *,
        parts: Mapping[str, Any],
        data: FaceDataModule,
        device: torch.device,
        batch_size: int,
        dtype: str,
        prompt_epochs: int,
    ) -> None:
        self.cache = cache
        self.parts = {name: part.to(device) for name, part in parts.items()}
        self.data = data
        self.device = device
        self.batch_size = batch_size
        self.dtype = dtype
        self.prompt_epochs = prompt_epochs
        self.contents = {split: content_of(data, split) for split in CACHED_SPLITS}

    def discard(self) -> None:
        """Delete the stores of this data and these weights."""
        for folder in self.folders():
            shutil.rmtree(folder, ignore_errors=True)

    @torch.inference_mode()
    def make(self) -> None:
        """Make all that is missing.

        Raises:
            CacheError: The disk is full, features don't fit their type, or what is there has another one.
        """
        self.data.prepare_data()
        for split, content in self.contents.items():
            self._make_samples(split, content)
            self._make_references(split, content)
        if TEXT in self.parts:
            self._make_texts()

    def folders(self) -> set[Path]:
        """Give the folders of all stores."""
        return {self.cache.place(what, each)[0] for each in self.contents.values() for what in (LABELS, *self.parts)}

    def _make_samples(self, split: str, content: Mapping[str, Any]) -> None:
        """Write labels and tokens, in one pass over the images."""
        dataset: Any = self.data.dataset(split)
        total = len(dataset)
        writers = {what: self._writer(what, content, total=total) for what in (LABELS, TOKENS)}
        unfinished = {what: writer for what, writer in writers.items() if not writer.is_complete}
        if not unfinished:
            return
        labels = unfinished.get(LABELS)
        label = None if labels is None else CachedLabels(labels)
        first = min(writer.done for writer in unfinished.values())
        with self._progress(f"{split}: {' and '.join(unfinished)}", total, done=first) as advance:
            for batch in self._batches(dataset, range(first, total)):
                count = len(batch["prompt"])
                for what, writer in unfinished.items():
                    if writer.done == first:
                        made = self._tokens(batch["image"]) if label is None or what == TOKENS else label(batch)
                        writer.append(made, count=count)
                first += count
                advance(count)
        for writer in unfinished.values():
            writer.finish()

    def _make_references(self, split: str, content: Mapping[str, Any]) -> None:
        """Write what the face encoders give of each reference, once."""
        rows = self.cache.open(LABELS, content).array("reference_sample")
        names = [name for name in REFERENCE_FEATURES if name in self.parts]
        writers = {name: self._writer(name, content, total=len(rows)) for name in names}
        unfinished = {name: writer for name, writer in writers.items() if not writer.is_complete}
        if not unfinished:
            return
        done = min(writer.done for writer in unfinished.values())
        with self._progress(f"{split}: {', '.join(unfinished)} of references", len(rows), done=done) as advance:
            for batch in self._batches(self.data.dataset(split), rows[done:].tolist()):
                count = len(batch["prompt"])
                for name, writer in unfinished.items():
                    if writer.done == done:
                        features = self._both(self.parts[name], batch["reference"])
                        writer.append({"features": self._narrow(features, name)}, count=count)
                done += count
                advance(count)
        for writer in unfinished.values():
            writer.finish()

    def _make_texts(self) -> None:
        """Write the features of the prompts that are not there yet."""
        text, content = self.parts[TEXT], self.contents["train"]
        padded_to = getattr(text, "length", None)
        known = self._writer(TEXT, content, total=0, padded_to=padded_to)
        written = set(known.texts("prompt"))
        prompts = sorted((each for each in self._prompts() if each not in written), key=len)
        writer = self._writer(TEXT, content, total=known.done + len(prompts), padded_to=padded_to)
        if prompts:
            with self._progress(f"{TEXT}: prompts", len(prompts), done=0) as advance:
                for first in range(0, len(prompts), _CHUNK):
                    chunk = prompts[first : first + _CHUNK]
                    writer.append(self._texts(text, chunk), count=len(chunk))
                    advance(len(chunk))
        writer.finish()

    def _texts(self, text: Any, prompts: list[str]) -> dict[str, NDArray[Any]]:
        features, lengths = [], []
        for first in range(0, len(prompts), self.batch_size):
            encoded = text(prompts[first : first + self.batch_size])
            length = encoded.mask.sum(1)
            places = torch.arange(encoded.mask.shape[1], device=length.device)
            if not torch.equal(encoded.mask, places < length[:, None]):
                message = f"{type(text).__name__}: a cache must have padding behind the text, got some inside of it."
                raise ValueError(message)
            features.append(encoded.features[encoded.mask])
            lengths += length.tolist()
        return {
            "features": self._narrow(torch.cat(features), TEXT),
            "length": np.array(lengths, dtype=np.int32),
            **packed("prompt", prompts),
        }

    def _prompts(self) -> Iterator[str]:
        """Give every prompt that training and validation will show, once."""
        seen: set[str] = set()
        for split, content in self.contents.items():
            store, labelling = self.cache.open(LABELS, content), self.data.labelling(split)
            epochs = self.prompt_epochs if labelling.fresh_prompts else min(self.prompt_epochs, 1)
            for epoch in range(epochs):
                for first in range(0, len(store.array("index")), _ROWS):
                    rows = slice(first, first + _ROWS)
                    labels = labelling(
                        store.array("occurrence")[rows],
                        intensity=store.array("intensity")[rows],
                        side=store.array("side")[rows] if "side" in store else None,
                        index=np.array(store.array("index")[rows]),
                        epoch=epoch,
                    )
                    fresh = [each for each in dict.fromkeys(labels["prompt"]) if each not in seen]
                    seen.update(fresh)
                    yield from fresh

    def _tokens(self, images: Tensor) -> dict[str, NDArray[Any]]:
        codec = self.parts[TOKENS]
        size = codec.quantizer.codebook_size
        kind = np.uint8 if size <= 2**8 else np.uint16 if size <= 2**16 else np.int32
        return {"tokens": self._both(codec.tokenize, images).numpy().astype(kind)}

    def _both(self, part: Any, images: Tensor) -> Tensor:
        """Pass pictures and their mirror images through a part: (picture, variant, ...)."""
        variants = [
            torch.cat([part(from_uint8(some.to(self.device))).cpu() for some in pictures.split(self.batch_size)])
            for pictures in (images, images.flip(-1))
        ]
        return torch.stack(variants, dim=1)

    def _narrow(self, features: Tensor, what: str) -> NDArray[Any]:
        narrow = features.to(getattr(torch, self.dtype))
        if not narrow.isfinite().all():
            message = f"cache: features of {what} must fit {self.dtype}, and some don't. Pass --dtype float32."
            raise CacheError(message)
        values: NDArray[Any] = narrow.cpu().numpy()
        return values

    def _writer(self, what: str, content: Mapping[str, Any], *, total: int, **facts: Any) -> CacheWriter:
        folder, identity = self.cache.place(what, content)
        facts = {**facts, "dtype": self.dtype} if what not in (LABELS, TOKENS) else facts
        writer = CacheWriter(folder, identity=identity, facts=facts, total=total)
        if writer.facts != facts:
            message = (
                f"cache: {folder} must be of {self.dtype}, and is of {writer.facts['dtype']}. Pass --dtype "
                f"{writer.facts['dtype']}, or --rebuild true."
            )
            raise CacheError(message)
        return writer

    def _batches(self, dataset: Any, rows: Any) -> Iterator[dict[str, Any]]:
        requests = [Request(0, list(rows[first : first + _CHUNK])) for first in range(0, len(rows), _CHUNK)]
        yield from DataLoader(dataset, batch_size=None, sampler=requests, num_workers=self.data.num_workers)

    def _progress(self, what: str, total: int, *, done: int) -> Any:
        print(f"{what}: {total:,}{f', of which {done:,} are there' if done else ''}", flush=True)
        return progress_bar(what, total, done=done)
