"""Between latents on a grid and the flat vectors that are looked up."""

from __future__ import annotations

from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from zoo.quantizers.codebooks.precision import full_precision
from zoo.shapes import Latents


class Projection(nn.Module):
    """Flatten latents into vectors and back, through a learned linear map where the codes have fewer channels.

    Args:
        latent_dim: Channels of the latents.
        code_dim: Channels of the codes; equal channels need no map and have none.
    """

    def __init__(self, latent_dim: int, code_dim: int) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.has_map = latent_dim != code_dim
        self.inward = nn.Linear(latent_dim, code_dim) if self.has_map else nn.Identity()
        self.outward = nn.Linear(code_dim, latent_dim, bias=False) if self.has_map else nn.Identity()

    def to_vectors(self, latents: Latents) -> Float[Tensor, "vector code_dim"]:
        """Give one vector for each cell, in single precision."""
        return self.inward(rearrange(latents.float(), "b d h w -> (b h w) d")).contiguous()

    def to_latents(self, vectors: Float[Tensor, "vector code_dim"], grid: tuple[int, int, int]) -> Latents:
        """Give latents on a grid of (batch, rows, cols)."""
        if self.has_map:
            with full_precision(vectors.device):
                vectors = self.outward(vectors)
        return vectors.view(*grid, -1).movedim(-1, 1)
