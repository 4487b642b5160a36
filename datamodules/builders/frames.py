"""Frames of one or several data sets, side by side: what a builder chooses from."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from datamodules.builders.sources.base import UNKNOWN, DatasetError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from datamodules.builders.sources.base import FrameImage, RawFrames


@dataclass
class Frames:
    """Frames of data sets, one data set after the other; a place counts through all of them.

    Attributes:
        parts: The data sets, with names of their own.
    """

    parts: Sequence[RawFrames]

    def __post_init__(self) -> None:
        names = Counter(part.name for part in self.parts)
        if max(names.values(), default=0) > 1:
            message = f"Frames: data sets must have names of their own, got {names.most_common(1)[0][0]!r} twice."
            raise DatasetError(message)
        twice = [source for source, count in Counter(self.source).items() if count > 1]
        if twice:
            message = (
                f"Frames: no two frames may be of the same subject, sequence and number, but {len(twice):,} are, such "
                f"as {twice[0]}."
            )
            raise DatasetError(message)

    def __len__(self) -> int:
        return len(self.source)

    @cached_property
    def source(self) -> list[str]:
        """Name of each frame."""
        return [part.source(place) for part in self.parts for place in range(len(part))]

    @cached_property
    def subject(self) -> NDArray[np.object_]:
        """Who it is, with the data set in front."""
        return np.array([f"{part.name}/{subject}" for part in self.parts for subject in part.subject], dtype=object)

    @cached_property
    def sequence(self) -> NDArray[np.object_]:
        """Task or video of each frame."""
        return np.array([sequence for part in self.parts for sequence in part.sequence], dtype=object)

    @cached_property
    def frame(self) -> NDArray[np.int64]:
        """Number of each frame."""
        return np.concatenate([np.asarray(part.frame, np.int64) for part in self.parts])

    @cached_property
    def occurrence(self) -> NDArray[np.int8]:
        """Labels of each frame: 0, 1, or 9 where unknown."""
        return np.concatenate([np.asarray(part.occurrence, np.int8) for part in self.parts])

    @cached_property
    def intensity(self) -> NDArray[np.float32]:
        """Intensities of each frame, NaN where unknown."""
        return np.concatenate([np.asarray(part.intensity, np.float32) for part in self.parts])

    @cached_property
    def side(self) -> NDArray[np.object_] | None:
        """Sides of each frame's AUs; None where no data set knows any."""
        if all(part.side is None for part in self.parts):
            return None
        empty = [np.full(part.occurrence.shape, "", dtype=object) for part in self.parts]
        return np.concatenate(
            [
                none if part.side is None else part.side.astype(object)
                for part, none in zip(self.parts, empty, strict=True)
            ]
        )

    @cached_property
    def split(self) -> NDArray[np.object_]:
        """The split that the data set gives a frame; empty where it gives none."""
        given = [part.split if part.split is not None else [""] * len(part) for part in self.parts]
        return np.array([split for each in given for split in each], dtype=object)

    @cached_property
    def named_reference(self) -> NDArray[np.int64]:
        """Place of the reference face that the data set names; -1 where it names none."""
        named = []
        for part, start in zip(self.parts, self._starts, strict=True):
            places = np.full(len(part), -1) if part.reference is None else np.asarray(part.reference, np.int64)
            named.append(np.where(places >= 0, places + start, -1))
        return np.concatenate(named)

    @cached_property
    def active(self) -> NDArray[np.bool_]:
        """Whether at least one AU is present."""
        return (self.occurrence == 1).any(axis=1)

    @cached_property
    def num_known(self) -> NDArray[np.int64]:
        """How many AUs of each frame are known."""
        return (self.occurrence != UNKNOWN).sum(axis=1)

    def image(self, place: int) -> FrameImage:
        """Give a frame's image, unread."""
        part, start = self._part(place)
        return part.images[place - start]

    def landmarks(self, place: int) -> NDArray[np.float32] | None:
        """Give a frame's landmarks, where it has any."""
        part, start = self._part(place)
        return _entry(part.landmarks, place - start)

    def box(self, place: int) -> NDArray[np.float32] | None:
        """Give the box of a frame's face, where it has one."""
        part, start = self._part(place)
        return _entry(part.boxes, place - start)

    def is_cropped(self, place: int) -> bool:
        """Say whether a frame's image is a crop already."""
        return self._part(place)[0].cropped

    @property
    def fingerprint(self) -> str:
        """Hash of all names and labels, by which a later run sees that the data sets are still the same."""
        digest = hashlib.sha256("\n".join(self.source).encode())
        for values in (self.occurrence, self.intensity, self.named_reference):
            digest.update(np.ascontiguousarray(values).tobytes())
        digest.update("\n".join(self.split).encode())
        return digest.hexdigest()[:16]

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        return np.cumsum([0, *(len(part) for part in self.parts)])[:-1]

    def _part(self, place: int) -> tuple[RawFrames, int]:
        which = int(np.searchsorted(self._starts, place, side="right")) - 1
        return self.parts[which], int(self._starts[which])


def _entry(values: Mapping[int, NDArray[np.float32]] | None, place: int) -> NDArray[np.float32] | None:
    return None if values is None else values.get(place)
