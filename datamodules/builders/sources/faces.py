"""Our own procedural faces, rendered when they are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from datamodules.builders.sources.base import RawFrames, Source
from zoo.facs import AUS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from datamodules.face_store import FaceStore
    from datamodules.face_store_parameters import FaceStoreParameters

_SPLITS = frozenset(("train", "validation", "test"))
_NEUTRAL = "neutral"  # sequence of the reference faces


@dataclass(frozen=True, slots=True)
class StoredFace:
    """A face in a store.

    Attributes:
        folder: The store's folder.
        array: ``images`` or ``references``.
        row: Its row there.
    """

    folder: str
    array: str
    row: int

    @property
    def name(self) -> str:
        """The array and the row."""
        return f"{self.folder}, {self.array} {self.row}"

    def read(self) -> NDArray[np.uint8]:
        """Copy it, (height, width, 3).

        Raises:
            FaceStoreError: The store is missing or damaged.
        """
        return np.asarray(_store(self.folder).array(self.array)[self.row]).transpose(1, 2, 0)


class Faces(Source):
    """Render procedural faces, or open what was rendered before.

    Each frame names its reference face: the neutral one of the same person in the same view. Images are kept as they
    are drawn, with their landmarks.

    Args:
        parts: What is rendered, a store for each split.
        root: Folder of the stores.
        workers: Processes that render; as many as there are CPUs where not given.
    """

    name = "faces"

    def __init__(self, parts: Sequence[FaceStoreParameters], *, root: Path, workers: int | None = None) -> None:
        # the key hashes all that decides the faces
        self.parts = {
            part.split: f"{part.num_frames} frames of {part.num_identities} people, key {part.key}" for part in parts
        }
        self._parts = list(parts)
        self._root = root
        self._workers = workers

    def read(self) -> RawFrames:
        """Render the faces and give their labels.

        Raises:
            FaceStoreError: They can't be written, such as when the disk is full.
        """
        from datamodules.face_rendering import render_store

        stores = [render_store(part, self._root, num_workers=self._workers) for part in self._parts]
        parts = [_frames_of(store) for store in stores]
        starts = np.cumsum([0, *(len(part) for part in parts)])
        return RawFrames(
            name=self.name,
            subject=[subject for part in parts for subject in part.subject],
            sequence=[sequence for part in parts for sequence in part.sequence],
            frame=np.concatenate([part.frame for part in parts]),
            occurrence=np.concatenate([part.occurrence for part in parts]),
            intensity=np.concatenate([part.intensity for part in parts]),
            images=[image for part in parts for image in part.images],
            landmarks=_Landmarks(stores, starts.tolist()),
            split=[split for part in parts for split in part.split or []],
            reference=np.concatenate([part.reference + start for part, start in zip(parts, starts, strict=False)]),
            facts={"kind": "procedural faces, no photographs"},
            cropped=True,
        )


def _frames_of(store: FaceStore) -> RawFrames:
    """Give the frames of a store, and behind them the reference faces, which are their own references."""
    parameters = store.metadata["parameters"]
    per_shot, folder = parameters["frames_per_shot"], str(store.folder)
    count, shots = len(store), len(store.array("references"))
    identity = np.asarray(store.array("identity"))
    people = np.concatenate([identity, identity[np.arange(shots) * per_shot]])
    # the reader of a data set knows three splits; judges' faces are dealt by subject
    split = parameters["split"] if parameters["split"] in _SPLITS else ""
    rows = np.arange(count)
    return RawFrames(
        name="faces",
        subject=[str(person) for person in people.tolist()],
        sequence=[""] * count + [_NEUTRAL] * shots,
        frame=np.concatenate([rows, np.arange(shots)]),
        occurrence=np.concatenate([store.occurrence().astype(np.int8), np.zeros((shots, len(AUS)), np.int8)]),
        intensity=np.concatenate(
            [store.array("intensity").astype(np.float32), np.zeros((shots, len(AUS)), np.float32)]
        ),
        images=[
            *(StoredFace(folder, "images", row) for row in range(count)),
            *(StoredFace(folder, "references", row) for row in range(shots)),
        ],
        split=[split] * (count + shots),
        reference=np.concatenate([count + rows // per_shot, count + np.arange(shots)]),
    )


class _Landmarks(Mapping[int, "NDArray[np.float32]"]):
    """The landmarks of frames, read when they are asked for; reference faces have none."""

    def __init__(self, stores: Sequence[FaceStore], starts: Sequence[int]) -> None:
        self._stores = stores
        self._starts = starts

    def __getitem__(self, place: int) -> NDArray[np.float32]:
        for store, start in zip(self._stores, self._starts, strict=False):
            if start <= place < start + len(store):
                return np.asarray(store.array("landmarks")[place - start], dtype=np.float32)
        raise KeyError(place)

    def __iter__(self) -> Iterator[int]:
        for store, start in zip(self._stores, self._starts, strict=False):
            yield from range(start, start + len(store))

    def __len__(self) -> int:
        return sum(len(store) for store in self._stores)


@lru_cache(maxsize=4)
def _store(folder: str) -> FaceStore:
    from datamodules.face_store import FaceStore

    return FaceStore(folder)
