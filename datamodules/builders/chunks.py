"""Crops of many frames, in chunks: each is on disk whole and noted, or counts as not there."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from datamodules.au_text_tables import QUALITIES
from datamodules.builders.cropping import Crop, CropSettings, CropTask, ProblemFields, crop_face
from datamodules.image_storage import image_writer, path_of
from zoo.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

CHUNK = 512
"""Frames of a chunk, and of an archive: seconds of work, 15 MB of crops at 256 pixels."""


@dataclass(frozen=True)
class Chunk:
    """Some frames to crop, and where the crops go.

    Attributes:
        name: Such as ``train-00003``.
        places: The frames.
        folder: The data set's folder.
        storage: ``files`` or ``tar``.
    """

    name: str
    places: NDArray[np.int64]
    folder: str
    storage: str

    @property
    def results(self) -> Path:
        """The file that says that the chunk is on disk, and what is in it."""
        return Path(self.folder) / "work" / f"{self.name}.npz"

    @property
    def shard(self) -> str | None:
        """The archive of the chunk's images, relative to the folder; None where they are files."""
        return f"shards/{self.name}.tar" if self.storage == "tar" else None

    def is_done(self) -> bool:
        """Look whether the chunk is noted and its images are there, which a power failure could keep from the disk."""
        if not self.results.exists():
            return False
        results = ChunkResults.load(self.results)
        written = np.flatnonzero(results.size)
        if self.shard is not None:
            ends = results.offset[written] + results.size[written]
            return not len(written) or _size_of(Path(self.folder) / self.shard) >= ends.max()
        return all(_size_of(Path(self.folder) / results.image[place]) == results.size[place] for place in written)


@dataclass(frozen=True)
class ChunkResults:
    """What became of the frames of a chunk, one entry for each.

    Attributes:
        image: Path of each image, or of its member in the archive.
        size: Bytes of each image; 0 where there is none.
        offset: First byte in the archive.
        landmarks: Points of each crop, NaN where unknown; None where none are known.
        quality: By name, NaN where it doesn't apply.
        problems: Kind, place and detail of what was wrong.
    """

    image: list[str]
    size: NDArray[np.int64]
    offset: NDArray[np.int64]
    landmarks: NDArray[np.float32] | None
    quality: dict[str, NDArray[np.float32]]
    problems: list[ProblemFields]

    @classmethod
    def load(cls, path: str | Path) -> ChunkResults:
        """Read what :func:`crop_chunk` wrote."""
        with np.load(path) as arrays:
            texts = json.loads(str(arrays["texts"]))
            return cls(
                image=texts["image"],
                size=arrays["size"],
                offset=arrays["offset"],
                landmarks=arrays.get("landmarks"),
                quality={name: arrays[name] for name in QUALITIES},
                problems=[(kind, where, detail) for kind, where, detail in texts["problems"]],
            )


def crop_chunk(
    chunk_and_tasks: tuple[Chunk, Sequence[CropTask]], settings: CropSettings, *, refuse: bool
) -> list[ProblemFields]:
    """Crop the frames of a chunk, write the crops, and note at last that they are there; gives the problems.

    Args:
        chunk_and_tasks: Where the crops go, and what is cropped.
        settings: What decides the crops.
        refuse: Whether a frame that can't be cropped ends the work; the chunk is not noted then.
    """
    chunk, tasks = chunk_and_tasks
    names, sizes, offsets, crops = [], [], [], []
    with image_writer(chunk.folder, shard=chunk.shard) as write_image:
        for task in tasks:
            crop = crop_face(task, settings)
            if crop.problem is not None and refuse:
                return [crop.problem]
            names.append(f"images/{path_of(task.source)}.{settings.image_format}")
            sizes.append(len(crop.content))
            offsets.append(write_image(names[-1], crop.content) if crop.content else 0)
            crops.append(replace(crop, content=b""))
    if chunk.shard is not None and not any(sizes):
        (Path(chunk.folder) / chunk.shard).unlink()
    problems = [crop.problem for crop in crops if crop.problem is not None]
    arrays: dict[str, Any] = {
        "texts": json.dumps({"image": names, "problems": problems}),
        "size": np.array(sizes, dtype=np.int64),
        "offset": np.array(offsets, dtype=np.int64),
        **{name: quality_of(crops, name) for name in QUALITIES},
    }
    landmarks = landmarks_of([crop.landmarks for crop in crops])
    if landmarks is not None:
        arrays["landmarks"] = landmarks

    def write(path: Path) -> None:
        with path.open("wb") as file:
            np.savez(file, **arrays)

    write_whole(chunk.results, write)
    return problems


def quality_of(crops: Iterable[Crop], name: str) -> NDArray[np.float32]:
    """Gather one figure of crops, NaN where a crop has none."""
    return np.array([crop.quality.get(name, float("nan")) for crop in crops], dtype=np.float32)


def landmarks_of(each: list[NDArray[np.float32] | None]) -> NDArray[np.float32] | None:
    """Stack landmarks, NaN where there are none; where their numbers differ, they are reduced to five."""
    from datamodules.alignment import five_points

    counts = {len(points) for points in each if points is not None}
    if not counts:
        return None
    count = counts.pop() if len(counts) == 1 else 5
    stacked = np.full((len(each), count, 2), np.nan, dtype=np.float32)
    for place, points in enumerate(each):
        if points is not None:
            stacked[place] = points if len(points) == count else five_points(points.astype(np.float64))
    return stacked


def _size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else -1
