"""Random numbers that are a pure function of their keys, so that nothing depends on order, worker or device."""

from __future__ import annotations

import numpy as np

# Constants of SplitMix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators").
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def mix(*keys: int | np.ndarray) -> np.ndarray:
    """Hash integers, broadcast against each other, to uniform unsigned 64-bit numbers: SplitMix64, one step per key.

    Example:
        >>> bool(mix(1, 2) == mix(1, 2)), bool(mix(1, 2) == mix(2, 1))
        (True, False)
    """
    state = np.zeros((), dtype=np.uint64)
    with np.errstate(over="ignore"):  # the arithmetic is modulo 2 ** 64 by design
        for key in keys:
            # one new array per key, the rest in place: a million rows are bound by memory
            state = np.asarray((state ^ np.asarray(key).astype(np.int64).view(np.uint64)) + _GOLDEN)
            state ^= state >> np.uint64(30)
            state *= _FIRST
            state ^= state >> np.uint64(27)
            state *= _SECOND
            state ^= state >> np.uint64(31)
    return state


def seeds(*keys: int | np.ndarray) -> np.ndarray:
    """Hash integers to non-negative seeds below 2 ** 62, int64."""
    return np.asarray(mix(*keys) >> np.uint64(2)).astype(np.int64)  # of one element too, an array


def uniform(*keys: int | np.ndarray, count: int) -> np.ndarray:
    """Draw ``count`` float32 numbers in [0, 1) for each element of the keys, along a last axis."""
    keys = tuple(np.asarray(key)[..., None] for key in keys)
    return ((mix(*keys, np.arange(count)) >> np.uint64(40)).astype(np.float64) / 2.0**24).astype(np.float32)
