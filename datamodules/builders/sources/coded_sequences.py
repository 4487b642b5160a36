"""Bring labels, images and landmarks of sequences together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from datamodules.builders.sources.base import DatasetError, FrameImage, Problems, RawFrames
from datamodules.builders.sources.frame_offset import NumberedSequence, find_frame_offset
from zoo.facs import AUS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from datamodules.builders.sources.image_trees import Key, SequenceImages

Value = TypeVar("Value", bound=np.generic)


@dataclass(frozen=True)
class CodedSequence:
    """The labels of a sequence.

    Attributes:
        subject: Who it is.
        sequence: Task or trial; empty where there are none.
        frame: Number of each frame, rising.
        occurrence: (frame, au) int8: 0, 1, or 9 where unknown.
        intensity: (frame, au) float32 from 0 to 5, NaN where unknown.
    """

    subject: str
    sequence: str
    frame: NDArray[np.int64]
    occurrence: NDArray[np.int8]
    intensity: NDArray[np.float32]

    @property
    def key(self) -> Key:
        """Subject and sequence."""
        return self.subject, self.sequence

    @property
    def name(self) -> str:
        """How messages call it, such as ``F001/T1``."""
        return "/".join(part for part in self.key if part)


def add_intensity(
    sequence: CodedSequence,
    au: int,
    coded: tuple[NDArray[np.int64], NDArray[np.float32]],
    problems: Problems,
) -> None:
    """Put the intensities that are coded for an AU into a sequence, and note where they don't fit its labels."""
    frame, values = coded
    place = AUS.index(au)
    found, theirs, ours = np.intersect1d(frame, sequence.frame, assume_unique=True, return_indices=True)
    occurrence, column = sequence.occurrence[ours, place], sequence.intensity[:, place]
    known = np.isfinite(values[theirs])
    column[ours[known]] = values[theirs[known]]
    where = f"{sequence.name}: AU{au}"
    against = known & (((values[theirs] > 0) & (occurrence == 0)) | ((values[theirs] == 0) & (occurrence == 1)))
    for kind, count, detail in (
        ("missing intensity", len(sequence.frame) - len(found), "frames that have a label"),
        ("intensity without a label", len(frame) - len(found), "frames, left out"),
        ("intensity against occurrence", int(against.sum()), "frames, kept as they are coded"),
    ):
        if count:
            problems.note(kind, where, f"{count} {detail}", count=count)


def assemble(
    name: str,
    sequences: Sequence[CodedSequence],
    images: Mapping[Key, SequenceImages],
    *,
    frame_offset: int | None,
    folds: Mapping[str, tuple[frozenset[str], ...]],
    problems: Problems,
) -> RawFrames:
    """Give each labelled frame its image; labels without one are left out and noted.

    Args:
        name: The data set.
        sequences: The labels, in order.
        images: The images of each sequence.
        frame_offset: What to add to a label's number to get the image's; found out where None. A video's frames are
            counted from 1, so that it needs none.
        folds: Published partitions of the subjects.
        problems: Takes note of what is missing.

    Raises:
        DatasetError: No label has an image, or the offset can't be told.
    """
    both = [(sequence, images[sequence.key]) for sequence in sequences if sequence.key in images]
    numbered = [(sequence, found) for sequence, found in both if not found.counted]
    offset = frame_offset
    if offset is None:
        candidates = [NumberedSequence(f"{name}/{seq.name}", seq.frame, found.numbers) for seq, found in numbered]
        offset = find_frame_offset(candidates, name, problems)
    chosen: list[NDArray[np.int64]] = []
    pictures: list[FrameImage] = []
    for sequence in sequences:
        found = images.get(sequence.key)
        if found is None:
            problems.add("sequence without images", f"{name}/{sequence.name}", f"{len(sequence.frame)} labels left out")
            chosen.append(np.zeros(0, np.int64))
            continue
        shift = (frame_offset or 0) if found.counted else offset
        places = np.searchsorted(found.numbers, sequence.frame + shift)
        within = places < len(found.numbers)
        within[within] = found.numbers[places[within]] == sequence.frame[within] + shift
        for first, last in _runs(sequence.frame[~within]):
            frames = f"{first}-{last}" if last > first else f"{first}"
            detail = f"labels without an image in {found.where}"
            problems.add("missing image", f"{name}/{sequence.name}/{frames}", detail, count=last - first + 1)
        _note_unlabelled(sequence, found.numbers - shift, f"{name}/{sequence.name}", problems)
        chosen.append(np.flatnonzero(within))
        pictures += [found.image(place) for place in places[within].tolist()]
    if sequences and not pictures:
        message = (
            f"{name}: labelled frames must have images, got none for {len(sequences)} sequences; images were found of "
            f"{len(images)} sequences. Check frame_offset and the folder of images."
        )
        raise DatasetError(message)
    kept = [(sequence, rows) for sequence, rows in zip(sequences, chosen, strict=True) if len(rows)]
    return RawFrames(
        name=name,
        subject=[sequence.subject for sequence, rows in kept for _ in range(len(rows))],
        sequence=[sequence.sequence for sequence, rows in kept for _ in range(len(rows))],
        frame=_joined([sequence.frame[rows] for sequence, rows in kept], (0,), np.int64),
        occurrence=_joined([sequence.occurrence[rows] for sequence, rows in kept], (0, len(AUS)), np.int8),
        intensity=_joined([sequence.intensity[rows] for sequence, rows in kept], (0, len(AUS)), np.float32),
        images=pictures,
        folds=folds,
        problems=problems,
        facts={
            "frame_offset": offset if numbered else (frame_offset or 0),
            "frame_offset_from": "argument" if frame_offset is not None else "images" if numbered else "videos",
            "sequences": len(kept),
        },
    )


def require_folder(root: str | Path, layout: str) -> Path:
    """Give the folder of a data set.

    Raises:
        DatasetError: It doesn't exist; the message shows the layout that is expected.
    """
    folder = Path(root).expanduser()
    if not folder.is_dir():
        message = f"{folder}: the data set's folder must exist, got none. {layout}"
        raise DatasetError(message)
    return folder


def _note_unlabelled(sequence: CodedSequence, frames: NDArray[np.int64], where: str, problems: Problems) -> None:
    """Note images between the first and the last label that have none; outside, sequences just aren't coded."""
    within = (frames >= sequence.frame[0]) & (frames <= sequence.frame[-1])
    for first, last in _runs(np.setdiff1d(frames[within], sequence.frame, assume_unique=True)):
        numbers = f"{first}-{last}" if last > first else f"{first}"
        problems.add("image without a label", f"{where}/{numbers}", "between labelled frames", count=last - first + 1)


def _runs(numbers: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Give first and last of each run of consecutive numbers."""
    if len(numbers):
        for run in np.split(numbers, np.flatnonzero(np.diff(numbers) > 1) + 1):
            yield int(run[0]), int(run[-1])


def _joined(parts: list[NDArray[Value]], shape: tuple[int, ...], kind: type[Value]) -> NDArray[Value]:
    return np.concatenate(parts) if parts else np.zeros(shape, kind)
