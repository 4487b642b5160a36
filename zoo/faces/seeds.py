"""Random numbers that depend on a seed and a name alone, not on order, batch or machine."""

from __future__ import annotations

import math
from zlib import crc32

import torch
from jaxtyping import Int
from torch import Tensor


def _signed(value: int) -> int:
    """Read 64 bits as two's complement, which is what int64 tensors hold."""
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >= 1 << 63 else value


# Constants of SplitMix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators").
_STEP = _signed(0x9E3779B97F4A7C15)
_FIRST = _signed(0xBF58476D1CE4E5B9)
_SECOND = _signed(0x94D049BB133111EB)


def _shift(state: Tensor, bits: int) -> Tensor:
    """Shift right without the sign: int64 has no logical shift in torch."""
    return (state >> bits) & ((1 << (64 - bits)) - 1)


def _mix(state: Tensor) -> Tensor:
    state = (state ^ _shift(state, 30)) * _FIRST
    state = (state ^ _shift(state, 27)) * _SECOND
    return state ^ _shift(state, 31)


class SeededDraws:
    """Draw numbers per row from the row's own seed: a counter-based generator.

    Every quantity has a name, so that a new one does not change those that exist. Integer arithmetic alone
    decides the bits; they are the same on every machine.

    Args:
        seeds: One seed per row, on the CPU.
        purpose: What the numbers are for; the same seed gives other numbers for another purpose.
    """

    def __init__(self, seeds: Int[Tensor, " batch"], purpose: str) -> None:
        self._state = _mix(seeds.to(torch.int64) * _STEP + crc32(purpose.encode()))

    def uniform(self, name: str, *shape: int) -> Tensor:
        """Draw from the open interval (0, 1): float64 of shape (batch, *shape)."""
        count = math.prod(shape)
        counters = torch.arange(count, dtype=torch.int64) * _STEP + _signed(crc32(name.encode()) * _FIRST)
        bits = _mix(_mix(self._state[:, None] ^ counters) + _STEP)
        return (_shift(bits, 11).to(torch.float64) + 0.5).mul_(2.0**-53).reshape(-1, *shape)

    def normal(self, name: str, *shape: int, deviation: float = 1.0, limit: float = 3.0) -> Tensor:
        """Draw from a normal distribution cut at ``limit`` standard deviations."""
        tail = torch.special.ndtr(torch.tensor(-limit, dtype=torch.float64))
        return torch.special.ndtri(tail + (1 - 2 * tail) * self.uniform(name, *shape)) * deviation

    def choice(self, name: str, count: int, *shape: int) -> Tensor:
        """Draw integers from 0 to ``count`` - 1."""
        return (self.uniform(name, *shape) * count).to(torch.int64).clamp_(max=count - 1)
