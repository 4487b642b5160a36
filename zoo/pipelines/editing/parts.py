"""Which cells of the token grid belong to which part of an aligned face."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Bool
from torch import Tensor

Part = Literal["brows", "eyes", "mouth", "upper", "lower"]
# top and bottom of each part as shares of the height of an aligned crop, where the eyes lie at 42 % and the mouth
# corners at 75 %
_BANDS: dict[str, tuple[float, float]] = {
    "brows": (0.10, 0.40),
    "eyes": (0.34, 0.56),
    "mouth": (0.62, 1.0),
    "upper": (0.0, 0.56),
    "lower": (0.52, 1.0),
}


def kept_cells(part: Part, *, rows: int, cols: int) -> Bool[Tensor, "rows cols"]:
    """Give the cells that stay when one part is drawn anew: those whose centre lies outside of it.

    Args:
        part: What is drawn anew; ``upper`` and ``lower`` are the face above and below the middle of the nose.
        rows: Rows of the token grid.
        cols: Columns of the token grid.

    Example:
        >>> kept_cells("lower", rows=4, cols=1).flatten().tolist()
        [True, True, False, False]
    """
    top, bottom = _BANDS[part]
    centre = (torch.arange(rows) + 0.5) / rows
    return ((centre < top) | (centre > bottom))[:, None].expand(rows, cols).clone()
