"""Training, validation and test parts that share no person: published folds by name, or by seed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from datamodules.au_text_tables import SPLITS
from datamodules.builders.sources.base import DatasetError
from zoo.randomness import mix

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from datamodules.builders.frames import Frames
    from datamodules.builders.sources.base import RawFrames


@dataclass(frozen=True)
class SplitRule:
    """How subjects come to training, validation and test.

    Attributes:
        split: ``auto``: as the data set says where it says something, else as ``random``. ``random``: by the seed.
            ``FOLD:PART``, such as ``3fold:P1``: that part of a published partition tests; several data sets are
            separated by commas, and a data set's name may stand in front: ``bp4d/3fold:P1,bp4dplus/4fold:S2``.
        validation_share: Share of the subjects that validate; of those left, where a fold tests.
        test_share: Share of the subjects that test, where no fold does.
        seed: Decides what is random.
    """

    split: str = "auto"
    validation_share: float = 0.1
    test_share: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        shares = self.validation_share, self.test_share
        if min(shares) < 0 or sum(shares) >= 1:
            message = (
                f"SplitRule: validation_share and test_share must be at least 0 and together below 1, got {shares}."
            )
            raise ValueError(message)


def splits_of(frames: Frames, entries: NDArray[np.int64], rule: SplitRule) -> NDArray[np.object_]:
    """Give the split of each entry; all entries of a subject have the same.

    Raises:
        DatasetError: A fold is unknown, or a data set puts a subject into two splits.
    """
    subjects = frames.subject[entries]
    split_of: dict[str, str] = {}
    tests = _tests_of(frames.parts, rule.split) if rule.split not in ("auto", "random") else {}
    for part in frames.parts:
        people = sorted({subject for subject in subjects if subject.startswith(f"{part.name}/")})
        given = _given_by(frames, entries, people) if rule.split == "auto" else {}
        if part.name in tests:
            tested = {f"{part.name}/{subject}" for subject in tests[part.name]}
            given = {person: "test" for person in people if person in tested}
            if not given:
                message = (
                    f"splits_of: the part of {rule.split!r} that tests must have subjects of {part.name}, got none."
                )
                raise DatasetError(message)
        left = [person for person in people if person not in given]
        test_share = 0.0 if part.name in tests or (given and rule.split == "auto") else rule.test_share
        validation_share = 0.0 if given and rule.split == "auto" else rule.validation_share
        split_of |= given | _deal(left, validation_share=validation_share, test_share=test_share, seed=rule.seed)
    return np.array([split_of[subject] for subject in subjects], dtype=object)


def _given_by(frames: Frames, entries: NDArray[np.int64], people: Sequence[str]) -> dict[str, str]:
    """Give the splits that a data set itself states."""
    given: dict[str, str] = {}
    chosen = set(people)
    for subject, split in zip(frames.subject[entries], frames.split[entries], strict=True):
        if not split or subject not in chosen:
            continue
        if given.setdefault(subject, split) != split:
            message = (
                f"splits_of: all frames of a subject must be in one split, but {subject} is in {given[subject]} and in "
                f"{split}: what was learnt of a person would help in the test. Repair the labels, or deal whole "
                "subjects by seed: --split random"
            )
            raise DatasetError(message)
    return given


def _tests_of(parts: Sequence[RawFrames], split: str) -> dict[str, frozenset[str]]:
    """Give the subjects of each data set that test, by what a user wrote."""
    tests: dict[str, frozenset[str]] = {}
    known = [f"{part.name}/{fold}" for part in parts for fold in part.folds]
    for each in split.split(","):
        form = re.fullmatch(r"(?:([^/:]+)/)?([^/:]+):[A-Za-z]*(\d+)", each.strip())
        if form is None:
            message = (
                f"split must be auto, random, or the part of a fold that tests, such as 3fold:P1, got {each!r}. "
                f"There are: {', '.join(known) or 'no published folds of this data set'}."
            )
            raise DatasetError(message)
        name, fold, number = form[1], form[2], int(form[3])
        having = [part for part in parts if fold in part.folds and name in (None, part.name)]
        if not having:
            message = f"split must name a published fold, got {each!r}. There are: {', '.join(known) or 'none'}."
            raise DatasetError(message)
        if len(having) > 1:
            names = " and ".join(part.name for part in having)
            message = (
                f"split must say which data set it is about, got {each!r}, which {names} have. Put a name in front."
            )
            raise DatasetError(message)
        members = having[0].folds[fold]
        if not 1 <= number <= len(members):
            message = f"split must name one of the parts 1 to {len(members)} of {fold}, got {each!r}."
            raise DatasetError(message)
        tests[having[0].name] = members[number - 1]
    missing = [part.name for part in parts if part.name not in tests]
    if missing:
        message = (
            f"split must name a fold of every data set, got {split!r}, which says nothing of {', '.join(missing)}. Put "
            f"both, with a comma between. There are: {', '.join(known)}."
        )
        raise DatasetError(message)
    return tests


def _deal(people: Sequence[str], *, validation_share: float, test_share: float, seed: int) -> dict[str, str]:
    """Deal whole subjects by chance; who is dealt what depends on the names and the seed alone."""
    order = sorted(people, key=lambda person: (int(mix(seed, *person.encode())), person))
    validation = round(validation_share * len(people)) or int(validation_share > 0 and len(people) > 1)
    test = round(test_share * len(people)) or int(test_share > 0 and len(people) > 2)
    dealt = [*["validation"] * validation, *["test"] * test]
    return {person: (dealt[place] if place < len(dealt) else SPLITS[0]) for place, person in enumerate(order)}
