"""Mistakes of the user: said in one short message, with the nearest right names, and told apart from our own bugs."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

from lightning_modules.cli.classes import PACKAGES, PROJECT


class UserError(Exception):
    """Something that the user can put right; shown as ``error: ...`` without a traceback."""


def nearest(name: str, known: Iterable[str], *, count: int = 3, cutoff: float = 0.6) -> list[str]:
    """Name the known names that are most like a misspelt one, the likeliest first."""
    known = list(dict.fromkeys(known))
    lowered = {each.lower(): each for each in reversed(known)}
    matches = difflib.get_close_matches(name.lower(), lowered, count, cutoff=cutoff)
    return [lowered[match] for match in matches]


def did_you_mean(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """Say the nearest names as a question; empty if none is near."""
    found = nearest(name, known, cutoff=cutoff)
    return f" Did you mean {' or '.join(repr(each) for each in found)}?" if found else ""


def raised_by_us(error: BaseException) -> bool:
    """Whether this project's code raised an error, knowingly: the innermost frame is ours."""
    file = _raised_in(error)
    return file is not None and any(file.is_relative_to(PROJECT / package) for package in PACKAGES)


def raised_by_lightning(error: BaseException) -> bool:
    """Whether Lightning's own code raised an error, which it does where options don't fit each other."""
    file = _raised_in(error)
    return file is not None and not {"pytorch_lightning", "lightning_fabric"}.isdisjoint(file.parts)


def _raised_in(error: BaseException) -> Path | None:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return None if trace is None else Path(trace.tb_frame.f_code.co_filename).resolve()
