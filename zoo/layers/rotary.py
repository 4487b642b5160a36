"""Positions on a grid as rotations of queries and keys."""

from __future__ import annotations

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn

_BASE = 100.0  # wavelengths up to some hundred cells; the 10,000 of language models leaves most pairs still on a grid


class GridRotation(nn.Module):
    """Turn pairs of channels by angles that grow with row and column, so that attention sees relative positions.

    Rotary embedding (Su et al. 2021, section 3.2, https://arxiv.org/abs/2104.09864), half of the pairs for the row and
    half for the column.

    Args:
        rows: Rows of the grid.
        cols: Columns of the grid.
        head_dim: Channels of each head; a multiple of 4.
        copies: How often the grid stands one after another in the sequence.
    """

    cosine: Tensor
    sine: Tensor

    def __init__(self, rows: int, cols: int, *, head_dim: int, copies: int = 1) -> None:
        super().__init__()
        if head_dim % 4:
            message = f"GridRotation: head_dim must be a multiple of 4, got {head_dim}. Change dim or num_heads."
            raise ValueError(message)
        frequencies = _BASE ** -torch.linspace(0, 1, head_dim // 4 + 1, dtype=torch.float64)[:-1]
        row = torch.arange(rows)[:, None, None] * frequencies
        col = torch.arange(cols)[None, :, None] * frequencies
        angles = torch.cat([row.expand(-1, cols, -1), col.expand(rows, -1, -1)], -1)
        angles = rearrange(angles, "h w d -> (h w) d").repeat(copies, 1)
        self.register_buffer("cosine", angles.cos().float(), persistent=False)
        self.register_buffer("sine", angles.sin().float(), persistent=False)

    def forward(
        self, vectors: Float[Tensor, "*batch place dim"], *, places: Int[Tensor, "*few place"] | None = None
    ) -> Float[Tensor, "*batch place dim"]:
        """Turn vectors; pairs are neighbouring channels.

        Args:
            vectors: One for each place, of heads or samples.
            places: Where they are; by default one after another through the whole grid.
        """
        cosine, sine = self.cosine, self.sine
        if places is not None:
            cosine, sine = cosine[places], sine[places]
        if not torch.compiler.is_compiling():
            # one pass over memory instead of four; compilers fuse the real form, but not this one
            real = vectors if vectors.dtype in (torch.float32, torch.float64) else vectors.float()
            turns = torch.complex(cosine.to(real.dtype), sine.to(real.dtype))  # which no bfloat16 could be made into
            product = torch.view_as_complex(real.unflatten(-1, (-1, 2))) * turns
            return torch.view_as_real(product).flatten(-2).to(vectors.dtype)
        first, second = vectors.unflatten(-1, (-1, 2)).unbind(-1)
        turned = first * cosine - second * sine, first * sine + second * cosine
        return torch.stack(turned, -1).flatten(-2)
