"""Texts with known faults, in our own words: each must be found, for the right reason."""

from __future__ import annotations

import pytest

from zoo.facs.faults import faulty_words
from zoo.facs.linter import lint

# what is asked for, text, leaks, missing, kinds of findings that must be among them
FAULTY = {
    "forehead, lids and teeth in a text about cheeks, corners and chin": (
        {6, 12, 15, 17},
        "The inner ends of the brows are drawn up and in, with an upright crease between the brows. The upper lids are "
        "lifted. The cheeks rise. The lips are open and show the upper teeth, and the lower lip sinks.",
        {1, 4, 5, 16, 25},
        {12, 15, 17},
        {"leak", "missing", "contradiction"},
    ),
    "brows, wide eyes and a stretched mouth instead of tight lips": (
        {12, 23},
        "The outer parts of the eyebrows rise and the forehead creases. The eyes look wider. The "
        "cheeks are lifted. The "
        "lips are stretched sideways, and the lip corners are pulled up.",
        {2, 5, 6, 20},
        {23},
        {"leak", "missing"},
    ),
    "brows, teeth, smooth lids and an emotion": (
        {6, 12, 17, 23},
        "The inner brows go up a little as in surprise. The cheeks are lifted, and the skin under "
        "the eyes becomes smooth. "
        "The lip corners are pulled up, the tight lips part and expose teeth and gums. The chin is raised.",
        {1, 25},
        set(),
        {"leak", "emotion", "contradiction"},
    ),
    "pursed instead of pulled": (
        {12, 24},
        "The lips are pressed together and pursed, and the mouth is less wide. Less of the lower teeth is exposed.",
        {18, 25},
        {12},
        {"leak", "missing", "contradiction"},
    ),
    "only half of a joint pull": (
        {12, 15},
        "The lip corners are lifted up and back, and the nasolabial furrows deepen.",
        set(),
        {15},
        {"missing"},
    ),
    "only half of a joint pull, with a chin": (
        {12, 15, 17},
        "The corners of the mouth are raised, and the chin boss is pushed up.",
        set(),
        {15},
        {"missing"},
    ),
    "only half of a joint pull, and a lower lip that sticks out": (
        {6, 12, 15},
        "The cheeks are raised, the mouth corners are lifted, and the lower lip is pushed outwards.",
        {17},
        {15},
        {"leak", "missing"},
    ),
    "an arch instead of a flat brow": (
        {1, 2, 4},
        "The eyebrows are raised as a whole and more arched, and the eyes are opened wide.",
        {5},
        {4},
        {"leak", "missing"},
    ),
    "crow's feet without raised cheeks": (
        {12, 17},
        "The lip corners are pulled up. There are creases at the outer corners of the eyes. The "
        "chin is pushed up, and the "
        "upper lip may lift to show some of the upper teeth.",
        {6, 10, 25},
        set(),
        {"leak"},
    ),
    "corners that go up instead of in": (
        {14, 17},
        "The lip corners are drawn back and upwards. The chin boss is raised and the lower lip with it.",
        {12},
        {14},
        {"leak", "missing"},
    ),
    "a straight upper lip where it should be angular": (
        {10, 14},
        "The upper lip is raised and its line is straightened; the lip corners are tucked in.",
        set(),
        set(),
        {"contradiction"},
    ),
    "lips that roll in and stick out": (
        {10, 17, 23},
        "The upper lip is raised. The chin pushes the lower lip up. The lips are rolled inwards "
        "until they vanish, and the "
        "lips stick out.",
        set(),
        set(),
        {"contradiction"},
    ),
    "lips in, lower lip out": (
        {17, 23},
        "The lips are drawn inwards and tightened, the chin is raised, and the lower lip is pushed outwards.",
        set(),
        set(),
        {"contradiction"},
    ),
    "a stronger left side": (
        {2},
        "The outer brows are raised, more on the left side than on the right side.",
        set(),
        set(),
        {"side"},
    ),
    "a trace on one side": (
        {4},
        "The brows are lowered and drawn together, with a trace of it in the right brow.",
        set(),
        set(),
        {"side", "intensity"},
    ),
    "instructions to a coder": (
        {6},
        "Lift the cheeks without raising the lip corners. The crow's feet must increase.",
        set(),
        set(),
        {"imperative"},
    ),
    "an order with your": ({6}, "Boost your cheeks until crow's feet appear.", set(), set(), {"imperative"}),
    "an invented intensity of lids": (
        {7},
        "The lower lids are markedly tightened and raised.",
        set(),
        set(),
        {"intensity"},
    ),
    "invented intensities of lips": (
        {24},
        "The lips are maximally pressed together, from a severe to an extreme degree.",
        set(),
        set(),
        {"intensity"},
    ),
    "a chin raiser that acts on the corners": (
        {15, 17},
        "One muscle pulls the mouth corners downwards, and the mentalis lifts the mouth corners upwards.",
        {12},
        set(),
        {"leak"},
    ),
    "one sentence twice": (
        {7, 12},
        "The lower lids are tightened, and the lip corners are pulled up. The lower lids are "
        "tightened, and the lip corners "
        "are pulled up.",
        set(),
        set(),
        {"duplicate"},
    ),
    "a wrinkled nose": ({10}, "The upper lip is raised and the nose is wrinkled.", {9}, set(), {"leak"}),
    "a dropped jaw": ({1, 2}, "The brows are raised and the jaw drops.", {26}, set(), {"leak"}),
    "a smile": ({12}, "The lip corners are pulled up in a happy smile.", set(), set(), {"emotion"}),
    "lids tightened where cheeks rise": ({6}, "The lower lids are tensed and raised.", {7}, {6}, {"leak", "missing"}),
    "cheeks raised where lids tighten": ({7}, "The cheeks are raised and crow's feet appear.", {6}, {7}, {"leak"}),
    "corners up where the lip rises": ({10}, "The lip corners are pulled obliquely up.", {12}, {10}, {"leak"}),
    "lip up where the corners rise": ({12}, "The upper lip is raised in its middle.", {10}, {12}, {"leak"}),
    "pressed where tight is meant": ({23}, "The lips are pressed flat on one another.", {24}, {23}, {"leak"}),
    "tight where pressed is meant": ({24}, "The lips are tight and rolled in.", {23}, {24}, {"leak"}),
    "outer brow for inner brow": ({1}, "The tails of the brows are lifted.", {2}, {1}, {"leak", "missing"}),
}


@pytest.mark.parametrize("name", FAULTY)
def test_is_found(name):
    aus, text, leaks, missing, kinds = FAULTY[name]
    report = lint(text, aus)
    assert not report.ok
    assert report.leaks == leaks, str(report)
    assert report.missing == missing, str(report)
    assert kinds <= {finding.kind for finding in report.findings}, str(report)


def test_a_finding_names_clause_place_and_movement():
    report = lint("The cheeks are raised, while the tails of the brows are lifted.", {6})
    (finding,) = report.findings
    assert (finding.kind, finding.aus, finding.region, finding.movement) == ("leak", (2,), "outer brow", "up")
    assert finding.clause == "the tails of the brows are lifted"
    assert "AU2 (outer brow raiser) is not asked for" in str(finding)


def test_a_missing_au_says_what_it_would_move():
    (finding,) = lint("The cheeks are raised.", {6, 15}).findings
    assert (finding.kind, finding.aus) == ("missing", (15,))
    assert "lip corners down" in finding.message


def test_an_intensity_that_labels_give_is_no_fault():
    text = "The cheeks are slightly raised."
    assert [finding.kind for finding in lint(text, {6}).findings] == ["intensity"]
    assert lint(text, {6}, has_intensity=True).ok


@pytest.mark.parametrize(
    "text",
    [
        "The brows are raised less than by the frontalis alone, and drawn together.",
        "The lips show less red and are tightened more than at rest.",
        "The lip corners are marked by dimples.",
    ],
)
def test_a_comparison_is_no_intensity(text):
    assert "intensity" not in {finding.kind for finding in lint(text).findings}


@pytest.mark.parametrize(
    "text",
    [
        "What is left of the red is narrow.",
        "The cheeks rise right up to the eyes.",
        "At the corners of the mouth, the zygomaticus major pulls up.",
    ],
)
def test_words_that_only_look_like_a_side_are_none(text):
    assert "side" not in {finding.kind for finding in lint(text).findings}


def test_a_faulty_word_is_quoted_without_what_stands_before_it():
    text = "The cheeks are raised; lift your brows. Don\u2019t frown."
    quoted = {text[start : start + len(word)] for kind, word, start, _ in faulty_words(text) if kind == "imperative"}
    assert {each.split()[0] for each in quoted} <= {"lift", "your", "Don\u2019t"}
    assert "lift your" in quoted
