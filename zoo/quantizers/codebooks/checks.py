"""Refuse what cannot be quantized, in words that tell the cure."""

from __future__ import annotations


def check_at_least_one(name: str, **sizes: int) -> None:
    """Raise unless every size is a number of at least 1.

    Raises:
        ValueError: One is not.
    """
    for argument, size in sizes.items():
        if size < 1:
            message = f"{name}: {argument} must be at least 1, got {size!r}."
            raise ValueError(message)


def check_share(name: str, **shares: float) -> None:
    """Raise unless every share is in [0, 1).

    Raises:
        ValueError: One is not.
    """
    for argument, share in shares.items():
        if not 0 <= share < 1:
            message = f"{name}: {argument} must be in [0, 1), got {share!r}."
            raise ValueError(message)
