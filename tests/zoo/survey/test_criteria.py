"""What raters are told is the lexicon's, without muscles, with rare words explained."""

import re

import pytest

from zoo.facs.lexicon import Lexicon
from zoo.survey.blinding import CONFLICTING
from zoo.survey.criteria import criteria

MUSCLES = re.compile(r"zygomatic|corrugator|frontalis|orbicularis|mentalis|depressor|levator|buccinator|procerus")


@pytest.mark.parametrize("aus", CONFLICTING, ids=str)
def test_criteria_are_the_lexicons_own_words(aus):
    told = criteria(aus)
    lexicon = Lexicon.load()
    assert told.headline in lexicon.variants(aus, style="short")
    assert set(told.signs) <= set(lexicon.variants(aus, style="full"))
    assert len(told.signs) == 2
    assert not MUSCLES.search(" ".join((told.headline, *told.signs)).lower())


def test_rare_words_are_explained_where_they_stand():
    words = dict(criteria((1, 4)).words)
    assert "glabella" in words
    assert "chin boss" not in words
    # the plain word is not explained where it stands in a compound alone
    assert "furrow" in words
    assert "furrow" not in dict(criteria((12, 15)).words)


def test_aus_that_are_no_construct_are_told_by_theirs():
    told = criteria((1, 12))
    lexicon = Lexicon.load()
    assert told.headline == f"{lexicon.variants((1,), style='short')[0]} {lexicon.variants((12,), style='short')[0]}"
