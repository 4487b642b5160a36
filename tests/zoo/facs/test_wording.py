"""Sentences on intensity and side are read back as they were written."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.facs import AUS
from zoo.facs.labels import SIDES
from zoo.facs.wording import (
    INTENSITY_WORDS,
    intensity_sentence,
    read_sentences,
    sentences_of_rows,
    side_sentence,
    split_sentences,
)

INTENSITIES = st.dictionaries(st.sampled_from(AUS), st.integers(1, 5))
ONE_SIDED = st.dictionaries(st.sampled_from(AUS), st.sampled_from(SIDES))


@given(INTENSITIES, ONE_SIDED)
def test_what_is_written_is_read_back(intensities, sides):
    text = " ".join(filter(None, (intensity_sentence(intensities), side_sentence(sides))))
    assert read_sentences(text) == (intensities, sides)
    assert split_sentences(f"The lips close. {text}".rstrip()) == ("The lips close.", intensities, sides)


@pytest.mark.parametrize("level", range(1, 6))
def test_every_level_has_words_of_its_own(level):
    assert INTENSITY_WORDS[level - 1][0] in intensity_sentence({12: level})
    assert INTENSITY_WORDS[level - 1][1] in intensity_sentence({12: level, 6: level})


@pytest.mark.parametrize(
    "text",
    [
        "The lips close.",
        "In strength, the raising of the cheeks is enormous.",
        "In strength, the flight of the cheeks is slight.",
        "Only the upper side shows the raising of the cheeks.",
        "Only the left side shows the flight of the cheeks.",
        "In strength, the raising of the cheeks is slight. More.",
    ],
)
def test_anything_else_is_not_read(text):
    assert read_sentences(text) is None
    assert split_sentences(text) == (text, {}, {})


@given(st.lists(st.tuples(INTENSITIES, ONE_SIDED), min_size=1, max_size=4))
def test_tables_are_worded_as_single_rows_are(rows):
    intensity = np.array([[strengths.get(number, 0) for number in AUS] for strengths, _ in rows], dtype=np.int8)
    side = np.array(
        [[SIDES.index(sides[number]) + 1 if number in sides else 0 for number in AUS] for _, sides in rows],
        dtype=np.int8,
    )
    expected = [" ".join(filter(None, (intensity_sentence(one), side_sentence(other)))) for one, other in rows]
    assert sentences_of_rows(intensity, side) == expected
    assert sentences_of_rows(intensity, None) == [intensity_sentence(one) for one, _ in rows]
    assert sentences_of_rows(None, side) == [side_sentence(other) for _, other in rows]
    assert sentences_of_rows(None, None) is None
