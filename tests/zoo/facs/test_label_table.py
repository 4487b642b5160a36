"""Tables of labels: what is malformed is refused with its place, what is unknown or impossible as the policy says."""

import numpy as np
import pytest

from zoo.facs import AUS
from zoo.facs.label_table import UNKNOWN, check_labels
from zoo.facs.policy import LabelError, LabelPolicy

ALL = {"unknown": "warn", "conflicts": "warn", "impossible": "warn"}


def table(*rows):
    """One row of 0, 1, 9 for each mapping of AU numbers; 0 where not given."""
    return np.array([[row.get(number, 0) for number in AUS] for row in rows])


def check(occurrence, **given):
    policy = LabelPolicy(**{**ALL, **given.pop("policy", {})})
    return check_labels(occurrence, policy=policy, **given)


def told(labels):
    return [(each.kind, each.what, each.row, each.count) for each in labels.problems]


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, np.float32])
def test_unknown_is_taken_as_absent_and_told(dtype):
    labels = check(table({1: 1}, {7: 9, 6: 1}, {10: 9}).astype(dtype))
    assert labels.occurrence.tolist() == (table({1: 1}, {6: 1}, {}) == 1).tolist()
    assert told(labels) == [("unknown", "AU7 is unknown", 1, 2)]


def test_nan_is_unknown():
    occurrence = table({1: 1}).astype(float)
    occurrence[0, 11] = np.nan
    assert told(check(occurrence)) == [("unknown", "AU24 is unknown", 0, 1)]


def test_what_is_resolved_silently_is_not_looked_for():
    policy = dict.fromkeys(ALL, "resolve")
    assert check(table({12: 1, 15: 1, 7: 9}), intensity=np.full((1, 12), 5), policy=policy).problems == ()


@pytest.mark.parametrize("value", [2, -1, 8])
def test_other_values_are_refused_with_row_and_column(value):
    with pytest.raises(LabelError, match=f"row 1: AU4 must be 0, 1 or 9, got {value}"):
        check(table({}, {4: value}))


def test_a_table_of_another_width_is_refused():
    with pytest.raises(LabelError, match="occurrence must have 12 columns, one per AU, got 8"):
        check(np.zeros((2, 8), dtype=bool))


def test_booleans_know_nothing_unknown():
    assert check(np.ones((1, 12), dtype=bool)).occurrence.all()


def test_rows_with_antagonists_are_told_once_each():
    labels = check(table({15: 1, 17: 1}, {12: 1, 15: 1, 14: 1}, {1: 1, 4: 1}))
    assert told(labels) == [("conflicts", "AU12 and AU14 pull against each other", 1, 2)]


def test_intensities_are_rounded_and_kept_where_present():
    intensity = np.zeros((1, 12))
    intensity[0, :5] = [0.2, 1.5, 2.4, 5, UNKNOWN]
    occurrence = table(dict.fromkeys(AUS[:5], 1))
    assert check(occurrence, intensity=intensity).intensity.tolist() == [[1, 2, 2, 5, 0] + [0] * 7]


def test_an_intensity_that_contradicts_occurrence_is_impossible():
    intensity = np.where(table({6: 1}) == 1, 3, 0)
    absent, weak = check(table({}), intensity=intensity), check(table({1: 1}), intensity=np.zeros((1, 12)))
    assert told(absent) == [("impossible", "AU6 is absent and has an intensity", 0, 1)]
    assert told(weak) == [("impossible", "AU1 is present with intensity 0", 0, 1)]
    assert not absent.intensity.any()
    assert not weak.intensity.any()
    assert weak.occurrence.sum() == 1
    unknown = check(table({6: 9}), intensity=intensity)
    assert told(unknown) == [("unknown", "AU6 is unknown", 0, 1)]
    assert not unknown.intensity.any()


def test_a_side_of_an_absent_au_is_impossible():
    side = np.where(table({14: 1}) == 1, 1, 0)
    assert check(table({14: 1}), side=side).side.tolist() == side.tolist()
    absent = check(table({}), side=side)
    assert told(absent) == [("impossible", "AU14 is absent and has a side", 0, 1)]
    assert not absent.side.any()


@pytest.mark.parametrize(("name", "value"), [("intensity", 5.5), ("intensity", -1), ("side", 3)])
def test_values_out_of_range_are_refused(name, value):
    values = np.where(table({}, {10: 1}) == 1, value, 0)
    with pytest.raises(LabelError, match=r"row 1: AU10 must be .*, got"):
        check(table({}, {10: 1}), **{name: values})
