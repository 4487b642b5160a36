"""Random numbers that follow from counters alone.

They are the same on every device, need no generator's state in a checkpoint, and no transfer to the host.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

_WORD = 0xFFFFFFFF


def random_keys(seed: int, counter: Int[Tensor, ""], num: int, *, start: int = 0) -> Int[Tensor, " {num}"]:
    """Give one number in ``0 .. 2^32 - 1`` for each of ``num`` positions from ``start`` on.

    Args:
        seed: Tells apart who asks.
        counter: How often it has been asked; kept in a buffer by the caller.
        num: How many numbers.
        start: The first position: positions 4 to 7 asked for alone get what they get among 0 to 7.
    """
    positions = torch.arange(start, start + num, device=counter.device)
    return _mix(_mix(_mix(counter.long() ^ (seed & _WORD))) ^ _mix(positions))


def random_uniform(seed: int, counter: Int[Tensor, ""], num: int) -> Float[Tensor, " {num}"]:
    """Give ``num`` numbers in [0, 1)."""
    return (random_keys(seed, counter, num) >> 8).float() / 2**24


def _mix(word: Tensor) -> Tensor:
    # Two rounds of xor, shift and multiply by an odd constant; products of two 32-bit words fit 63 bits.
    for _ in range(2):
        word = ((word ^ (word >> 16)) * 0x45D9F3B) & _WORD
    return word ^ (word >> 16)
