"""How the numbers of images follow from the numbers of frames in the labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from datamodules.builders.sources.base import DatasetError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from datamodules.builders.sources.base import Problems

CANDIDATES = (0, -1)
"""Images are numbered as labels are, or from 0 where labels count from 1."""
_AGREEMENT = 0.9


@dataclass(frozen=True)
class NumberedSequence:
    """A sequence that has labels and images.

    Attributes:
        name: How messages call it.
        frames: Numbers of the frames in the labels.
        numbers: Numbers of the images.
    """

    name: str
    frames: NDArray[np.int64]
    numbers: NDArray[np.int64]

    def matches(self, offset: int) -> int:
        """Count the labels that have an image."""
        return int(np.isin(self.frames + offset, self.numbers, assume_unique=True).sum())


def find_frame_offset(sequences: Sequence[NumberedSequence], data_set: str, problems: Problems) -> int:
    """Say what must be added to a label's number to get the image's.

    Each sequence speaks for the offset under which more of its labels have an image. Only where its first or last
    image is labelled can it tell.

    Raises:
        DatasetError: No sequence can tell, or they don't agree.
    """
    counts = np.array([[sequence.matches(offset) for offset in CANDIDATES] for sequence in sequences])
    if not len(counts):
        return CANDIDATES[0]
    best = counts.max(1, keepdims=True)
    speaks = (counts == best).sum(1) == 1
    votes = np.bincount(counts[speaks].argmax(1), minlength=len(CANDIDATES))
    place = int(votes.argmax())
    offset = CANDIDATES[place]
    if votes.sum() == 0 or votes[place] < _AGREEMENT * votes.sum():
        first = sorted({int(sequence.numbers[0]) for sequence in sequences})
        starts = f"{first[0]}" if len(first) == 1 else f"{first[0]} to {first[-1]}"
        evidence = ", ".join(
            f"{CANDIDATES[each]} fits {'best' if votes.sum() else 'all'} in {votes[each] or len(sequences)}"
            for each in range(len(CANDIDATES))
            if votes[each] or not votes.sum()
        )
        message = (
            f"{data_set}: frame_offset must be given, as the images don't tell it: of {len(sequences)} sequences, "
            f"{evidence}. The first images of the sequences are numbered {starts}, labels count from 1. Give -1 if the "
            "image of a sequence's first frame is number 0, and 0 if it is number 1."
        )
        raise DatasetError(message)
    for sequence, row, speaking in zip(sequences, counts, speaks, strict=True):
        if speaking and row.argmax() != place:
            detail = f"{row[place]} labels have an image with the offset {offset} of all, {row.max()} with another"
            problems.add("frame offset", sequence.name, detail)
    return offset
