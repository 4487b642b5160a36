"""Who said what: which file or option gave each key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

COMMAND_LINE = "the command line"


@dataclass(frozen=True)
class Origin:
    """Who gave a value.

    Attributes:
        value: The value as given.
        source: A file, or the command line.
        exact: Whether the very key was found, not only one above it.
    """

    value: Any
    source: str
    exact: bool


class Origins:
    """Which file or option gave each key; later entries win."""

    def __init__(self) -> None:
        self._given: dict[str, tuple[Any, str]] = {}

    def add(self, key: str, value: Any, source: str) -> None:
        """Remember who gave a key."""
        key = _without_classes(key)
        self._given.pop(key, None)
        self._given[key] = (value, source)

    def of(self, key: str) -> Origin | None:
        """Find who gave a key, or else the nearest key above it."""
        parts = _without_classes(key).split(".")
        for length in range(len(parts), 0, -1):
            found = self._given.get(".".join(parts[:length]))
            if found:
                return Origin(found[0], found[1], exact=length == len(parts))
        return None

    def keys_ending_with(self, name: str) -> list[str]:
        """Find the keys whose last part is a name."""
        return [key for key in self._given if key.rpartition(".")[2] == name]


def _without_classes(key: str) -> str:
    return ".".join(part for part in key.split(".") if part not in ("init_args", "class_path"))
