"""Single precision for the search of codes, whatever surrounds it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def full_precision(device: torch.device) -> Iterator[None]:
    """Run without autocast and with exact float32 products.

    A product in bfloat16 or TF32 picks another code for 1 to 3 % of the vectors of each level, so tokens
    cached by one job would not be those of another.
    """
    precision = torch.get_float32_matmul_precision()
    if precision != "highest":
        torch.set_float32_matmul_precision("highest")
    try:
        with torch.autocast(device.type, enabled=False):
            yield
    finally:
        if precision != "highest":
            torch.set_float32_matmul_precision(precision)
