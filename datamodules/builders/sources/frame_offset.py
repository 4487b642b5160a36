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
_FEW = 0.05
_SEVERAL = 3


@dataclass(frozen=True)
class NumberedSequence:
    """A sequence that has labels and images.

    Attributes:
        name: How messages call it.
        frames: Numbers of the frames in the labels, rising.
        numbers: Numbers of the images, rising.
    """

    name: str
    frames: NDArray[np.int64]
    numbers: NDArray[np.int64]

    def fits(self, offset: int) -> bool:
        """Say whether no label points before the first image or after the last."""
        return bool(self.frames[0] + offset >= self.numbers[0] and self.frames[-1] + offset <= self.numbers[-1])


def find_frame_offset(sequences: Sequence[NumberedSequence], data_set: str, problems: Problems) -> int:
    """Say what must be added to a label's number to get the image's.

    A sequence of which the first or the last image is labelled fits one offset only, and speaks for it. Images that
    are missing in between say nothing: they would be missing under each offset. Where no sequence speaks, but images
    begin with 0 and labels with 1 in several sequences and nowhere with 0, both are taken to begin with the same
    frame, which is noted as a guess.

    Raises:
        DatasetError: No sequence can tell, or they don't agree.
    """
    if not sequences:
        return CANDIDATES[0]
    fits = np.array([[sequence.fits(offset) for offset in CANDIDATES] for sequence in sequences])
    speaks = fits.sum(1) == 1
    votes = fits[speaks].sum(0)
    place = int(votes.argmax())
    beginnings = _beginnings(sequences)
    if votes.sum() == 0 and beginnings:
        detail = f"-1, as images begin with 0, and labels with 1 in {beginnings} of {len(sequences)} sequences"
        problems.note("guessed frame offset", data_set, detail)
        return -1
    if votes.sum() == 0 or votes[place] < _AGREEMENT * votes.sum():
        first = sorted({int(sequence.numbers[0]) for sequence in sequences})
        found = ", ".join(f"{count} that fit only {offset}" for offset, count in zip(CANDIDATES, votes, strict=True))
        message = (
            f"{data_set}: frame_offset must follow from the images of the {len(sequences)} sequences, got {found}. "
            "Labels count from 1; give -1 if the image of a video's first frame is number 0, and 0 if it is number 1. "
            f"The first images of the sequences have numbers {first[0]} to {first[-1]}."
        )
        raise DatasetError(message)
    if votes.sum() < _FEW * len(sequences):
        detail = f"{CANDIDATES[place]}, told by only {votes.sum()} of {len(sequences)} sequences"
        problems.note("guessed frame offset", data_set, detail)
    for sequence in (sequences[row] for row in np.flatnonzero(speaks & ~fits[:, place]).tolist()):
        detail = f"{CANDIDATES[place]} for all, but labels and images of this one fit only with another"
        problems.add("other frame offset", sequence.name, detail)
    return CANDIDATES[place]


def _beginnings(sequences: Sequence[NumberedSequence]) -> int:
    """Count sequences whose labels begin with 1; 0 where they are few, or images don't begin with 0 or labels do."""
    first_images = np.array([sequence.numbers[0] for sequence in sequences])
    first_labels = np.array([sequence.frames[0] for sequence in sequences])
    count = int((first_labels == 1).sum())
    told = (first_images == 0).all() and (first_labels > 0).all() and count >= max(_SEVERAL, _FEW * len(sequences))
    return count if told else 0
