"""Descriptions as people write them, in several styles: the linter must read the right AUs and find no fault."""

from __future__ import annotations

import pytest

from zoo.facs.linter import lint

CLEAN = [
    # one AU, plain
    ({1}, "The inner portions of the eyebrows go up, and short wrinkles appear in the centre of the forehead."),
    ({1}, "Inner eyebrows elevated; the brows take on an oblique shape."),
    ({2}, "The lateral parts of the eyebrows are pulled upwards, so the brows look arched."),
    ({2}, "Raised outer brows stretch the skin above the outer part of the eyes."),
    ({4}, "The eyebrows are drawn down and closer together, and vertical lines appear between them."),
    ({4}, "The corrugator contracts: brows lowered, with a deep vertical crease in the glabella."),
    ({6}, "The cheeks are pushed upwards, crow's feet appear at the outer corners of the eyes."),
    (
        {6},
        "There is a lifting of the cheeks, with wrinkling at the outer corners of the eyes and a "
        "narrowing of the eyes.",
    ),
    ({7}, "The eyelids are tightened and the eye aperture narrows, while the lower lid is raised and straight."),
    ({7}, "Both lower lids are tense and pulled upward, which narrows the eyes."),
    ({10}, "The upper lip is lifted straight up at its centre and takes on an angular shape."),
    ({10}, "The nasolabial folds deepen as the upper lip rises."),
    ({12}, "The corners of the lips are drawn back and upward in an oblique direction."),
    ({12}, "The mouth curves up at the corners."),
    ({14}, "The corners of the mouth are tightened and pulled inward, which produces dimples."),
    ({15}, "The mouth corners turn down."),
    ({15}, "The corners of the lips are depressed, with some pouching of the skin beneath them."),
    ({17}, "The chin is wrinkled and pushed upward, and the lower lip is raised with it."),
    ({17}, "The mentalis pulls the skin of the chin upwards, and the lower lip is pushed up."),
    ({23}, "The lips are tightened, and their red parts become narrower."),
    ({23}, "Tightened lips are rolled inwards so that less of the red is visible."),
    ({24}, "The lips are pressed against each other and become thinner."),
    ({24}, "The upper and lower lip are firmly pressed together, without any movement of the chin."),
    # pairs
    ({1, 2}, "The eyebrows are raised as a whole, with horizontal wrinkles across the entire forehead."),
    ({1, 4}, "The inner corners of the eyebrows are raised and pulled together; the outer ends do not rise."),
    ({6, 12}, "The lip corners are pulled up and the cheeks are raised, which causes crow's feet."),
    ({7, 12}, "While the lower eyelids are tightened and raised, the zygomaticus major pulls the lip corners upward."),
    ({10, 14}, "The centre of the upper lip is raised, and the mouth corners are pinched inwards."),
    ({12, 15}, "The lip corners are simultaneously pulled upward and downward, which makes the mouth look longer."),
    ({12, 24}, "The lips are pressed together and their corners are turned up."),
    ({15, 17}, "The chin boss rises and pushes up the lower lip, and the corners of the mouth are turned down."),
    ({17, 24}, "Pressed lips above a raised, wrinkled chin; the lower lip is pushed up."),
    ({14, 23}, "Dimples at the lip corners accompany tightened lips that show less red."),
    # larger sets
    ({1, 2, 4}, "The whole brow is raised and at the same time pulled together, so that it looks flat."),
    ({6, 7, 12}, "Raised cheeks, tight lower eyelids and lip corners that are drawn up and back make up this face."),
    (
        {4, 7, 17, 24},
        "The brows are lowered and drawn together. The eyelids are tightened. The chin is raised, and the lips are "
        "pressed together.",
    ),
    (
        {6, 10, 12, 15},
        "Cheeks raised; crow's feet. Upper lip raised at the centre. Lip corners pulled obliquely up and, against "
        "this, downwards.",
    ),
    (
        {1, 2, 12, 23},
        "The frontalis raises the inner and outer brows, and horizontal wrinkles cross the forehead. The lips are "
        "tightened and narrowed, but their corners are drawn up.",
    ),
    (
        {6, 7, 10, 12, 14, 17},
        "The face shows raised cheeks and tightened lower lids. The upper lip is raised, the lip corners are pulled "
        "upwards and also inwards with dimples, and the chin boss is pushed up.",
    ),
    # what is denied is not stated
    ({12}, "The lip corners are pulled up and back; the lips do not part and no teeth are shown."),
    ({4}, "The brows are lowered and drawn together instead of being raised."),
    ({24}, "The lips are pressed together, not parted."),
]


@pytest.mark.parametrize(("aus", "text"), CLEAN, ids=[text[:40] for _, text in CLEAN])
def test_is_read_and_has_no_fault(aus, text):
    report = lint(text, aus)
    assert report.ok, str(report)
    assert report.states == aus


@pytest.mark.parametrize(("aus", "text"), CLEAN, ids=[text[:40] for _, text in CLEAN])
def test_is_read_alike_when_nothing_is_asked_for(aus, text):
    report = lint(text)
    assert report.ok, str(report)
    assert report.states == aus
