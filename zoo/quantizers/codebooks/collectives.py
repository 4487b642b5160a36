"""Talk between processes, if there are any. The process group is looked for at each call.

A codec is built before or after the process group, as the trainer likes; nothing may remember which.
"""

from __future__ import annotations

import torch
from torch import Tensor, distributed


def world() -> tuple[int, int]:
    """Give the number of processes and the rank of this one."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_world_size(), distributed.get_rank()
    return 1, 0


def sum_over_ranks(*parts: Tensor) -> list[Tensor]:
    """Sum float32 tensors over all processes, in a single message; every rank receives the same bits."""
    if world()[0] == 1:
        return list(parts)
    message = torch.cat([part.flatten() for part in parts])
    distributed.all_reduce(message)
    sums = message.split([part.numel() for part in parts])
    return [total.view(part.shape) for total, part in zip(sums, parts, strict=True)]


def in_own_slot(part: Tensor) -> Tensor:
    """Put a tensor into this rank's slot of ``(world, *shape)`` zeros, so that a sum over ranks gathers it."""
    size, rank = world()
    if size == 1:
        return part[None]
    slots = part.new_zeros(size, *part.shape)
    slots[rank] = part
    return slots


def from_first_rank(*parts: Tensor) -> list[Tensor]:
    """Give every process the first one's float32 tensors, in a single message."""
    if world()[0] == 1:
        return list(parts)
    message = torch.cat([part.flatten() for part in parts])
    distributed.broadcast(message, src=0)
    received = message.split([part.numel() for part in parts])
    return [part.view(shape.shape) for part, shape in zip(received, parts, strict=True)]
