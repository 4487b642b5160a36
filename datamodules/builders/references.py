"""The reference faces of entries: chosen as section 3.3 of the paper says, cropped, written."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from datamodules.builders.cropping import Crop, CropSettings, CropTask, crop_face
from datamodules.builders.processes import in_processes
from datamodules.builders.selection import reference_candidates
from datamodules.builders.sources.base import DatasetError
from datamodules.image_storage import ImagePlaces, image_writer, path_of
from datamodules.progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from datamodules.builders.frames import Frames
    from datamodules.builders.sources.base import Problems

_FOLDER = "references"
_AT_ONCE = 16  # frames that are sent to a process together


@dataclass(frozen=True)
class References:
    """Reference faces.

    Attributes:
        places: The frame of each.
        crops: The crop of each.
        row: Of each entry, the row of its reference face among these; -1 where it has none.
    """

    places: NDArray[np.int64]
    crops: list[Crop]
    row: NDArray[np.int64]

    def write(self, frames: Frames, folder: Path, *, storage: str, image_format: str) -> ImagePlaces:
        """Write the crops as files or as one archive; gives where they are."""
        names = [f"{_FOLDER}/{path_of(frames.source[place])}.{image_format}" for place in self.places]
        shard = f"shards/{_FOLDER}.tar" if storage == "tar" else None
        with image_writer(folder, shard=shard) as write_image:
            offsets = [write_image(name, crop.content) for name, crop in zip(names, self.crops, strict=True)]
        return ImagePlaces(
            np.array(names, dtype=object),
            np.array([len(crop.content) for crop in self.crops], dtype=np.int64),
            None if shard is None else np.array([shard] * len(names), dtype=object),
            np.array(offsets, dtype=np.int64),
        )


def choose_references(
    frames: Frames,
    entries: NDArray[np.int64],
    settings: CropSettings,
    problems: Problems,
    *,
    seed: int,
    workers: int,
) -> References:
    """Choose and crop the reference face of each entry; where one can't be cropped, the next candidate is.

    Args:
        frames: All frames.
        entries: Places of the entries among them.
        settings: What decides the crops.
        problems: Gets what was wrong.
        seed: Decides among a subject's neutral frames.
        workers: Processes that crop.

    Raises:
        DatasetError: A face can't be cropped, and problems are refused; or there is none at all.
    """
    named = frames.named_reference[entries]
    crops = _cropped(frames, sorted(set(named[named >= 0].tolist())), settings, workers=workers)
    _note(crops, problems)
    reference = np.where([place in crops and crops[place].problem is None for place in named.tolist()], named, -1)
    needing = sorted(set(frames.subject[entries[reference < 0]].tolist()))
    if needing:
        chosen = _of_subjects(frames, needing, settings, crops, problems, seed=seed, workers=workers)
        own = np.array([chosen.get(subject, -1) for subject in frames.subject[entries]], dtype=np.int64)
        reference = np.where(reference < 0, own, reference)
    for subject in sorted(set(frames.subject[entries[reference < 0]].tolist())):
        count = int((frames.subject[entries[reference < 0]] == subject).sum())
        problems.add(
            "no reference face", subject, "none of its frames can be cropped; its entries are left out", count=count
        )
    if (reference < 0).all():
        raise DatasetError(nothing_cropped(problems))
    places = np.unique(reference[reference >= 0])
    row = np.where(reference >= 0, np.searchsorted(places, reference), -1)
    return References(places, [crops[place] for place in places.tolist()], row)


def _of_subjects(
    frames: Frames,
    subjects: Sequence[str],
    settings: CropSettings,
    crops: dict[int, Crop],
    problems: Problems,
    *,
    seed: int,
    workers: int,
) -> dict[str, int]:
    """Find the first candidate of each subject that can be cropped."""
    left = reference_candidates(frames, subjects, seed=seed)
    chosen: dict[str, int] = {}
    batch = 1
    while left:
        # twice as many in each round, so that a subject without any image is soon done with
        now = {subject: candidates[:batch] for subject, candidates in left.items()}
        wanted = sorted({place for candidates in now.values() for place in candidates} - crops.keys())
        crops |= _cropped(frames, wanted, settings, workers=workers)
        for subject, candidates in now.items():
            first = next((rank for rank, place in enumerate(candidates) if crops[place].problem is None), None)
            _note({place: crops[place] for place in candidates[:first]}, problems)
            if first is not None:
                chosen[subject] = candidates[first]
        left = {
            subject: candidates[batch:]
            for subject, candidates in left.items()
            if subject not in chosen and candidates[batch:]
        }
        batch *= 2
    return chosen


def _cropped(frames: Frames, places: Sequence[int], settings: CropSettings, *, workers: int) -> dict[int, Crop]:
    parts = [places[start : start + _AT_ONCE] for start in range(0, len(places), _AT_ONCE)]
    tasks = (tuple(task_of(frames, place) for place in part) for part in parts)
    crop = functools.partial(_crop_all, settings=settings)
    crops: dict[int, Crop] = {}
    with progress_bar("reference faces", len(places)) as advance:
        results = in_processes(crop, tasks, workers=min(workers, len(parts) // 2))
        for part, cropped in zip(parts, results, strict=True):
            crops |= dict(zip(part, cropped, strict=True))
            advance(len(part))
    return crops


def nothing_cropped(problems: Problems) -> str:
    """Say that no face at all could be cropped, and why."""
    counts = ", ".join(f"{count:,} {kind}" for kind, count in problems.counts().items())
    first = next((problem.detail for problem in reversed(problems.found) if problem.detail), "")
    return f"dataset: there must be frames whose face can be cropped, got none: {counts}. The last one: {first}."


def task_of(frames: Frames, place: int) -> CropTask:
    """Say what is to be cropped of a frame."""
    return CropTask(
        frames.source[place],
        frames.image(place),
        frames.landmarks(place),
        frames.box(place),
        frames.is_cropped(place),
    )


def _crop_all(tasks: tuple[CropTask, ...], settings: CropSettings) -> list[Crop]:
    return [crop_face(task, settings) for task in tasks]


def _note(crops: dict[int, Crop], problems: Problems) -> None:
    for crop in crops.values():
        if crop.problem is not None:
            kind, where, detail = crop.problem
            problems.add(kind, where, detail)
