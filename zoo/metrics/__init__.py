"""Metrics: what is counted over a whole data set, with the functions that count. Losses live in ``zoo.losses``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo.metrics.aaad import AAAD as AAAD

__all__ = ["AAAD"]


def __getattr__(name: str) -> object:
    # torchmetrics is imported where a metric is used, not with the package
    if name == "AAAD":
        from zoo.metrics.aaad import AAAD

        return AAAD
    message = f"module 'zoo.metrics' has no attribute {name!r}"
    raise AttributeError(message)
