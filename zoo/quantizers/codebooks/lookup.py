"""Look codes up and add them."""

from __future__ import annotations

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional


def sum_codes(
    tokens: Int[Tensor, "vector prefix"],
    codes: Float[Tensor, "level code dim"],
    kept: Int[Tensor, " vector"] | None = None,
) -> Float[Tensor, "vector dim"]:
    """Add the codes of the first levels.

    Args:
        tokens: One token for each vector and level; levels may be fewer than there are codebooks.
        codes: The codebooks.
        kept: For each vector, how many levels count, at least 1; all of them if not given.
    """
    if tokens.shape[1] == 1:
        return codes.flatten(0, 1).index_select(0, tokens.flatten())
    levels = torch.arange(tokens.shape[1], device=tokens.device)
    table = rearrange(codes, "level code dim -> (level code) dim")
    weights = None if kept is None else (levels < kept[:, None]).to(codes.dtype)
    return functional.embedding_bag(tokens + levels * codes.shape[1], table, mode="sum", per_sample_weights=weights)


def each_code(
    tokens: Int[Tensor, "vector prefix"], codes: Float[Tensor, "level code dim"]
) -> Float[Tensor, "vector prefix dim"]:
    """Give the codes of the first levels, one by one."""
    levels = torch.arange(tokens.shape[1], device=tokens.device)
    return codes[levels, tokens]
