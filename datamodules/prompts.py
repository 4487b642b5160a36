"""The text that goes with a face's AUs."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from zoo.facs.action_units import ACTION_UNITS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def prompt_of(occurrence: ArrayLike) -> str:
    """Name the AUs that are present, in the order of ``zoo.facs.AUS``.

    A plain list of FACS names; it knows nothing of how AUs act on each other.

    Args:
        occurrence: Whether each of the twelve AUs is present.

    Example:
        >>> prompt_of([True] + [False] * 5 + [True] + [False] * 5)
        'inner brow raiser, lip corner puller'
        >>> prompt_of([False] * 12)
        'neutral face'
    """
    return _joined(tuple(np.asarray(occurrence, dtype=bool).tolist()))


@functools.lru_cache(maxsize=4096)  # 2 ** 12 sets of AUs
def _joined(occurrence: tuple[bool, ...]) -> str:
    return ", ".join(unit.name for unit, present in zip(ACTION_UNITS, occurrence, strict=True) if present) or (
        "neutral face"
    )
