"""Single precision for the search of codes, whatever surrounds it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

_EXACT = "ieee"
_NOT_SET = "none"  # neither here nor for all products: exact too


@contextmanager
def full_precision(device: torch.device) -> Iterator[None]:
    """Run without autocast and with exact float32 products.

    A product in bfloat16 or TF32 picks another code for 1 to 3 % of the vectors of each level, so tokens
    cached by one job would not be those of another. ``torch.set_float32_matmul_precision("medium")`` does so even
    on CPUs.
    """
    owner: Any = {"cuda": torch.backends.cuda, "cpu": torch.backends.mkldnn}.get(device.type)
    before = _EXACT if owner is None else owner.matmul.fp32_precision
    if before in (_EXACT, _NOT_SET) and not torch.is_autocast_enabled(device.type):
        yield  # as nearly always: setting it and entering autocast take as long as looking codes up
        return
    if owner is not None:
        owner.matmul.fp32_precision = _EXACT
    try:
        with torch.autocast(device.type, enabled=False):
            yield
    finally:
        if owner is not None:
            owner.matmul.fp32_precision = before
