"""Which frames become entries, and which faces serve as references (sections 3.1 and 3.3 of the paper)."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from datamodules.builders.sources.base import DatasetError
from zoo.randomness import mix

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from datamodules.builders.frames import Frames
    from datamodules.builders.sources.base import Problem

REFERENCE_RULE = (
    "the face that the data set names; else a random frame of the subject, by the seed, that shows no AU: none "
    "present, none of an intensity above 0, as many AUs known as in any such frame of the subject; else the subject's "
    "first frame in the order of the data set; where a face can't be read or aligned, the next one in this order"
)
"""What decides a reference face, for a data set's metadata."""


def check_frames(frames: Frames, *, detector: str | None) -> None:
    """Refuse what nothing can be made of, before work begins.

    Raises:
        DatasetError: There are no frames, no AU is active, or nothing says where the faces are.
    """
    if not len(frames):
        problems = [problem for part in frames.parts for problem in part.problems.found]
        why = f" Problems: {_told(problems)}." if problems else ""
        message = f"dataset: there must be frames that have labels and an image, got none.{why}"
        raise DatasetError(message)
    for part in frames.parts:
        located = part.cropped or part.landmarks or part.boxes
        if len(part) and detector is None and not located:
            message = (
                f"dataset: {part.name} must say where the faces are, but has neither landmarks nor boxes. Name a "
                "detector: --detector mtcnn or yunet; or --detector whole_image where the images are cropped already."
            )
            raise DatasetError(message)


def entries_of(frames: Frames, *, keep_neutral: bool) -> tuple[NDArray[np.int64], dict[str, int]]:
    """Choose the frames with at least one active AU; gives their places, and how many were left out and why.

    A frame that is its own reference is none, and isn't counted. Where an AU is unknown, what is known decides.

    Args:
        frames: All frames.
        keep_neutral: Whether frames without an active AU are entries, too, as long as an AU is known.

    Raises:
        DatasetError: There is no such frame.
    """
    is_reference = np.zeros(len(frames), dtype=bool)
    is_reference[frames.named_reference[frames.named_reference == np.arange(len(frames))]] = True
    unlabelled = frames.num_known == 0
    kept = ~unlabelled & ~is_reference & (frames.active | keep_neutral)
    left_out = {
        "no AU known": int((unlabelled & ~is_reference).sum()),
        "no AU active": int((~unlabelled & ~is_reference & ~kept).sum()),
    }
    if not kept.any():
        message = (
            f"dataset: there must be frames with an active AU, got none among {len(frames):,}. --keep-neutral keeps "
            "others, too."
        )
        raise DatasetError(message)
    return np.flatnonzero(kept), {reason: count for reason, count in left_out.items() if count}


def neutral_frames(frames: Frames) -> NDArray[np.bool_]:
    """Say which frames show no AU, as far as is known: none is present, and none has an intensity above 0.

    DISFA calls an AU present from intensity 2 on, but a trace of it shows in a face, too. Its AUs 7, 10, 14, 23 and 24
    are not coded, so that its references are neutral in the others only.
    """
    traces = np.nan_to_num(frames.intensity, nan=0.0).max(axis=1) > 0
    neutral: NDArray[np.bool_] = ~frames.active & ~traces & (frames.num_known > 0)
    return neutral


def reference_candidates(frames: Frames, subjects: Iterable[str], *, seed: int) -> dict[str, list[int]]:
    """Order the frames of each subject by how they serve as its reference face; the first that can be read does.

    Args:
        frames: All frames.
        subjects: Whose.
        seed: Decides among the neutral frames.
    """
    neutral = neutral_frames(frames)
    places_of: dict[str, list[int]] = {subject: [] for subject in subjects}
    for place, subject in enumerate(frames.subject):
        if subject in places_of:
            places_of[subject].append(place)
    ordered = {}
    for subject, places in places_of.items():
        resting = [place for place in places if neutral[place]]
        best = max((frames.num_known[place] for place in resting), default=0)
        resting = [place for place in resting if frames.num_known[place] == best]
        # by the frame's name, so that other frames, subjects and data sets don't change the draw
        names = np.array([_number_of(frames.source[place]) for place in resting], dtype=np.int64)
        drawn = np.argsort(mix(seed, names), kind="stable") if resting else np.empty(0, dtype=np.int64)
        chosen = [resting[rank] for rank in drawn]
        ordered[subject] = chosen + sorted(set(places) - set(chosen))
    return ordered


def _told(problems: Iterable[Problem]) -> str:
    """Give the first of each kind, and how many there are."""
    counts: Counter[str] = Counter()
    first: dict[str, Problem] = {}
    for problem in problems:
        counts[problem.kind] += problem.count
        first.setdefault(problem.kind, problem)
    return "; ".join(f"{counts[kind]:,} ({kind}), first {each.where}: {each.detail}" for kind, each in first.items())


def _number_of(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), signed=True)
