"""Single precision for the search of codes, whatever surrounds it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

_EXACT = "ieee"


@contextmanager
def full_precision(device: torch.device) -> Iterator[None]:
    """Run without autocast and with exact float32 products.

    A product in bfloat16 or TF32 picks another code for 1 to 3 % of the vectors of each level, so tokens
    cached by one job would not be those of another. ``torch.set_float32_matmul_precision("medium")`` does so even
    on CPUs.
    """
    owner: Any = {"cuda": torch.backends.cuda, "cpu": torch.backends.mkldnn}.get(device.type)
    before = _EXACT if owner is None else owner.matmul.fp32_precision
    if before != _EXACT:
        owner.matmul.fp32_precision = _EXACT
    try:
        with torch.autocast(device.type, enabled=False):
            yield
    finally:
        if before != _EXACT:
            owner.matmul.fp32_precision = before
