"""Tables of labels: one row per face, one column per AU, checked before they are described."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int8, Shaped

from zoo.facs.action_units import ANTAGONISTS, AUS
from zoo.facs.conflicts import antagonist_pairs
from zoo.facs.labels import INTENSITIES, SIDES
from zoo.facs.policy import LabelError, LabelPolicy

UNKNOWN = 9
"""How FACS data sets write an AU that could not be coded."""


@dataclass(frozen=True)
class LabelTable:
    """Labels without anything unknown or impossible; columns in the order of ``AUS``.

    Attributes:
        occurrence: Whether each AU is present.
        intensity: 1 to 5, or 0 where absent or not known; None where nothing is.
        side: 1 for L, 2 for R, 0 for both or not known; None where nothing is.
    """

    occurrence: Bool[np.ndarray, "row au"]
    intensity: Int8[np.ndarray, "row au"] | None = None
    side: Int8[np.ndarray, "row au"] | None = None


def _row(row: int) -> str:
    return f"row {row}"


def check_labels(
    occurrence: Shaped[np.ndarray, "row au"],
    *,
    intensity: Shaped[np.ndarray, "row au"] | None = None,
    side: Shaped[np.ndarray, "row au"] | None = None,
    policy: LabelPolicy | None = None,
    name_of_row: Callable[[int], str] = _row,
) -> LabelTable:
    """Check labels and resolve what the policy lets pass.

    Args:
        occurrence: 1 or True where present, 0 or False where absent, 9 or NaN where unknown.
        intensity: From 0 to 5, rounded to whole ones; 9 or NaN where unknown.
        side: 1 for L, 2 for R, 0 for both.
        policy: What becomes of unknown, conflicting and impossible labels.
        name_of_row: How messages name a row, counted from 0.

    Raises:
        LabelError: A value is none of these, or the policy rejects one; the message names row and column.
    """
    policy = policy or LabelPolicy()
    if occurrence.shape[1] != len(AUS):
        message = f"check_labels: occurrence must have {len(AUS)} columns, one per AU, got {occurrence.shape[1]}."
        raise LabelError(message)
    if occurrence.dtype == bool:
        present, unknown = occurrence, None
    else:
        present, unknown = occurrence == 1, _unknown(occurrence)
        _refuse(~(present | unknown | (occurrence == 0)), occurrence, "0, 1 or 9", name_of_row)
        _meet(policy, "unknown", unknown, "{} unknown", "not stated", name_of_row)
    _meet_conflicts(policy, present, name_of_row)
    if intensity is not None:
        intensity = _checked_intensity(intensity, present, unknown, policy, name_of_row)
    if side is not None:
        _refuse(~np.isin(side, range(len(SIDES) + 1)), side, "0, 1 (L) or 2 (R) as its side", name_of_row)
        known = present if unknown is None else present | unknown
        _meet(policy, "impossible", (side > 0) & ~known, "{} absent and has a side", "taken as absent", name_of_row)
        side = np.where(present, side, 0).astype(np.int8)
    return LabelTable(present, intensity, side)


def _unknown(values: np.ndarray) -> np.ndarray:
    nines = values == UNKNOWN
    return nines | np.isnan(values) if np.issubdtype(values.dtype, np.floating) else nines


def _checked_intensity(
    intensity: np.ndarray,
    present: np.ndarray,
    unknown: np.ndarray | None,
    policy: LabelPolicy,
    name_of_row: Callable[[int], str],
) -> np.ndarray:
    scored = ~_unknown(intensity)
    wrong = scored & ~((intensity >= 0) & (intensity <= len(INTENSITIES)))
    _refuse(wrong, intensity, "from 0 to 5 in intensity, or 9", name_of_row)
    absent = ~present if unknown is None else ~(present | unknown)
    ghost = scored & (intensity > 0) & absent
    _meet(policy, "impossible", ghost, "{} absent and has an intensity", "taken as absent", name_of_row)
    weak = scored & (intensity == 0) & present
    _meet(policy, "impossible", weak, "{} present with intensity 0", "taken as present", name_of_row)
    kept = present & scored & (intensity > 0)
    rounded = np.floor(np.where(kept, intensity, 0) + 0.5)
    return np.where(kept, np.maximum(rounded, 1), 0).astype(np.int8)


def _refuse(wrong: np.ndarray, values: np.ndarray, allowed: str, name_of_row: Callable[[int], str]) -> None:
    if wrong.any():
        row, column = np.argwhere(wrong)[0].tolist()
        value = values[row, column].item()
        message = f"{name_of_row(row)}: AU{AUS[column]} must be {allowed}, got {value!r}."
        raise LabelError(message)


def _meet(
    policy: LabelPolicy,
    kind: str,
    cells: np.ndarray,
    problem: str,
    resolution: str,
    name_of_row: Callable[[int], str],
) -> None:
    """Meet all problems of a kind as one, which is told by the first of them."""
    if getattr(policy, kind) == "resolve" or not cells.any():
        return
    row, column = np.argwhere(cells)[0].tolist()
    count = int(cells.sum())
    text = f"{name_of_row(row)}: {problem.format(f'AU{AUS[column]} is')}"
    others = f", and {count - 1:,} more" if count > 1 else ""
    policy.meet(kind, text + others, f"{'they are' if others else 'it is'} {resolution}")


def _meet_conflicts(policy: LabelPolicy, present: np.ndarray, name_of_row: Callable[[int], str]) -> None:
    if policy.conflicts == "resolve":
        return
    pairs = antagonist_pairs(present)
    if not pairs.any():
        return
    row, pair = np.argwhere(pairs)[0].tolist()
    first, second = ANTAGONISTS[pair]
    others = int(pairs.any(axis=1).sum()) - 1
    more = f", and {others:,} more rows have antagonists" if others else ""
    problem = f"{name_of_row(row)}: AU{first} and AU{second} pull against each other{more}"
    policy.meet("conflicts", problem, "both are described, together where a construct has both")
