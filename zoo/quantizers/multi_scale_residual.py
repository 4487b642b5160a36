"""Residual vector quantization over a pyramid of grids."""

from __future__ import annotations

from collections.abc import Sequence

from zoo.quantizers.codebooks.checks import check_at_least_one, check_share
from zoo.quantizers.codebooks.grid_quantizer import GridQuantizer
from zoo.quantizers.codebooks.learned import LearnedCodebooks
from zoo.quantizers.codebooks.level_dropout import LevelDropout
from zoo.quantizers.codebooks.projection import Projection


class MultiScaleResidualQuantizer(GridQuantizer):
    """Code what is left over on grids that become finer from level to level.

    After VAR's tokenizer (Tian et al. 2024, algorithms 1 and 2, https://arxiv.org/abs/2404.02905). Differs: a level
    of stride s codes the mean residual of each square of s x s cells, and its code counts in all of them; VAR
    interpolates and convolves. So tokens keep one shape for all levels: a token is repeated over its square, and
    ``tokens[:, level, ::s, ::s]`` is the level's own grid. Each level has its own codebook.

    Args:
        latent_dim: Channels of the latents.
        strides: For each level, the side of the squares that one token codes, coarse to fine. Rows and cols of the
            latents must be multiples of each.
        codebook_size: Codes per level.
        code_dim: Channels of the codes, reached by a learned linear map; the latents' own if not given, and only
            then is the gradient towards the latents exactly the output's.
        decay: Share of the past in the moving averages that codes follow, per update; less at the first updates.
        restart_below: Codes used less than this share of the mean restart.
        level_dropout: How likely a sample is decoded from a random prefix of the levels in training.
        seed: Start of the random numbers for restarts and level dropout.

    Example:
        >>> import torch
        >>> quantizer = MultiScaleResidualQuantizer(latent_dim=4, strides=[2, 1], codebook_size=8)
        >>> quantizer(torch.zeros(1, 4, 2, 2)).tokens.shape
        torch.Size([1, 2, 2, 2])
    """

    def __init__(
        self,
        latent_dim: int,
        *,
        strides: Sequence[int] = (8, 4, 4, 2, 2, 1, 1, 1),
        codebook_size: int = 8192,
        code_dim: int | None = None,
        decay: float = 0.99,
        restart_below: float = 0.03,
        level_dropout: float = 0.1,
        seed: int = 0,
    ) -> None:
        name = type(self).__name__
        code_dim = latent_dim if code_dim is None else code_dim
        check_at_least_one(name, latent_dim=latent_dim, codebook_size=codebook_size, code_dim=code_dim)
        check_share(name, decay=decay, restart_below=restart_below, level_dropout=level_dropout)
        if not strides or min(strides) < 1 or list(strides) != sorted(strides, reverse=True):
            message = (
                f"{name}: strides must be numbers of at least 1 that do not grow, got {list(strides)}. "
                "Two coarse levels and two fine ones are [4, 2, 1, 1]."
            )
            raise ValueError(message)
        super().__init__(
            Projection(latent_dim, code_dim),
            codebooks=LearnedCodebooks(
                code_dim,
                strides=tuple(strides),
                codebook_size=codebook_size,
                decay=decay,
                restart_below=restart_below,
                seed=seed,
            ),
            level_dropout=LevelDropout(level_dropout, num_levels=len(strides), seed=seed),
            num_levels=len(strides),
            codebook_size=codebook_size,
        )
