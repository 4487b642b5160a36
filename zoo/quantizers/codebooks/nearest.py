"""Search the nearest code of each vector."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

# Vectors and codes of a block of scores. On a CPU the block stays in the cache between product and search, and
# products of this size run faster than one whose result goes to memory.
_CPU_BLOCK = 2048, 1024
_ACCELERATOR_BLOCK = 16_384, 8192
_GROUP = 64


def half_norms(codes: Float[Tensor, "*level code dim"]) -> Float[Tensor, "*level code"]:
    """Give ``-|c|^2 / 2`` of each code, the part of a score that does not depend on the vector."""
    return torch.linalg.vector_norm(codes, dim=-1).square_().mul_(-0.5)


def nearest_codes(vectors: Float[Tensor, "vector dim"], codes: Float[Tensor, "code dim"]) -> Int[Tensor, " vector"]:
    """Give the index of the code with the least Euclidean distance; of equally near ones, any."""
    search, norms = NearestCodes(vectors.device, len(codes)), half_norms(codes)
    blocks = vectors.split(search.rows)
    return torch.cat([search(block, codes, norms) for block in blocks])


class NearestCodes:
    """Search code by code block, in memory of its own.

    The nearest code maximises ``r.c - |c|^2 / 2``: the norm of the vector, the root and the clamp of a distance
    change nothing. No more than a block of the scores ever exists.

    Attributes:
        rows: How many vectors a call should take, for speed.

    Args:
        device: Where the vectors are.
        num_codes: Codes of the codebooks to search.
    """

    def __init__(self, device: torch.device, num_codes: int) -> None:
        self.rows, columns = _CPU_BLOCK if device.type == "cpu" else _ACCELERATOR_BLOCK
        self._columns = min(columns, num_codes)
        self._scores: Tensor | None = None
        self._device = device
        self._in_groups = device.type == "cpu" and self._columns % _GROUP == 0 and self._columns > _GROUP
        self._first_group = torch.empty(0, dtype=torch.long)
        self._places = torch.arange(float(_GROUP))

    def __call__(
        self,
        vectors: Float[Tensor, "vector dim"],
        codes: Float[Tensor, "code dim"],
        norms: Float[Tensor, " code"],
    ) -> Int[Tensor, " vector"]:
        """Give the index of the nearest code of each vector.

        Args:
            vectors: What to look up.
            codes: The codebook.
            norms: ``half_norms(codes)``.
        """
        if self._scores is None or len(self._scores) < len(vectors) * self._columns:
            self._scores = torch.empty(len(vectors) * self._columns, device=self._device)
        best = found = None
        for start in range(0, len(codes), self._columns):
            part = codes[start : start + self._columns]
            scores = self._scores[: len(vectors) * len(part)].view(len(vectors), len(part))
            torch.mm(vectors, part.t(), out=scores).add_(norms[start : start + self._columns])
            score, index = self._row_maximum(scores)
            if best is None or found is None:
                best, found = score, index
            else:
                better = score > best
                best, found = torch.where(better, score, best), torch.where(better, index + start, found)
        assert found is not None
        return found

    def _row_maximum(self, scores: Tensor) -> tuple[Tensor, Tensor]:
        if not self._in_groups or scores.shape[1] != self._columns:
            return scores.max(-1)
        # A maximum with its index is not vectorised on CPU, one without is: find the group first, and then the place
        # inside as the largest of those that hold the maximum (0 if it is no number).
        groups = scores.view(len(scores), -1, _GROUP)
        if len(self._first_group) < len(scores):
            self._first_group = torch.arange(len(scores)) * groups.shape[1]
        score, group = groups.amax(-1).max(-1, keepdim=True)
        group = group[:, 0]
        inside = groups.view(-1, _GROUP).index_select(0, self._first_group[: len(scores)] + group)
        place = inside.eq_(score).mul_(self._places).amax(-1).long()
        return score[:, 0], place.add_(group, alpha=_GROUP)
