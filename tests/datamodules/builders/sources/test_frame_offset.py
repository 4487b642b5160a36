"""The offset is what the images say, and asked for where they say nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datamodules.builders.sources.base import DatasetError, Problems
from datamodules.builders.sources.frame_offset import NumberedSequence, find_frame_offset


def sequence(numbers, frames=range(10, 20), name="bp4d/F001/T1"):
    return NumberedSequence(name, np.array(list(frames)), np.array(list(numbers)))


SILENT = sequence(range(60), name="bp4d/F002/T1")
"""Images before and after the labels: every offset fits."""


@pytest.mark.parametrize(
    ("numbers", "offset"),
    [(range(10, 20), 0), (range(9, 19), -1), (range(19), -1), (range(10, 60), 0), ([0, 1, *range(12, 19)], -1)],
    ids=["same numbers", "from 0", "last image labelled", "first image labelled", "images missing in between"],
)
def test_a_sequence_that_can_tell_is_enough(numbers, offset):
    problems = Problems()
    assert find_frame_offset([SILENT, sequence(numbers), SILENT], "bp4d", problems) == offset
    assert problems.counts() == {}


@pytest.mark.parametrize("count", [1, 5])
def test_it_is_asked_for_where_two_fit_alike(count):
    with pytest.raises(DatasetError, match=r"frame_offset must follow.*0 that fit only 0, 0 that fit only -1"):
        find_frame_offset([SILENT] * count, "bp4d", Problems())


def test_it_is_asked_for_where_sequences_do_not_agree():
    sequences = [sequence(range(10, 20)), sequence(range(9, 19)), sequence(range(9, 19))]
    with pytest.raises(DatasetError, match=r"1 that fit only 0, 2 that fit only -1"):
        find_frame_offset(sequences, "bp4d", Problems())


def test_few_that_differ_are_named():
    sequences = [sequence(range(9, 19), name=f"bp4d/F{number:03d}/T1") for number in range(1, 20)]
    problems = Problems()
    assert find_frame_offset([*sequences, sequence(range(10, 20), name="bp4d/M001/T1")], "bp4d", problems) == -1
    assert problems.counts() == {"other frame offset": 1}
    assert problems.found[0].where == "bp4d/M001/T1"


def test_it_is_said_when_few_sequences_told():
    problems = Problems()
    assert find_frame_offset([*[SILENT] * 99, sequence(range(9, 19))], "bp4d", problems) == -1
    assert problems.counts() == {"guessed frame offset": 1}
    assert "1 of 100" in problems.found[0].detail


BEGINNING = sequence(range(60), range(1, 9))
"""Images from 0, labels from 1, and neither end alike."""


def test_it_is_guessed_where_labels_begin_with_1_and_images_with_0():
    problems = Problems()
    assert find_frame_offset([SILENT, *[BEGINNING] * 3], "bp4dplus", problems) == -1
    assert problems.counts() == {"guessed frame offset": 1}
    assert "3 of 4" in problems.found[0].detail


@pytest.mark.parametrize(
    "sequences",
    [[BEGINNING] * 2, [*[BEGINNING] * 3, sequence(range(5, 60))], [*[BEGINNING] * 3, *[SILENT] * 90]],
    ids=["two are few", "images begin elsewhere", "few of many"],
)
def test_it_is_not_guessed_from_less(sequences):
    with pytest.raises(DatasetError, match="frame_offset must follow"):
        find_frame_offset(sequences, "bp4dplus", Problems())


def test_a_label_of_frame_0_says_that_labels_begin_with_it():
    assert find_frame_offset([*[BEGINNING] * 3, sequence(range(60), range(9))], "bp4dplus", Problems()) == 0


def test_a_sequence_with_more_labels_than_images_says_nothing():
    """Labels that run on after the last image fit no offset; the nearer one would be a guess."""
    with pytest.raises(DatasetError):
        find_frame_offset([sequence(range(5, 15))], "bp4dplus", Problems())


@settings(deadline=None, max_examples=50)
@given(
    offset=st.sampled_from([0, -1]),
    spans=st.lists(st.tuples(st.integers(1, 5), st.integers(2, 9), st.integers(0, 5)), min_size=1, max_size=6),
    missing=st.randoms(use_true_random=False),
)
def test_it_is_never_wrong_where_only_images_in_between_are_missing(offset, spans, missing):
    sequences = []
    for before, labelled, after in spans:
        frames = range(before, before + labelled)
        numbers = list(range(1 + offset, before + labelled + after + offset))
        kept = [numbers[0], *(number for number in numbers[1:-1] if missing.random() < 0.7), numbers[-1]]
        sequences.append(sequence(sorted(set(kept)), frames))
    try:
        assert find_frame_offset(sequences, "bp4d", Problems()) == offset
    except DatasetError:
        assert all(after > 0 if offset else before > 1 for before, _, after in spans)
