"""What jsonargparse says is wrong, a nested trace in its own words, read into its leaves."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Complaint:
    """One leaf of jsonargparse's trace.

    Attributes:
        key: Dotted key, without ``init_args``.
        owner: Class path of the component whose argument the key is, if it is one.
        named: Class path that was given at the key and could not be used.
        text: What is wrong.
    """

    key: str
    owner: str | None
    named: str | None
    text: str


def complaints(message: str) -> list[Complaint]:
    """Read jsonargparse's nested trace into its leaves."""
    found: list[Complaint] = []
    stack: list[tuple[int, str, str]] = []  # indentation, "key" or "class", its value
    for line in message.splitlines():
        stripped = line.lstrip()
        indent = len(line) - len(stripped)
        while stripped.startswith("- "):
            stripped, indent = stripped[2:].lstrip(), indent + 2
        if not stripped or NOISE.match(stripped):
            continue
        while stack and stack[-1][0] >= indent:
            stack.pop()
        while match := _STEP.match(stripped):
            stack.append((indent, "key" if match["key"] else "class", match["key"] or match["name"]))
            stripped, indent = stripped[match.end() :].strip(), indent + 1
        if stripped:
            keys = [value for _, kind, value in stack if kind == "key"]
            classes = [value for _, kind, value in stack if kind == "class"]
            on_class = bool(stack) and stack[-1][1] == "class"
            found.append(
                Complaint(
                    key=".".join(keys),
                    owner=_owner(stack),
                    named=classes[-1] if on_class else None,
                    text=stripped,
                )
            )
    return found


NOISE = re.compile(
    r"Does not validate against|Subtypes:|Errors:|Given value|"
    r"Expected a path but|Expected (a )?<class 'NoneType'>\.?$|Expected a <class 'NoneType'>\. Got value"
)
_STEP = re.compile(r"""Parser key "(?P<key>[^"]+)":|Problem with given class_path '(?P<name>[^']+)':""")


def _owner(stack: list[tuple[int, str, str]]) -> str | None:
    """The class that the innermost key belongs to: the last one above that key."""
    last_key = max((place for place, (_, kind, _) in enumerate(stack) if kind == "key"), default=-1)
    above = [value for _, kind, value in stack[:last_key] if kind == "class"]
    return above[-1] if above else None
