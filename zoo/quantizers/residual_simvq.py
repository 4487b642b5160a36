"""Residual SimVQ: codebooks that are linear images of one frozen table."""

from __future__ import annotations

from zoo.quantizers.codebooks.checks import check_at_least_one, check_share
from zoo.quantizers.codebooks.grid_quantizer import GridQuantizer
from zoo.quantizers.codebooks.level_dropout import LevelDropout
from zoo.quantizers.codebooks.linear import LinearCodebooks
from zoo.quantizers.codebooks.projection import Projection


class ResidualSimVQQuantizer(GridQuantizer):
    """Code what is left over, level by level, with a frozen random table seen through a learned linear map.

    SimVQ (Zhu et al. 2024, section 4, https://arxiv.org/abs/2411.02038), applied again to what is left over. Differs:
    all levels share the table, each has its own map with an offset, started at the covariance of the first batch; the
    commitment loss teaches both the latents and the map, with one weight.

    Args:
        latent_dim: Channels of the latents.
        num_levels: Residual steps, coarse to fine.
        codebook_size: Codes per level.
        code_dim: Channels of the codes, reached by a learned linear map; the latents' own if not given, and only
            then is the gradient towards the latents exactly the output's.
        level_dropout: How likely a sample is decoded from a random prefix of the levels in training.
        seed: Start of the random numbers for the table and for level dropout.

    Example:
        >>> import torch
        >>> quantizer = ResidualSimVQQuantizer(latent_dim=4, num_levels=2, codebook_size=8)
        >>> quantizer(torch.zeros(1, 4, 2, 2)).tokens.shape
        torch.Size([1, 2, 2, 2])
    """

    def __init__(
        self,
        latent_dim: int,
        *,
        num_levels: int = 8,
        codebook_size: int = 8192,
        code_dim: int | None = None,
        level_dropout: float = 0.1,
        seed: int = 0,
    ) -> None:
        name = type(self).__name__
        code_dim = latent_dim if code_dim is None else code_dim
        check_at_least_one(
            name, latent_dim=latent_dim, num_levels=num_levels, codebook_size=codebook_size, code_dim=code_dim
        )
        check_share(name, level_dropout=level_dropout)
        super().__init__(
            Projection(latent_dim, code_dim),
            codebooks=LinearCodebooks(code_dim, num_levels=num_levels, codebook_size=codebook_size, seed=seed),
            level_dropout=LevelDropout(level_dropout, num_levels=num_levels, seed=seed),
            num_levels=num_levels,
            codebook_size=codebook_size,
        )
