"""Prompts as ids for a text encoder that reads few at a time: what is longer is cut, or read in chunks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

LongPrompts = Literal["truncate", "chunk"]


@dataclass(frozen=True)
class Marks:
    """Ids that are no words.

    Attributes:
        start: Before each chunk.
        end: Behind it.
        padding: Fills it up.
    """

    start: int
    end: int
    padding: int


@dataclass(frozen=True)
class PromptIds:
    """Prompts as ids.

    Attributes:
        ids: Each chunk begins with its start and ends with its end, and padding.
        present: Which chunks are a prompt's; one has as many as it needs.
        given: How many ids each prompt has, without marks.
        read: How many of these are left.
    """

    ids: Int[Tensor, "batch chunk position"]
    present: Bool[Tensor, "batch chunk"]
    given: Int[Tensor, " batch"]
    read: Int[Tensor, " batch"]


@dataclass(frozen=True)
class EncodedPrompts:
    """What the text encoder gives.

    Attributes:
        features: Of each chunk; chunks that are not present are those of an empty prompt.
        present: Which chunks are a prompt's.
        given: How many ids each prompt has.
        read: How many of these the text encoder saw.
    """

    features: Float[Tensor, "batch chunk position text_dim"]
    present: Bool[Tensor, "batch chunk"]
    given: Int[Tensor, " batch"]
    read: Int[Tensor, " batch"]


def in_chunks(prompts: Sequence[Sequence[int]], *, length: int, marks: Marks, long_prompts: LongPrompts) -> PromptIds:
    """Lay ids out in chunks.

    Args:
        prompts: Ids of each, without marks.
        length: Ids of a chunk, with marks.
        marks: Ids that are no words.
        long_prompts: ``truncate`` keeps the first chunk alone, ``chunk`` all.

    Example:
        >>> marks = Marks(start=8, end=9, padding=0)
        >>> laid_out = in_chunks([[1, 2, 3], [4]], length=4, marks=marks, long_prompts="chunk")
        >>> laid_out.ids.tolist(), laid_out.present.tolist()
        ([[[8, 1, 2, 9], [8, 3, 9, 0]], [[8, 4, 9, 0], [8, 9, 0, 0]]], [[True, True], [True, False]])
    """
    room = length - 2
    kept = [list(each[:room] if long_prompts == "truncate" else each) for each in prompts]
    parts = [[each[at : at + room] for at in range(0, max(1, len(each)), room)] for each in kept]
    most = max(map(len, parts))
    rows = [[_chunk(part, length, marks) for part in (*each, *[[]] * (most - len(each)))] for each in parts]
    counts = torch.tensor([len(each) for each in parts])
    return PromptIds(
        ids=torch.tensor(rows),
        present=torch.arange(most) < counts[:, None],
        given=torch.tensor([len(each) for each in prompts]),
        read=torch.tensor([len(each) for each in kept]),
    )


def _chunk(ids: Sequence[int], length: int, marks: Marks) -> list[int]:
    chunk = [marks.start, *ids, marks.end]
    return chunk + [marks.padding] * (length - len(chunk))
