"""Labels as people write them, and what becomes of those that contradict themselves."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.facs import AUS
from zoo.facs.labels import SIDES, AULabel, format_labels, parse_labels
from zoo.facs.policy import LabelError, LabelPolicy, LabelWarning

LABELS = st.builds(AULabel, st.sampled_from(AUS), st.none() | st.integers(1, 5), st.none() | st.sampled_from(SIDES))


def test_every_label_is_read_back_from_its_text():
    for number, intensity, side in itertools.product(AUS, (None, 1, 2, 3, 4, 5), (None, *SIDES)):
        label = AULabel(number, intensity, side)
        assert AULabel.parse(str(label)) == label
        assert AULabel.parse(str(label).lower()) == label


@given(st.lists(LABELS, unique_by=lambda label: label.number))
def test_lists_of_labels_are_read_back_in_the_order_of_the_aus(labels):
    ordered = sorted(labels, key=lambda label: AUS.index(label.number))
    assert list(parse_labels(format_labels(labels))) == ordered


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12", AULabel(12)),
        ("AU12", AULabel(12)),
        ("au012", AULabel(12)),
        ("12C", AULabel(12, 3)),
        ("AU12:c", AULabel(12, 3)),
        ("12:3", AULabel(12, 3)),
        ("L14:B", AULabel(14, 2, "L")),
        ("R12", AULabel(12, None, "R")),
        ("AUL14", AULabel(14, None, "L")),
        ("LAU14:5", AULabel(14, 5, "L")),
    ],
)
def test_spellings(text, expected):
    assert AULabel.parse(text) == expected


@pytest.mark.parametrize("text", ["6,12,15", "6 12 15", "15+12+6", "AU6; AU12;AU15", " 6,, 12,15, ", "6,12,15,6"])
def test_separators(text):
    assert [label.number for label in parse_labels(text)] == [6, 12, 15]


def test_no_labels():
    assert parse_labels("") == parse_labels(" , ") == ()


@pytest.mark.parametrize(
    ("text", "constraint"),
    [
        ("x", "must be an AU such as 12, AU12, AU12:C, 12C or L14:B, got 'x'"),
        ("12F", "got '12F'"),
        ("12:F", "intensity must be from A to E or from 1 to 5, got 'F'"),
        ("12:AB", "got 'AB'"),
        ("12:0", "Leave an absent AU out"),
        ("12:6", "got '6'"),
        ("12C:3", "got '12C:3'"),
        ("0", "got '0'"),
        ("-12", "got '-12'"),
        ("12.5", r"got '12\.5'"),
        ("T12", "got 'T12'"),
    ],
)
def test_what_is_no_label_is_refused(text, constraint):
    with pytest.raises(LabelError, match=constraint):
        parse_labels(text)


def test_values_are_checked_however_a_label_is_made():
    for arguments, constraint in (
        ({"number": 5}, "number must be one of 1, 2, 4"),
        ({"number": 12, "intensity": 0}, "intensity must be from 1 to 5, got 0"),
        ({"number": 12, "side": "left"}, "side must be one of L, R, got 'left'"),
    ):
        with pytest.raises(LabelError, match=constraint):
            AULabel(**arguments)


class TestImpossible:
    def test_an_au_outside_the_twelve(self):
        with pytest.raises(LabelError, match=r"AUs must be some of .*, got 5 in 'AU5'.*'resolve' it is left out"):
            parse_labels("AU5,6")
        assert parse_labels("AU5,6", policy=LabelPolicy(impossible="resolve")) == (AULabel(6),)

    @pytest.mark.parametrize(
        ("text", "kept"),
        [
            ("12:B,12:D", "AU12:D"),
            ("12,12:D", "AU12:D"),
            ("L12:B,R12:C", "AU12:C"),
            ("L12:B,L12:C", "L12:C"),
            ("L12,12", "AU12"),
        ],
    )
    def test_an_au_twice_keeps_the_stronger(self, text, kept):
        with pytest.raises(LabelError, match="an AU must have one intensity and one side, got"):
            parse_labels(text)
        assert format_labels(parse_labels(text, policy=LabelPolicy(impossible="resolve"))) == kept
        with pytest.warns(LabelWarning, match=f"{kept} is kept"):
            assert format_labels(parse_labels(text, policy=LabelPolicy(impossible="warn"))) == kept


class TestConflicts:
    def test_are_resolved_without_a_word(self):
        assert len(parse_labels("12,15")) == 2

    def test_are_told(self):
        with pytest.warns(LabelWarning, match="AU12 and AU15 pull against each other: both are described"):
            assert len(parse_labels("12,15", policy=LabelPolicy(conflicts="warn"))) == 2

    def test_are_rejected(self):
        policy = LabelPolicy(conflicts="reject")
        with pytest.raises(LabelError, match="AU10 and AU24 pull against each other"):
            parse_labels("10,24", policy=policy)
        assert len(parse_labels("15,17", policy=policy)) == 2  # they act together, not against each other


def test_a_policy_is_one_of_three():
    policy = LabelPolicy()
    object.__setattr__(policy, "unknown", "ignore")  # the constructor's types are checked before it, under pytest
    with pytest.raises(ValueError, match="unknown must be one of reject, warn, resolve, got 'ignore'"):
        policy.__post_init__()
