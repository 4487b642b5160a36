"""Residual finite scalar quantization."""

from __future__ import annotations

import math
from collections.abc import Sequence

from zoo.quantizers.codebooks.checks import check_at_least_one, check_share
from zoo.quantizers.codebooks.grid_quantizer import GridQuantizer
from zoo.quantizers.codebooks.lattice import Lattice
from zoo.quantizers.codebooks.level_dropout import LevelDropout
from zoo.quantizers.codebooks.projection import Projection


class ResidualFSQQuantizer(GridQuantizer):
    """Round each channel to a few bins, and the rest again, level by level.

    Finite scalar quantization (Mentzer et al. 2023, section 3.1, https://arxiv.org/abs/2309.15505; its "levels" are
    bins here), applied again to what is left over. Differs: the scale follows mean and deviation of the latents
    where the paper bounds them with tanh, which leaves most codes of the first level unused and shrinks the
    encoder's gradient.

    Args:
        latent_dim: Channels of the latents. Other than the number of bins, a learned linear map lies between, and the
            gradient towards the latents is no longer exactly the output's.
        num_levels: Residual steps, coarse to fine.
        bins: Values of each channel; their product is the codebook size.
        decay: Share of the past in the moving mean and variance that set the scale, per update.
        level_dropout: How likely a sample is decoded from a random prefix of the levels in training.
        seed: Start of the random numbers for level dropout.

    Example:
        >>> import torch
        >>> quantizer = ResidualFSQQuantizer(latent_dim=2, num_levels=2, bins=[4, 4])
        >>> quantizer(torch.zeros(1, 2, 2, 2)).tokens.shape
        torch.Size([1, 2, 2, 2])
    """

    def __init__(
        self,
        latent_dim: int,
        *,
        num_levels: int = 8,
        bins: Sequence[int] = (8, 8, 8, 4, 4),
        decay: float = 0.99,
        level_dropout: float = 0.1,
        seed: int = 0,
    ) -> None:
        name = type(self).__name__
        check_at_least_one(name, latent_dim=latent_dim, num_levels=num_levels)
        check_share(name, decay=decay, level_dropout=level_dropout)
        if not bins or min(bins) < 2:
            message = f"{name}: bins must be a number of at least 2 for each channel, got {list(bins)}. Try [4, 4, 4]."
            raise ValueError(message)
        super().__init__(
            Projection(latent_dim, len(bins)),
            codebooks=Lattice(bins, num_levels=num_levels, decay=decay),
            level_dropout=LevelDropout(level_dropout, num_levels=num_levels, seed=seed),
            num_levels=num_levels,
            codebook_size=math.prod(bins),
        )
