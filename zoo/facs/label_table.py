"""Tables of labels: one row per face, one column per AU, checked before they are described."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int8, Shaped

from zoo.facs.action_units import ANTAGONISTS, AUS
from zoo.facs.conflicts import antagonist_pairs
from zoo.facs.labels import CONFLICT_RESOLUTION, INTENSITIES, SIDES
from zoo.facs.policy import LabelError, LabelPolicy

UNKNOWN = 9
"""How FACS data sets write an AU that could not be coded."""


@dataclass(frozen=True)
class Problem:
    """Labels of a table that the policy decides on.

    Attributes:
        kind: ``unknown``, ``conflicts`` or ``impossible``.
        what: What is wrong with the first of them.
        row: Where the first of them is.
        count: How many cells, or for conflicts rows, have a problem of this kind.
        resolution: What is done about them.
    """

    kind: str
    what: str
    row: int
    count: int
    resolution: str

    def meet(self, policy: LabelPolicy, place: str) -> None:
        """Refuse it, tell it or pass over it, as the policy says.

        Args:
            policy: What becomes of it.
            place: Names the row in messages.

        Raises:
            LabelError: Problems of this kind are rejected.
        """
        more = f", and {self.count - 1:,} more {'rows' if self.kind == 'conflicts' else 'labels'}" * (self.count > 1)
        policy.meet(self.kind, f"{place}: {self.what}{more}", self.resolution)


@dataclass(frozen=True)
class LabelTable:
    """Labels without anything unknown or impossible; columns in the order of ``AUS``.

    Attributes:
        occurrence: Whether each AU is present.
        intensity: 1 to 5, or 0 where absent or not known; None where nothing is.
        side: 1 for L, 2 for R, 0 for both or not known; None where nothing is.
        problems: What had to be resolved to make it so, where the policy asks to hear of it.
    """

    occurrence: Bool[np.ndarray, "row au"]
    intensity: Int8[np.ndarray, "row au"] | None = None
    side: Int8[np.ndarray, "row au"] | None = None
    problems: tuple[Problem, ...] = ()


def name_row(row: int) -> str:
    """Name a row of an array in a message."""
    return f"row {row}"


def check_labels(
    occurrence: Shaped[np.ndarray, "row au"],
    *,
    intensity: Shaped[np.ndarray, "row au"] | None = None,
    side: Shaped[np.ndarray, "row au"] | None = None,
    policy: LabelPolicy,
    name_of_row: Callable[[int], str] = name_row,
) -> LabelTable:
    """Check labels, resolve what can be resolved and list it; nothing is refused or told yet but malformed labels.

    Args:
        occurrence: 1 or True where present, 0 or False where absent, 9 or NaN where unknown.
        intensity: From 0 to 5, rounded to whole ones; 9 or NaN where unknown.
        side: 1 for L, 2 for R, 0 for both.
        policy: What is resolved without a word need not be looked for.
        name_of_row: How messages name a row, counted from 0.

    Raises:
        LabelError: A value is none of these; the message names row and column.
    """
    if occurrence.shape[1] != len(AUS):
        message = f"check_labels: occurrence must have {len(AUS)} columns, one per AU, got {occurrence.shape[1]}."
        raise LabelError(message)
    found = _Finder(policy, name_of_row)
    if occurrence.dtype == bool:
        present, unknown = occurrence, np.zeros((1, 1), dtype=bool)
    else:
        present, unknown = occurrence == 1, _unknown(occurrence)
        found.refuse(~(present | unknown | (occurrence == 0)), occurrence, "0, 1 or 9")
        found.cells("unknown", unknown, "is unknown", "it is not stated")
    if policy.conflicts != "resolve":
        found.conflicts(antagonist_pairs(present))
    absent = ~(present | unknown) if intensity is not None or side is not None else unknown
    if intensity is not None:
        scored = ~_unknown(intensity)
        in_range = (intensity >= 0) & (intensity <= len(INTENSITIES))
        found.refuse(scored & ~in_range, intensity, "from 0 to 5 in intensity, or 9")
        acts = scored & (intensity > 0)
        found.cells("impossible", acts & absent, "is absent and has an intensity", "it is taken as absent")
        rests = scored & (intensity == 0) & present
        found.cells("impossible", rests, "is present with intensity 0", "it is taken as present")
        rounded = np.maximum(np.floor(np.where(acts, intensity, 0) + 0.5), 1)
        intensity = np.where(acts & present, rounded, 0).astype(np.int8)
    if side is not None:
        found.refuse(~np.isin(side, range(len(SIDES) + 1)), side, "0, 1 (L) or 2 (R) as its side")
        found.cells("impossible", (side > 0) & absent, "is absent and has a side", "it is taken as absent")
        side = np.where(present, side, 0).astype(np.int8)
    return LabelTable(present, intensity, side, tuple(found.problems))


def _unknown(values: np.ndarray) -> np.ndarray:
    nines = values == UNKNOWN
    return nines | np.isnan(values) if np.issubdtype(values.dtype, np.floating) else nines


class _Finder:
    """Collect problems; each mask is told by the first cell in it."""

    def __init__(self, policy: LabelPolicy, name_of_row: Callable[[int], str]) -> None:
        self.policy = policy
        self.name_of_row = name_of_row
        self.problems: list[Problem] = []

    def refuse(self, wrong: np.ndarray, values: np.ndarray, allowed: str) -> None:
        if wrong.any():
            row, column = np.argwhere(wrong)[0].tolist()
            value = values[row, column].item()
            message = f"{self.name_of_row(row)}: AU{AUS[column]} must be {allowed}, got {value!r}."
            raise LabelError(message)

    def cells(self, kind: str, cells: np.ndarray, what: str, resolution: str) -> None:
        if getattr(self.policy, kind) != "resolve" and cells.any():
            row, column = np.argwhere(cells)[0].tolist()
            self.problems.append(Problem(kind, f"AU{AUS[column]} {what}", row, int(cells.sum()), resolution))

    def conflicts(self, pairs: np.ndarray) -> None:
        if pairs.any():
            row, pair = np.argwhere(pairs)[0].tolist()
            what = "AU{} and AU{} pull against each other".format(*ANTAGONISTS[pair])
            self.problems.append(Problem("conflicts", what, row, int(pairs.any(axis=1).sum()), CONFLICT_RESOLUTION))
