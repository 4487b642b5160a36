"""Search the nearest code of each vector."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

# Scores are formed block by block, so that a block stays in the cache between the product and the search.
_CPU_BLOCK = 512, 2048
_ACCELERATOR_BLOCK = 16384, 8192
_GROUP = 64


def half_norms(codes: Float[Tensor, "*level code dim"]) -> Float[Tensor, "*level code"]:
    """Give ``-|c|^2 / 2`` of each code, the part of a score that does not depend on the vector."""
    return torch.linalg.vector_norm(codes, dim=-1).square_().mul_(-0.5)


def nearest_codes(
    vectors: Float[Tensor, "vector dim"],
    codes: Float[Tensor, "code dim"],
    norms: Float[Tensor, " code"] | None = None,
) -> Int[Tensor, " vector"]:
    """Give the index of the code with the least Euclidean distance; of equally near ones, any.

    The nearest code maximises ``r.c - |c|^2 / 2``: the norm of the vector, the root and the clamp of a
    distance change nothing. No more than a block of the scores ever exists.

    Args:
        vectors: What to look up.
        codes: The codebook.
        norms: ``half_norms(codes)``, where it is at hand.
    """
    norms = half_norms(codes) if norms is None else norms
    rows, columns = _CPU_BLOCK if vectors.device.type == "cpu" else _ACCELERATOR_BLOCK
    rows, columns = min(rows, len(vectors)), min(columns, len(codes))
    tokens = torch.empty(len(vectors), dtype=torch.long, device=vectors.device)
    buffer = torch.empty(rows * columns, device=vectors.device)
    for i in range(0, len(vectors), max(rows, 1)):
        block = vectors[i : i + rows]
        best: Tensor | None = None
        found = tokens[i : i + rows]
        for j in range(0, len(codes), columns):
            part = codes[j : j + columns]
            scores = buffer[: len(block) * len(part)].view(len(block), len(part))
            torch.addmm(norms[j : j + columns], block, part.t(), out=scores)
            score, index = _row_maximum(scores)
            if best is None:
                best = score
                found.copy_(index)
            else:
                better = score > best
                best = torch.where(better, score, best)
                found.copy_(torch.where(better, index + j, found))
    return tokens


def _row_maximum(scores: Tensor) -> tuple[Tensor, Tensor]:
    # A maximum with its index is not vectorised on CPU, one without is: find the group first, then look inside.
    rows, columns = scores.shape
    if scores.device.type != "cpu" or columns % _GROUP or columns == _GROUP:
        return scores.max(-1)
    groups = scores.view(rows, -1, _GROUP)
    group = groups.amax(-1).argmax(-1)
    score, index = groups[torch.arange(rows), group].max(-1)
    return score, index.add_(group, alpha=_GROUP)
