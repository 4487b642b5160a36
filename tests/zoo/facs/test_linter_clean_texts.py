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
    # more styles
    ({1}, "The brows slant upward toward the middle because their inner ends are raised."),
    ({1}, "AU1 lifts the inner part of the eyebrow."),
    ({1, 2}, "The person's eyebrows are raised, creating horizontal lines across the forehead."),
    ({1, 2}, "Both the inner and outer parts of the eyebrows are elevated."),
    ({4}, "A furrowed brow."),
    ({4}, "The eyebrows are knitted together and lowered."),
    ({4}, "The brow is furrowed, with vertical wrinkles between the eyebrows."),
    (
        {6},
        "The skin around the eyes is gathered inward, the cheeks bulge upwards, and wrinkles "
        "radiate from the outer corners of the eyes.",
    ),
    ({6}, "Cheek raising with crow's-feet wrinkles."),
    ({7}, "The eyes are narrowed into slits by tightened lids."),
    ({7}, "The lower eyelids push up against the eye, and they look straight rather than curved."),
    ({10}, "The upper lip is pulled upward, exposing a more square shape of the lip; the nasolabial furrow deepens."),
    ({10}, "The levator labii superioris raises the upper lip's centre."),
    ({12}, "The lip corners are stretched up and back towards the ears."),
    ({12}, "Lip corners pulled obliquely upward; nasolabial folds deepened."),
    ({12}, "The mouth's corners turn upward."),
    ({12}, "The corners of the mouth lift, and the cheeks become fuller."),
    ({14}, "The corners of the lips are tucked in, so that a dimple forms on each cheek."),
    ({14}, "Tightened mouth corners with dimples."),
    ({15}, "The lip corners are pulled downward, giving the mouth a drooping line."),
    ({15}, "The triangularis draws the mouth corners down."),
    ({17}, "The chin is pushed up, which makes the lower lip protrude."),
    ({17}, "The chin boss is dimpled and raised, so the lower lip is forced upward."),
    ({23}, "The lips are tight and thin, as the orbicularis oris narrows them."),
    ({23}, "The lips look narrow because they are tightened and turned inward."),
    ({24}, "The mouth is closed, with both lips pressed firmly against one another."),
    ({24}, "Lips are squeezed together and look thinner."),
    ({6, 12}, "With the cheeks raised and the lip corners pulled upward, crow's feet appear beside the eyes."),
    ({6, 12}, "The cheeks are lifted and the mouth corners are drawn up, pushing the nasolabial fold outwards."),
    (
        {12, 15},
        "The corners of the mouth are pulled up by the zygomaticus major and down by the depressor anguli oris.",
    ),
    ({15, 17}, "The mouth forms an inverted U: its corners are lowered, and the chin pushes the lower lip up."),
    ({17, 23}, "The lower lip is raised by the chin, and both lips are tightened."),
    ({4, 7}, "The brow is lowered and the eyelids are tightened, which narrows the eye opening."),
    (
        {1, 4, 15, 17},
        "The inner brows are raised and drawn together. The corners of the lips are pulled down "
        "and the chin is raised.",
    ),
    ({4, 7, 23}, "Brows lowered and pulled together, lids tightened, lips tightened."),
    (
        {1, 2, 4},
        "The eyebrows are raised and simultaneously drawn together, so that they look straight rather than arched.",
    ),
    ({10, 17}, "The upper lip is raised while the chin boss pushes the lower lip upward against it."),
    ({10, 12}, "The upper lip is raised and the lip corners are pulled up and back."),
    ({7, 12}, "Below the tightened, raised lower lids, the corners of the mouth move upward."),
    ({6, 7, 12}, "The cheeks push up, the lower lids tighten, and the lip corners rise."),
    ({12, 17}, "While the lip corners are drawn upward, the chin is wrinkled and raised."),
    ({14, 17}, "The lip corners are pulled inwards and the chin raised."),
    ({15, 23}, "The lip corners are drawn down, and the lips are rolled inward and tightened."),
    ({12, 23}, "The lip corners are pulled up, but the lips remain tight."),
    ({2}, "Only the outer portion of the eyebrows is raised."),
    ({2}, "The tail of each brow is raised. The inner brow stays where it is."),
    ({7}, "The eyes squint, with the lower lids drawn up. The cheeks are not raised."),
    ({12}, "Mouth corners up. No teeth are visible."),
    ({24}, "The lips are pressed together without being pulled in."),
    ({6}, "The orbicularis oculi, pars orbitalis, contracts, raising the cheeks."),
    (set(), "The face is at rest and no muscle moves."),
    (set(), "A woman with brown hair looks at the camera."),
    (set(), "The forehead is smooth, the mouth is closed and the lips are relaxed."),
    (
        {1, 4},
        "The inner eyebrows are angled upwards and squeezed towards each other, forming creases in the mid-forehead.",
    ),
    ({1, 2, 4}, "All parts of the brows rise, yet the brows are also pulled toward the nose."),
    ({4}, "There is a lowering of the eyebrows, which come nearer to each other."),
    ({4, 7}, "Eyebrows pulled down and together; eyelids tightened, making the eyes look smaller."),
    ({6}, "The skin beneath the eyes is pushed up by the cheeks, and lines fan out from the eye corners."),
    ({7}, "Tension is visible in the lower eyelids, which have moved upward."),
    ({10}, "An elevation of the upper lip changes its shape to a square."),
    ({10, 17}, "The upper lip lifts, and at the same time the chin shoves up the lower lip."),
    ({12}, "There is a pull on the lip corners, upward and outward."),
    ({12}, "The zygomatic major muscle lifts the corners of the mouth."),
    ({14}, "The buccinator muscles tighten the lip corners against the teeth, and small dimples show."),
    ({15}, "The ends of the mouth droop."),
    ({15, 17}, "Depressed lip corners are combined with a raised chin."),
    ({17}, "The chin shows a bumpy, wrinkled surface, and the lower lip is thrust upward."),
    ({23}, "There is a tightening of the lips, making them appear thinner."),
    ({24}, "The lips are held firmly together under pressure, which makes them flat."),
    ({6, 7, 12}, "Crow's feet, tightened lower lids and upturned lip corners are seen at once."),
    ({12, 14}, "The mouth corners are drawn upward and, at the same time, tucked in."),
    ({2, 12}, "The outer half of each eyebrow is elevated. The mouth is curved upwards at its corners."),
    ({1, 2, 7}, "Both brows are elevated along their entire length, whereas the lower lids are tense."),
    ({6, 10, 12}, "Cheeks and upper lip are raised, and the corners of the lips are pulled up and back."),
    ({12, 17}, "The raised chin pushes against the lower lip while the corners of the lips curve upward."),
    ({12, 24}, "Despite the pressed lips, the mouth corners tilt upwards."),
    ({15, 23}, "The lips are tight, narrow and turned down at the corners."),
    ({10, 15}, "The upper lip is drawn upward, and the corners are pulled down."),
    ({14, 17}, "Dimples form next to the mouth, and the chin bunches up and rises."),
    ({6}, "Raising of the cheeks. The lips are relaxed and closed."),
    ({17, 23}, "Lips tightened; chin raised."),
    ({1}, "The medial frontalis contracts, so the inner brows are lifted while the outer brows stay in place."),
    ({12}, "The lip corners are raised. The brows, the eyelids and the chin do not move."),
    ({1}, "The brow's inner ends point upward."),
    ({4}, "The eyebrows lie low and close to each other."),
    ({2}, "The eyebrow tails climb towards the hairline."),
    ({6}, "Cheek tissue bunches up under the eyes."),
    ({10}, "The centre of the upper lip is drawn straight upwards."),
    ({12}, "The lip corners angle upward."),
    ({15}, "A downward bend at the lip corners is visible."),
    ({17}, "The skin of the chin wrinkles as it is pushed up."),
    ({23}, "The lips narrow as their red part rolls in."),
    ({24}, "The lips press against each other so firmly that they flatten."),
    ({17, 12, 6}, "The cheeks are lifted, the lip corners pulled up and the chin boss pushed upward."),
    ({1, 15}, "While the inner brows go up, the lip corners go down."),
    ({10, 4}, "The brow is lowered while the upper lip is raised in the middle."),
    ({23, 7}, "Both the lower eyelids and the lips are tightened."),
    ({14}, "The lip corners are dimpled and drawn in."),
    ({12}, "The mouth is wide, with corners drawn up and out."),
    ({2, 4}, "The outer brows are raised although the brows are drawn together."),
    (
        {17, 15},
        "The mouth looks like an arch, because the corners sink and the lower lip is pushed upwards by the chin.",
    ),
    ({12, 6}, "The corners of the mouth are pulled up toward the cheekbones, which raises the cheeks."),
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
