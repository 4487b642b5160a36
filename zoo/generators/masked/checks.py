"""Refuse what cannot be built or drawn, in words that tell the cure."""

from __future__ import annotations

from zoo.sampling import Sampling


def check_sizes(name: str, **sizes: int) -> None:
    """Raise unless every size is at least 1.

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


def check_sampling(name: str, sampling: Sampling) -> None:
    """Raise unless tokens can be drawn so.

    Raises:
        ValueError: A number is out of its range, or a word is unknown.
    """
    check_sizes(f"{name}.sample", steps=sampling.steps)
    for argument in ("temperature", "choice_temperature", "revise_rounds"):
        value = getattr(sampling, argument)
        if not value >= 0:
            message = f"{name}.sample: {argument} must be at least 0, got {value!r}."
            raise ValueError(message)
    for argument, words in (("order", ("confidence", "halton")), ("guidance_schedule", ("constant", "ramp"))):
        value = getattr(sampling, argument)
        if value not in words:
            message = f"{name}.sample: {argument} must be one of {', '.join(words)}, got {value!r}."
            raise ValueError(message)
