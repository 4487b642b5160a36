"""What a reader of an AU data set gives, whatever the data set."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNKNOWN = 9
"""How FACS tables write an AU that could not be coded."""


class FrameImage(Protocol):
    """An image that is read when it is needed: a file, a member of a zip, a frame of a video."""

    @property
    def name(self) -> str:
        """How messages call it."""

    def read(self) -> NDArray[np.uint8]:
        """Decode it to RGB, (height, width, 3).

        Raises:
            OSError: It can't be read.
        """


@dataclass(frozen=True)
class Problem:
    """Something about a data set that is not as it should be.

    Attributes:
        kind: What it is, in few words, such as ``missing image``.
        where: The file, the frame or the frames.
        detail: What was found there.
        count: How many frames, rows or files it is about.
    """

    kind: str
    where: str
    detail: str
    count: int = 1


@dataclass
class Problems:
    """What was wrong in a data set: counted by kind, listed by name.

    Attributes:
        found: The problems, in the order in which they were met.
        refuse: Whether the first problem ends the reading.
    """

    found: list[Problem] = field(default_factory=list)
    refuse: bool = False

    def add(self, kind: str, where: str, detail: str = "", *, count: int = 1) -> None:
        """Note a problem.

        Raises:
            DatasetError: Problems are refused.
        """
        if self.refuse:
            message = (
                f"{where}: there must be no {kind}, got {detail or kind}. Repair it, or let such problems be reported "
                "and passed over (on_problem: report)."
            )
            raise DatasetError(message)
        self.note(kind, where, detail, count=count)

    def note(self, kind: str, where: str, detail: str = "", *, count: int = 1) -> None:
        """Note something that one should know and that is never refused, such as a missing part of the data set."""
        self.found.append(Problem(kind, where, detail, count))

    def counts(self) -> dict[str, int]:
        """Count the problems of each kind."""
        counts: Counter[str] = Counter()
        for problem in self.found:
            counts[problem.kind] += problem.count
        return dict(counts)


@dataclass
class RawFrames:
    """Labelled frames of a data set, one entry in each sequence for every frame, in the order of the data set.

    Attributes:
        name: The data set, such as ``bp4d``; stands in front of every subject.
        subject: Who it is, without the data set's name, such as ``F001``.
        sequence: Task or video, such as ``T1``; empty where there are none.
        frame: Number of the frame in the labels.
        occurrence: (frame, au) int8 in the order of ``zoo.facs.AUS``: 0, 1, or 9 where unknown.
        intensity: (frame, au) float32 from 0 to 5, NaN where unknown.
        side: (frame, au) of ``""`` (both), ``"L"`` or ``"R"``, or None where the data set knows no sides.
        images: One for each frame.
        landmarks: Points of a frame in pixels, (5, 49 or 68, 2), by its place here; None where the data set has none.
        split: ``train``, ``validation``, ``test`` or empty, where the data set itself has splits.
        reference: Place here of each frame's reference face where the data set names it, -1 where it doesn't; or None.
        folds: Published partitions of the subjects, by name, such as ``3fold``: a tuple of sets of subjects.
        problems: What was not as it should be, and was left out or masked.
        facts: How it was read, for the data set's card, such as ``frame_offset``.
        boxes: Left, top, right and bottom of a frame's face in pixels, by its place here, where there are no landmarks
            and the data set has boxes; or None.
        cropped: Whether images are crops already: they are scaled, but not aligned by the landmarks.
    """

    name: str
    subject: Sequence[str]
    sequence: Sequence[str]
    frame: NDArray[np.int64]
    occurrence: NDArray[np.int8]
    intensity: NDArray[np.float32]
    images: Sequence[FrameImage]
    side: NDArray[np.str_] | None = None
    landmarks: Mapping[int, NDArray[np.float32]] | None = None
    split: Sequence[str] | None = None
    reference: NDArray[np.int64] | None = None
    folds: Mapping[str, tuple[frozenset[str], ...]] = field(default_factory=dict)
    problems: Problems = field(default_factory=Problems)
    facts: Mapping[str, str | int | float] = field(default_factory=dict)
    boxes: Mapping[int, NDArray[np.float32]] | None = None
    cropped: bool = False

    def __len__(self) -> int:
        return len(self.subject)

    def source(self, place: int) -> str:
        """Name a frame, such as ``bp4d/F001/T1/2440``."""
        parts = (self.name, self.subject[place], self.sequence[place], str(self.frame[place]))
        return "/".join(part for part in parts if part)


class Source(ABC):
    """A data set on disk.

    Attributes:
        name: Stands in front of its subjects.
    """

    name: str

    @abstractmethod
    def read(self) -> RawFrames:
        """Read all labels and find all images, without decoding any.

        Raises:
            DatasetError: The tree is not that of this data set; the message shows the layout that is expected.
        """


class DatasetError(ValueError):
    """A data set is not laid out as it must be, or a label can't be understood."""
