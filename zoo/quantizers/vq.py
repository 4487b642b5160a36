"""Plain vector quantization, one level."""

from __future__ import annotations

from zoo.quantizers.codebooks.checks import check_at_least_one, check_share
from zoo.quantizers.codebooks.grid_quantizer import GridQuantizer
from zoo.quantizers.codebooks.learned import LearnedCodebooks
from zoo.quantizers.codebooks.level_dropout import LevelDropout
from zoo.quantizers.codebooks.projection import Projection


class VQQuantizer(GridQuantizer):
    """Code each cell of the latents with the nearest code of one codebook.

    Section 3.1 and appendix A.1 of van den Oord et al. 2017 (https://arxiv.org/abs/1711.00937). Differs: codes
    start as k-means centres and restart when unused.

    Args:
        latent_dim: Channels of the latents.
        codebook_size: Codes.
        code_dim: Channels of the codes, reached by a learned linear map; the latents' own if not given, and only
            then is the gradient towards the latents exactly the output's.
        decay: Share of the past in the moving averages that codes follow, per update; less at the first updates.
        restart_below: Codes used less than this share of the mean restart.
        seed: Start of the random numbers for restarts.

    Example:
        >>> import torch
        >>> quantizer = VQQuantizer(latent_dim=4, codebook_size=8)
        >>> quantizer(torch.zeros(1, 4, 2, 2)).tokens.shape
        torch.Size([1, 1, 2, 2])
    """

    def __init__(
        self,
        latent_dim: int,
        *,
        codebook_size: int = 8192,
        code_dim: int | None = None,
        decay: float = 0.99,
        restart_below: float = 0.03,
        seed: int = 0,
    ) -> None:
        name = type(self).__name__
        code_dim = latent_dim if code_dim is None else code_dim
        check_at_least_one(name, latent_dim=latent_dim, codebook_size=codebook_size, code_dim=code_dim)
        check_share(name, decay=decay, restart_below=restart_below)
        super().__init__(
            Projection(latent_dim, code_dim),
            codebooks=LearnedCodebooks(
                code_dim, strides=(1,), codebook_size=codebook_size, decay=decay, restart_below=restart_below, seed=seed
            ),
            level_dropout=LevelDropout(0.0, num_levels=1, seed=seed),
            num_levels=1,
            codebook_size=codebook_size,
        )
