"""What the linter hands back: findings, and the report on a text."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a text.

    Attributes:
        kind: ``leak``, ``missing``, ``contradiction``, ``emotion``, ``imperative``, ``side``, ``intensity`` or
            ``duplicate``; of a lexicon also ``similar``.
        aus: The AUs that it is about.
        clause: The part of the text that it is about.
        region: The place of the face.
        movement: What that place is said to do.
        message: What is wrong, in one line.
        place: Of a lexicon, the construct, style and variant.
    """

    kind: str
    aus: tuple[int, ...]
    clause: str
    region: str | None
    movement: str | None
    message: str
    place: str = ""

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        return f"{where}{self.kind}: {self.message}"


@dataclass(frozen=True)
class LintReport:
    """What a text states and what is wrong with it.

    Attributes:
        text: The text.
        states: The AUs of the twelve that it states.
        leaks: AUs that it states without being asked to, also those outside the twelve.
        missing: AUs that it was asked to state and doesn't.
        findings: What is wrong.
    """

    text: str
    states: frozenset[int]
    leaks: frozenset[int]
    missing: frozenset[int]
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def as_dict(self) -> dict[str, Any]:
        """Give everything as plain data, for JSON."""
        return {
            "ok": self.ok,
            "text": self.text,
            "states": sorted(self.states),
            "leaks": sorted(self.leaks),
            "missing": sorted(self.missing),
            "findings": [{**asdict(each), "aus": list(each.aus)} for each in self.findings],
        }

    def __str__(self) -> str:
        stated = ", ".join(f"AU{number}" for number in sorted(self.states)) or "no AU"
        return "\n".join([f"states {stated}", *(f"  {finding}" for finding in self.findings)])
