"""Texts back to AUs: every set, every variant, both styles, with and without intensity and side."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.facs import AUS, CONSTRUCTS, name_of
from zoo.facs.allocation import NUM_SETS, aus_of, constructs_by_code
from zoo.facs.composer import Composer
from zoo.facs.labels import SIDES, AULabel
from zoo.facs.lexicon import STYLES, Lexicon, LexiconError
from zoo.facs.parsing import parse, read

ALL_SETS = np.array([[number in aus_of(code) for number in AUS] for code in range(NUM_SETS)])
SETS = [frozenset(aus_of(code)) for code in range(NUM_SETS)]
LABELS = st.lists(
    st.builds(AULabel, st.sampled_from(AUS), st.none() | st.integers(1, 5), st.none() | st.sampled_from(SIDES)),
    unique_by=lambda label: label.number,
)


def check_reading(text, code):
    reading = read(text)
    assert reading.aus == SETS[code], text
    assert reading.method == "lexicon"
    assert reading.is_composed
    return reading


@pytest.mark.parametrize("style", STYLES)
def test_every_set_is_recovered_from_its_text(style):
    # every set once; the five fixed variants and those by chance take turns
    texts = [Composer(style=style, variant=variant, seed=11).prompts(ALL_SETS) for variant in (1, 2, 3, 4, 5, None)]
    for code, constructs in enumerate(constructs_by_code()):
        reading = check_reading(texts[code % 6][code], code)
        assert tuple(each.construct for each in reading.stated if each.construct) == constructs
        assert code % 6 == 5 or {each.variant for each in reading.stated} == {code % 6 + 1}


@pytest.mark.slow
@pytest.mark.parametrize("variant", [1, 2, 3, 4, 5, None])
@pytest.mark.parametrize("style", STYLES)
def test_every_set_is_recovered_from_every_variant(style, variant):
    for code, text in enumerate(Composer(style=style, variant=variant, seed=12).prompts(ALL_SETS)):
        check_reading(text, code)


def test_every_set_is_recovered_with_its_intensities_and_sides():
    chance = np.random.default_rng(0)
    intensity, side = chance.integers(1, 6, ALL_SETS.shape), chance.integers(0, 3, ALL_SETS.shape)
    composer = Composer(style="short", word_intensity=True, word_side=True, impossible="resolve")
    texts = composer.prompts(ALL_SETS, intensity=intensity, side=side)
    for code in range(0, NUM_SETS, 3):
        expected = tuple(
            AULabel(number, int(intensity[code, place]), (None, *SIDES)[side[code, place]])
            for place, number in enumerate(AUS)
            if number in SETS[code]
        )
        reading = read(texts[code])
        assert (reading.labels, reading.method) == (expected, "lexicon")


@given(LABELS, st.sampled_from(STYLES), st.integers(0, 2**32))
def test_labels_come_back(labels, style, seed):
    composer = Composer(style=style, seed=seed, word_intensity=True, word_side=True)
    composed = composer.compose(labels)
    reading = read(composed.text)
    assert reading.labels == composed.labels
    assert tuple(each.construct for each in reading.stated if each.construct) == composed.constructs
    stated = [composer.lexicon.variants(each.construct, style=each.style)[each.variant - 1] for each in reading.stated]
    assert tuple(stated) == composed.descriptions[: len(stated)]


def test_spaces_and_line_breaks_do_not_matter():
    text = Composer().describe({6, 10, 12, 15})
    assert parse("\n  " + text.replace(" ", "\n", 9).replace(". ", ".\n\n") + " ") == {6, 10, 12, 15}


def test_descriptions_that_no_composer_puts_together_are_read_and_told_apart():
    lexicon = Lexicon.load()
    text = " ".join(lexicon.variants(construct)[0] for construct in ((12, 15), (6, 12, 15)))
    reading = read(text)
    assert (reading.aus, reading.method, reading.is_composed) == ({6, 12, 15}, "lexicon", False)
    assert not read(" ".join([lexicon.neutral["full"][0]] * 2)).is_composed


@pytest.fixture
def lexicon_of(tmp_path):
    """Write a lexicon of one variant, whose texts are given or name the construct."""

    def write(texts):
        lines = ["variants: 1", "constructs:"]
        for construct in CONSTRUCTS:
            name = name_of(construct)
            lines.append(f"  {name}: {{full: ['{texts.get(name, f'Words for {name}.')}']}}")
        (tmp_path / "lexicon.yaml").write_text("\n".join(lines))
        return Lexicon.load(tmp_path / "lexicon.yaml")

    return write


def test_a_description_that_begins_another_is_no_trap(lexicon_of):
    lexicon = lexicon_of({"2": "Brows up.", "7": "Brows up. Outside.", "10": "Outside. Down.", "24": "Down."})
    # the longest first, "Brows up. Outside.", leads to AU24 twice
    assert parse("Brows up. Outside. Down. Down.", lexicon=lexicon) == {2, 10, 24}
    with pytest.raises(LexiconError, match="one text must mean one set of AUs, got one for 7,24 and 2,10"):
        parse("Brows up. Outside. Down.", lexicon=lexicon)


def test_one_text_for_two_constructs_is_told_apart_by_what_stands_beside(lexicon_of):
    lexicon = lexicon_of({"12": "The corners move.", "15": "The corners move."})
    with pytest.raises(LexiconError, match="one text must mean one set of AUs, got one for 12 and 15"):
        parse("The corners move.", lexicon=lexicon)
    # with AU6 alone it can't be AU12: 6+12 would have fired
    assert parse("Words for 6. The corners move.", lexicon=lexicon) == {6, 15}


class TestFreeTexts:
    def test_are_read_by_the_linter(self):
        reading = read("The lip corners are drawn down.")
        assert (reading.aus, reading.method, reading.stated) == ({15}, "linter", ())

    def test_keep_what_our_sentences_say(self):
        reading = read("The cheeks are raised. In strength, the raising of the cheeks is slight.")
        assert (reading.labels, reading.method) == ((AULabel(6, 2),), "linter")

    def test_a_sentence_about_another_au_is_stated_too(self):
        text = f"{Composer().describe({6})} Only the left side shows the dimpling of the lip corners."
        reading = read(text)
        assert reading.method == "linter"
        assert AULabel(14, None, "L") in reading.labels
