"""Rows of a table before their figures are computed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from lightning_modules.evaluation.figures import Measured


@dataclass
class Measurements:
    """What was measured on one set, or by one probe.

    Attributes:
        name: What tables call it.
        subjects: Who is seen in each case.
        groups: The cases of each part that has figures of its own; all of them first.
        rows: Rows of the table, in order.
        details: What there is besides, for ``metrics.json``.
    """

    name: str
    subjects: list[str]
    groups: dict[str, Tensor]
    rows: list[Measured] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def systems(self) -> list[str]:
        """Names of the rows that are systems."""
        return [row.name for row in self.rows if not row.is_anchor]
