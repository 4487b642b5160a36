"""AU sets that training never shows, so that a test can show what was learned beyond them (Table 5 of the paper)."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from datamodules.face_sampling import held_out_sets
from zoo.facs import AUS
from zoo.facs.allocation import NUM_SETS, code_of, codes_of
from zoo.randomness import uniform

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    AUSet = tuple[int, ...]

OPEN_END = "..."
"""What ends the name of all sets that contain some AUs, such as ``12+15+...``."""


def sets_held_out(held_out: float | Sequence[Sequence[int] | str], *, seed: int = 0) -> tuple[AUSet, ...]:
    """List the AU sets that a ``held_out`` argument means, each in ascending order, without repetition.

    Args:
        held_out: A share from 0 to below 1 of all sets of two AUs or more, chosen by a hash of the set; or sets, each
            as AU numbers (``[12, 15]``), by its name (``12+15``), or, with an open end (``12+15+...``), all sets that
            contain these AUs.
        seed: Chooses another share.

    Raises:
        ValueError: It is none of these.

    Example:
        >>> sets_held_out([[15, 12], "1+4"])
        ((1, 4), (12, 15))
        >>> len(sets_held_out(["12+15+..."]))
        1024
    """
    if isinstance(held_out, float | int):
        if not 0 <= held_out < 1:
            message = f"held_out must be a share from 0 to below 1 or sets of AU numbers, got {held_out}."
            raise ValueError(message)
        return held_out_sets(held_out) if seed == 0 else _share(held_out, seed)
    return tuple(sorted({each for entry in held_out for each in _sets(entry)}))


def shows_held_out(occurrence: NDArray[np.bool_], sets: Iterable[AUSet]) -> NDArray[np.bool_]:
    """Say which rows of the ``au`` axis show exactly one of these sets.

    Example:
        >>> shows_held_out(np.eye(12, dtype=bool), [(1,), (4,), (1, 4)]).nonzero()[0].tolist()
        [0, 2]
    """
    held = np.zeros(NUM_SETS, dtype=bool)
    held[[code_of(each) for each in sets]] = True
    return held[codes_of(occurrence)]


def _share(share: float, seed: int) -> tuple[AUSet, ...]:
    """Choose sets by a hash of their own AUs, as ``held_out_sets`` does without a seed."""
    chosen: list[AUSet] = []
    for size in range(2, len(AUS) + 1):
        sets = list(itertools.combinations(AUS, size))
        drawn = uniform(seed, *np.array(sets).T, count=1)[:, 0]
        chosen += [each for each, number in zip(sets, drawn, strict=True) if number < share]
    return tuple(chosen)


def _sets(entry: Sequence[int] | str) -> list[AUSet]:
    numbers = [each.strip() for each in entry.split("+")] if isinstance(entry, str) else list(map(str, entry))
    contain = numbers[-1:] == [OPEN_END]
    if contain:
        numbers.pop()
    known = {str(au): au for au in AUS}
    unknown = [each for each in numbers if each not in known]
    if unknown or not numbers:
        message = (
            f"held_out must name AUs of {AUS}, got {entry!r}. Write a set as [12, 15] or '12+15', and all sets that "
            "contain these AUs as '12+15+...'."
        )
        raise ValueError(message)
    named = {known[each] for each in numbers}
    others = [au for au in AUS if au not in named] if contain else []
    return [
        tuple(sorted(named.union(more)))
        for size in range(len(others) + 1)
        for more in itertools.combinations(others, size)
    ]
