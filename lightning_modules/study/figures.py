"""Read the figures that a measurement wrote, whichever command it was."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lightning_modules.cli.config_files import shown
from lightning_modules.cli.errors import UserError

_TIDY = {"set", "group", "system", "figure", "value", "low", "high"}


def read_figures(file: Path) -> dict[str, Any]:
    """Read figures as nested keys.

    ``metrics.json`` of ``python cli.py evaluate`` holds records. Of these, ``model.au_f1`` is the figure of the system
    ``model`` on all frames, ``model.conflicting.au_f1`` on a group of them; ``model.au_f1_interval`` is its interval.

    Args:
        file: A JSON file.

    Raises:
        UserError: It can't be read.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        message = f"{shown(file)} must be JSON with figures, and can't be read: {error}"
        raise UserError(message) from error
    if not isinstance(content, dict):
        message = f"{shown(file)} must hold keys and figures, got {type(content).__name__}."
        raise UserError(message)
    records = content.get("figures")
    if (
        isinstance(records, list)
        and records
        and all(isinstance(each, dict) and each.keys() >= _TIDY for each in records)
    ):
        return _nested(records)
    return content


def figure(figures: Mapping[str, Any], key: str) -> Any:
    """Look a figure up; dots go deeper. None where it is not there.

    Example:
        >>> figure({"model": {"au_f1": 0.5}}, "model.au_f1")
        0.5
    """
    if key in figures:
        return figures[key]
    head, dot, rest = key.partition(".")
    inner = figures.get(head)
    return figure(inner, rest) if dot and isinstance(inner, Mapping) else None


def interval(figures: Mapping[str, Any], key: str, named: str | None = None) -> tuple[float, float] | None:
    """Look the interval of a figure up: under its own name, else under the figure's with ``_interval``."""
    ends = figure(figures, named or f"{key}_interval")
    if isinstance(ends, list) and len(ends) == 2 and all(isinstance(each, int | float) for each in ends):
        return float(ends[0]), float(ends[1])
    return None


def names(figures: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """Name all keys, those inside with dots."""
    for key, value in figures.items():
        yield f"{above}{key}"
        if isinstance(value, Mapping):
            yield from names(value, f"{above}{key}.")


def _nested(records: list[dict[str, Any]]) -> dict[str, Any]:
    whole = records[0]["group"]  # of all frames, which come first
    found: dict[str, Any] = {}
    for record in records:
        place = found.setdefault(record["system"], {})
        if record["group"] != whole:
            place = place.setdefault(record["group"], {})
        place[record["figure"]] = record["value"]
        place[f"{record['figure']}_interval"] = [record["low"], record["high"]]
    return found
