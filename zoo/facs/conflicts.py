"""Conflicting AUs, by two definitions, since the paper gives none: antagonists and interacting constructs.

- ``antagonists``: two AUs that pull the same place in different directions are present together (``ANTAGONISTS``).
- ``interacting``: at least one of the 26 combinations fires in Algorithm 1. That is so exactly where at least one is
  contained in the set, since the largest one contained always fires.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from zoo.facs.action_units import ANTAGONISTS, AUS
from zoo.facs.allocation import codes_of, construct_table
from zoo.facs.combinations import COMBINATIONS

CONFLICT_DEFINITIONS = ("antagonists", "interacting")


def antagonist_pairs(occurrence: Bool[np.ndarray, "row au"]) -> Bool[np.ndarray, "row pair"]:
    """Say for each row which of ``ANTAGONISTS`` are present together.

    Args:
        occurrence: Columns in the order of ``AUS``; False where absent or unknown.
    """
    first, second = ([AUS.index(number) for number in numbers] for numbers in zip(*ANTAGONISTS, strict=True))
    return occurrence[:, first] & occurrence[:, second]


def fired_constructs(occurrence: Bool[np.ndarray, "row au"]) -> Bool[np.ndarray, "row construct"]:
    """Say for each row which of ``CONSTRUCTS`` describe it by Algorithm 1, single AUs included."""
    return construct_table()[codes_of(occurrence)]


def interacting_constructs(occurrence: Bool[np.ndarray, "row au"]) -> Bool[np.ndarray, "row combination"]:
    """Say for each row which of ``COMBINATIONS`` fire in Algorithm 1."""
    return fired_constructs(occurrence)[:, : len(COMBINATIONS)]


def conflicts(occurrence: Bool[np.ndarray, "row au"], *, definition: str) -> Bool[np.ndarray, "row conflict"]:
    """Say for each row which conflicts it has by one of ``CONFLICT_DEFINITIONS``.

    Raises:
        ValueError: There is no such definition.
    """
    if definition not in CONFLICT_DEFINITIONS:
        message = f"conflicts: definition must be one of {', '.join(CONFLICT_DEFINITIONS)}, got {definition!r}."
        raise ValueError(message)
    return antagonist_pairs(occurrence) if definition == "antagonists" else interacting_constructs(occurrence)


@dataclass(frozen=True)
class ConflictCounts:
    """How common conflicts are in a table of labels.

    Attributes:
        definition: What counts as a conflict.
        neutral_entries: Rows without any AU.
        single_entries: Rows with exactly one AU.
        compatible_entries: Rows with two AUs or more and no conflict.
        conflicting_entries: Rows with a conflict.
        occurrences: Conflicts over all rows; a row may have several.
    """

    definition: str
    neutral_entries: int
    single_entries: int
    compatible_entries: int
    conflicting_entries: int
    occurrences: int


def count_conflicts(occurrence: Bool[np.ndarray, "row au"], *, definition: str) -> ConflictCounts:
    """Count rows without, with one, with compatible and with conflicting AUs, and the conflicts themselves.

    Example:
        >>> table = np.zeros((3, 12), dtype=bool)
        >>> table[0, [6, 8]] = table[1, [0, 6]] = True  # AUs 12 and 15; AUs 1 and 12
        >>> counts = count_conflicts(table, definition="antagonists")
        >>> counts.conflicting_entries, counts.compatible_entries, counts.neutral_entries
        (1, 1, 1)
    """
    found = conflicts(occurrence, definition=definition)
    size = occurrence.sum(axis=1)
    conflicting = found.any(axis=1)
    return ConflictCounts(
        definition=definition,
        neutral_entries=int((size == 0).sum()),
        single_entries=int((size == 1).sum()),
        compatible_entries=int(((size > 1) & ~conflicting).sum()),
        conflicting_entries=int(conflicting.sum()),
        occurrences=int(found.sum()),
    )
