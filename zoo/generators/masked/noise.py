"""Random numbers that follow from a seed and counters alone.

What a sample draws depends on its seed, not on the batch that it is in, on the device, or on what was drawn before.
"""

from __future__ import annotations

from enum import IntEnum

import torch
from jaxtyping import Float, Int
from torch import Tensor


class Purpose(IntEnum):
    """What noise is for; the first counter of every draw."""

    TOKEN = 0
    CHOICE = 1
    PART = 2
    ROLL = 3


_BITS = 23  # the middle of each of 2^23 cells is a float32 below 1


def uniform(seeds: Int[Tensor, " batch"], *counters: int | Tensor) -> Float[Tensor, ...]:
    """Give numbers in (0, 1), both ends excluded, of the shape of the largest counter.

    Args:
        seeds: One for each sample.
        counters: What tells draws apart, such as pass, site and level; numbers, or a row of them for each seed.
    """
    state = _mixed(seeds.long() + _STEP)
    for counter in counters:
        number = torch.full_like(seeds, counter) if isinstance(counter, int) else counter
        axes = max(state.ndim, number.ndim)
        state, number = (each.reshape(*each.shape, *(1,) * (axes - each.ndim)) for each in (state, number))
        state = _mixed(state * _STEP + _mixed(number + _STEP))
    return (_shifted(state, 64 - _BITS).float() + 0.5) * 2.0**-_BITS


def gumbel(uniforms: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Turn uniform numbers into Gumbel noise; finite."""
    return -torch.log(-torch.log(uniforms))


def _signed(word: int) -> int:
    return word - (1 << 64) if word >= 1 << 63 else word


_STEP = _signed(0x9E3779B97F4A7C15)
_FIRST, _SECOND = _signed(0xBF58476D1CE4E5B9), _signed(0x94D049BB133111EB)


def _mixed(word: Tensor) -> Tensor:
    # the finalizer of splitmix64 (Steele et al. 2014, doi 10.1145/2660193.2660195); int64 products wrap around
    word = (word ^ _shifted(word, 30)) * _FIRST
    word = (word ^ _shifted(word, 27)) * _SECOND
    return word ^ _shifted(word, 31)


def _shifted(word: Tensor, bits: int) -> Tensor:
    """Shift right and fill with zeros; torch's own shift copies the sign."""
    return (word >> bits) & ((1 << (64 - bits)) - 1)
