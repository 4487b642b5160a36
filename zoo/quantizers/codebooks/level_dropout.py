"""Show the decoder a random prefix of the levels of some samples, so that every prefix learns to decode."""

from __future__ import annotations

import torch
from jaxtyping import Int
from torch import Tensor, nn

from zoo.quantizers.codebooks.collectives import world
from zoo.quantizers.codebooks.random_keys import random_uniform


class LevelDropout(nn.Module):
    """Draw how many levels each sample keeps.

    Args:
        probability: How likely a sample loses levels.
        num_levels: How many levels there are; a sample that loses some keeps 1 to ``num_levels - 1``, evenly.
        seed: Start of the random numbers.
    """

    calls: Tensor

    def __init__(self, probability: float, *, num_levels: int, seed: int) -> None:
        super().__init__()
        self.probability, self.num_levels, self.seed = probability, num_levels, seed
        self.register_buffer("calls", torch.zeros((), dtype=torch.long))

    def forward(self, num_samples: int) -> Int[Tensor, " {num_samples}"] | None:
        """Give the number of levels kept by each sample, or None where all keep all."""
        if not self.training or self.probability == 0 or self.num_levels == 1:
            return None
        seed = 2 * (self.seed + 65_537 * world()[1])
        dropped = random_uniform(seed, self.calls, num_samples) < self.probability
        prefix = 1 + (random_uniform(seed + 1, self.calls, num_samples) * (self.num_levels - 1)).long()
        self.calls += 1
        return torch.where(dropped, prefix, self.num_levels)
