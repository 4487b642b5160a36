"""Numbers by chance that depend on their keys alone: not on order, batch, worker or machine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Constants of SplitMix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators").
_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def keyed(*keys: int | NDArray[np.integer], onto: NDArray[np.uint64] | None = None) -> NDArray[np.uint64]:
    """Hash integers, broadcast against each other, to uniform 64-bit numbers: SplitMix64, one step per key.

    Args:
        keys: What the numbers depend on; their order counts.
        onto: A hash of earlier keys to go on from.

    Example:
        >>> bool(keyed(1, 2) == keyed(2, onto=keyed(1)))
        True
        >>> bool(keyed(1, 2) == keyed(2, 1))
        False
    """
    state = np.zeros((), dtype=np.uint64) if onto is None else onto
    with np.errstate(over="ignore"):  # the arithmetic is modulo 2 ** 64 by design
        for key in keys:
            # one new array per key, the rest in place: a million rows are bound by memory
            state = np.asarray((state ^ np.asarray(key).astype(np.int64).view(np.uint64)) + _STEP)
            state ^= state >> np.uint64(30)
            state *= _FIRST
            state ^= state >> np.uint64(27)
            state *= _SECOND
            state ^= state >> np.uint64(31)
    return state
