"""The default quantizer: residual vector quantization on one grid."""

from __future__ import annotations

from zoo.quantizers.codebooks.checks import check_at_least_one, check_share
from zoo.quantizers.codebooks.grid_quantizer import GridQuantizer
from zoo.quantizers.codebooks.learned import LearnedCodebooks
from zoo.quantizers.codebooks.level_dropout import LevelDropout
from zoo.quantizers.codebooks.projection import Projection


class ResidualQuantizer(GridQuantizer):
    """Code latents by repeatedly coding what the previous levels left over.

    Level k picks the code nearest to the residual of levels 0..k-1; the output is the sum of the chosen codes
    (Lee et al. 2022, section 3.1, https://arxiv.org/abs/2203.01941). Differs from the paper: each level has its
    own codebook, codes start as k-means centres and restart when unused, and a random prefix of the levels is
    shown for some samples (level dropout; their tokens, commitment and lessons are of all levels).

    Args:
        latent_dim: Channels of the latents.
        num_levels: Residual steps, coarse to fine.
        codebook_size: Codes per level.
        code_dim: Channels of the codes, reached by a learned linear map; the latents' own if not given, and only
            then is the gradient towards the latents exactly the output's.
        decay: Share of the past in the moving averages that codes follow, per update; less at the first updates.
        restart_below: Codes used less than this share of the mean restart.
        level_dropout: How likely a sample is decoded from a random prefix of the levels in training.
        seed: Start of the random numbers for restarts and level dropout.

    Example:
        >>> import torch
        >>> quantizer = ResidualQuantizer(latent_dim=4, num_levels=2, codebook_size=8)
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
        decay: float = 0.99,
        restart_below: float = 0.03,
        level_dropout: float = 0.1,
        seed: int = 0,
    ) -> None:
        name = type(self).__name__
        code_dim = latent_dim if code_dim is None else code_dim
        check_at_least_one(
            name, latent_dim=latent_dim, num_levels=num_levels, codebook_size=codebook_size, code_dim=code_dim
        )
        check_share(name, decay=decay, restart_below=restart_below, level_dropout=level_dropout)
        super().__init__(
            Projection(latent_dim, code_dim),
            codebooks=LearnedCodebooks(
                code_dim,
                strides=(1,) * num_levels,
                codebook_size=codebook_size,
                decay=decay,
                restart_below=restart_below,
                seed=seed,
            ),
            level_dropout=LevelDropout(level_dropout, num_levels=num_levels, seed=seed),
            num_levels=num_levels,
            codebook_size=codebook_size,
        )
