"""Residual lookup-free quantization."""

from __future__ import annotations

from zoo.quantizers.codebooks.checks import check_at_least_one, check_share
from zoo.quantizers.codebooks.grid_quantizer import GridQuantizer
from zoo.quantizers.codebooks.lattice import Lattice
from zoo.quantizers.codebooks.level_dropout import LevelDropout
from zoo.quantizers.codebooks.projection import Projection


class ResidualLFQQuantizer(GridQuantizer):
    """Keep the sign of each channel, and the sign of the rest, level by level at half the size.

    Lookup-free quantization (Yu et al. 2023, section 3.1, https://arxiv.org/abs/2310.05737), applied again to what is
    left over. Differs: signs are taken around the moving mean of each channel and scaled by its deviation, so that
    each bit is used about evenly without the paper's entropy loss.

    Args:
        latent_dim: Channels of the latents. Other than one for each bit of a token, a learned linear map lies between,
            and the gradient towards the latents is no longer exactly the output's.
        num_levels: Residual steps, coarse to fine.
        codebook_size: Codes per level, a power of two.
        decay: Share of the past in the moving mean and variance that set the scale, per update.
        level_dropout: How likely a sample is decoded from a random prefix of the levels in training.
        seed: Start of the random numbers for level dropout.

    Example:
        >>> import torch
        >>> quantizer = ResidualLFQQuantizer(latent_dim=3, num_levels=2, codebook_size=8)
        >>> quantizer(torch.zeros(1, 3, 2, 2)).tokens.shape
        torch.Size([1, 2, 2, 2])
    """

    def __init__(
        self,
        latent_dim: int,
        *,
        num_levels: int = 8,
        codebook_size: int = 65_536,
        decay: float = 0.99,
        level_dropout: float = 0.1,
        seed: int = 0,
    ) -> None:
        name = type(self).__name__
        check_at_least_one(name, latent_dim=latent_dim, num_levels=num_levels)
        check_share(name, decay=decay, level_dropout=level_dropout)
        if codebook_size < 2 or codebook_size & (codebook_size - 1):
            message = f"{name}: codebook_size must be a power of two, got {codebook_size!r}. Try 256 or 65536."
            raise ValueError(message)
        num_bits = codebook_size.bit_length() - 1
        super().__init__(
            Projection(latent_dim, num_bits),
            codebooks=Lattice([2] * num_bits, num_levels=num_levels, decay=decay),
            level_dropout=LevelDropout(level_dropout, num_levels=num_levels, seed=seed),
            num_levels=num_levels,
            codebook_size=codebook_size,
        )
