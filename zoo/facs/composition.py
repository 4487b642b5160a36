"""A composed text and what it is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from zoo.facs.constructs import Construct, name_of
from zoo.facs.labels import AULabel


@dataclass(frozen=True)
class Composition:
    """A text and what it is made of.

    Attributes:
        text: The description of all AUs.
        labels: What is described, in the order of ``AUS``.
        constructs: What the parts describe, in the order of Algorithm 1; none for a face at rest.
        variants: Which description stands for each construct, counted from 1; for a face at rest, of the neutral ones.
        descriptions: The parts, then, where they were asked for, the sentences on intensity and side.
    """

    text: str
    labels: tuple[AULabel, ...]
    constructs: tuple[Construct, ...]
    variants: tuple[int, ...]
    descriptions: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Give plain data, for JSON."""
        return {
            "labels": [str(label) for label in self.labels],
            "aus": [label.number for label in self.labels],
            "constructs": [name_of(construct) for construct in self.constructs],
            "variants": list(self.variants),
            "descriptions": list(self.descriptions),
            "description": self.text,
        }
