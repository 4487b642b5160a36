"""Both definitions of conflicting AUs, against plain set arithmetic."""

import numpy as np
import pytest

from zoo.facs import ANTAGONISTS, AUS, COMBINATIONS, CONSTRUCTS
from zoo.facs.allocation import NUM_SETS, aus_of, constructs_by_code
from zoo.facs.conflicts import (
    CONFLICT_DEFINITIONS,
    antagonist_pairs,
    conflicts,
    count_conflicts,
    fired_constructs,
    interacting_constructs,
)

SETS = [set(aus_of(code)) for code in range(NUM_SETS)]
OCCURRENCE = np.array([[number in aus for number in AUS] for aus in SETS])


def test_antagonists_are_pairs_of_which_both_are_present():
    expected = [[first in aus and second in aus for first, second in ANTAGONISTS] for aus in SETS]
    assert antagonist_pairs(OCCURRENCE).tolist() == expected


def test_interacting_constructs_are_those_that_fire():
    constructs = constructs_by_code()
    fired = fired_constructs(OCCURRENCE)
    assert fired.shape == (NUM_SETS, len(CONSTRUCTS))
    assert [tuple(CONSTRUCTS[index] for index in np.flatnonzero(row).tolist()) for row in fired] == list(constructs)
    assert (interacting_constructs(OCCURRENCE) == fired[:, : len(COMBINATIONS)]).all()


def test_a_combination_fires_exactly_where_one_is_contained():
    contained = [any(set(combination) <= aus for combination in COMBINATIONS) for aus in SETS]
    assert interacting_constructs(OCCURRENCE).any(axis=1).tolist() == contained


@pytest.mark.parametrize("definition", CONFLICT_DEFINITIONS)
def test_every_row_is_counted_once_and_every_conflict_too(definition):
    counts = count_conflicts(OCCURRENCE, definition=definition)
    entries = counts.neutral_entries, counts.single_entries, counts.compatible_entries, counts.conflicting_entries
    assert sum(entries) == NUM_SETS
    assert entries[:2] == (1, 12)
    found = conflicts(OCCURRENCE, definition=definition)
    assert counts.occurrences == sum(int(row.sum()) for row in found)
    assert counts.conflicting_entries == sum(bool(row.any()) for row in found)


def test_no_rows_have_no_conflicts():
    nothing = np.zeros((0, 12), dtype=bool)
    assert count_conflicts(nothing, definition="interacting").occurrences == 0
    assert antagonist_pairs(nothing).shape == (0, len(ANTAGONISTS))


def test_an_unknown_definition_is_refused():
    with pytest.raises(ValueError, match="definition must be one of antagonists, interacting, got 'both'"):
        conflicts(OCCURRENCE, definition="both")
