"""The twelve action units (AUs) of BP4D, in the order used everywhere."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ActionUnit:
    """An action unit of FACS (Ekman, Friesen and Hager 2002).

    Attributes:
        number: Its FACS number.
        name: Its FACS name.
        base_rate: Share of BP4D's coded frames that show it, in [0, 1]; literature figures that agree with the
            class weights published with ME-GraphAU.
    """

    number: int
    name: str
    base_rate: float

    def __str__(self) -> str:
        return f"AU{self.number}"


ACTION_UNITS = (
    ActionUnit(1, "inner brow raiser", 0.21),
    ActionUnit(2, "outer brow raiser", 0.17),
    ActionUnit(4, "brow lowerer", 0.20),
    ActionUnit(6, "cheek raiser", 0.46),
    ActionUnit(7, "lid tightener", 0.55),
    ActionUnit(10, "upper lip raiser", 0.59),
    ActionUnit(12, "lip corner puller", 0.56),
    ActionUnit(14, "dimpler", 0.47),
    ActionUnit(15, "lip corner depressor", 0.17),
    ActionUnit(17, "chin raiser", 0.34),
    ActionUnit(23, "lip tightener", 0.17),
    ActionUnit(24, "lip pressor", 0.15),
)
AUS = tuple(unit.number for unit in ACTION_UNITS)
"""AU numbers in the order of every ``au`` axis."""
