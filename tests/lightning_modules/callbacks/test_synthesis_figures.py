"""Figures of synthesised faces, against other people's formulas and by hand."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score

from lightning_modules.callbacks.synthesis_figures import SynthesisFigures
from lightning_modules.callbacks.synthesis_regions import acting_pixels
from zoo.facs import AUS

SIDE = 16


class Reads:
    """A recogniser of faces that say their AUs in the first pixels of their first row."""

    aus = AUS

    def __call__(self, faces):
        return SimpleNamespace(probability=(faces[:, 0, 0, : len(AUS)] > 0).float())


def faces_of(aus, *, generator):
    faces = torch.rand(len(aus), 3, SIDE, SIDE, generator=generator) * 0.2 - 0.1
    faces[:, 0, 0, : len(AUS)] = aus.float() * 2 - 1
    return faces


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


@pytest.fixture
def case(generator):
    """Random labels, and faces that show other random ones."""
    asked, known, shown, at_first = (
        torch.rand(40, len(AUS), generator=generator) < share for share in (0.4, 0.8, 0.5, 0.2)
    )
    batch = {
        "reference": faces_of(at_first, generator=generator),
        "occurrence": asked,
        "known": known,
        "subject": [f"people/{row // 4}" for row in range(40)],
    }
    return SimpleNamespace(batch=batch, asked=asked, known=known, shown=shown, at_first=at_first)


def measured(batch, images, truth, **judges):
    figures = SynthesisFigures(**judges)
    for rows in (slice(0, 24), slice(24, None)):  # in two batches
        part = {name: value[rows] for name, value in batch.items()}
        figures.update(part, images[rows], truth=truth[rows], coded=truth[rows])
    found = figures.compute()
    json.dumps(found, allow_nan=False)
    return found


def macro(truth, seen, known):
    each = [f1_score(truth[known[:, au], au], seen[known[:, au], au], zero_division=np.nan) for au in range(len(AUS))]
    return np.nanmean(each), each


def test_f1_of_aus_and_of_their_changes(case, generator):
    images, truth = faces_of(case.shown, generator=generator), faces_of(case.asked, generator=generator)
    found = measured(case.batch, images, truth, recognizer=Reads())
    plain, each = macro(case.asked, case.shown, case.known)
    changed, each_changed = macro(case.asked ^ case.at_first, case.shown ^ case.at_first, case.known)
    copied, _ = macro(case.asked, case.at_first, case.known)
    assert found["au_f1_synthesised"] == pytest.approx(plain, abs=1e-4)
    assert found["au_change_f1_synthesised"] == pytest.approx(changed, abs=1e-4)
    assert found["au_f1_copied"] == pytest.approx(copied, abs=1e-4)
    assert found["au_f1_true"] == found["au_change_f1_true"] == found["au_f1_codec"] == 1
    assert list(found["au_f1_synthesised_each"]) == [str(au) for au in AUS]
    assert list(found["au_f1_synthesised_each"].values()) == pytest.approx(each, abs=1e-4)
    assert list(found["au_change_f1_synthesised_each"].values()) == pytest.approx(each_changed, abs=1e-4)
    low, high = found["au_change_f1_synthesised_interval"]
    assert low < found["au_change_f1_synthesised"] < high
    frames = (case.asked & case.known).sum(0).tolist()
    assert list(found["au_num_frames_each"].values()) == frames


def test_a_copied_reference_changes_nothing(case, generator):
    found = measured(case.batch, case.batch["reference"], faces_of(case.asked, generator=generator), recognizer=Reads())
    assert found["au_change_f1_synthesised"] == 0
    assert found["au_f1_synthesised"] == found["au_f1_copied"] > 0


def test_an_au_that_the_reference_shows_already_earns_nothing(generator):
    asked = torch.zeros(2, len(AUS), dtype=torch.bool)
    asked[:, :2] = True
    at_first = asked.clone()
    at_first[:, 1] = False
    batch = {
        "reference": faces_of(at_first, generator=generator),
        "occurrence": asked,
        "known": torch.ones_like(asked),
        "subject": ["a", "b"],
    }
    found = measured(
        batch, faces_of(at_first, generator=generator), faces_of(asked, generator=generator), recognizer=Reads()
    )
    each = found["au_change_f1_synthesised_each"]
    assert found["au_f1_synthesised_each"]["1"] == 1
    assert each["1"] is None  # nothing was to change, and nothing did
    assert each["2"] == 0


def test_change_about_the_regions_and_beside(generator):
    from zoo.faces import IDENTITY_RANGES, FaceRenderer, sample_faces

    people = torch.tensor(IDENTITY_RANGES["test"][:4])
    neutral = sample_faces(people, torch.arange(4), torch.arange(4)).without_nuisance().neutral()
    drawn = FaceRenderer(32)(neutral)
    asked = torch.zeros(4, len(AUS), dtype=torch.bool)
    asked[:, AUS.index(12)] = True
    asked[3] = False  # at rest: acts nowhere
    where = acting_pixels(asked, drawn.landmarks, image_size=32)
    assert not where[3].any()
    assert 0.05 < where[:3].float().mean() < 0.3
    images = drawn.images + 0.25 * where[:, None] + 0.05
    batch = {
        "reference": drawn.images,
        "occurrence": asked,
        "known": torch.ones_like(asked),
        "subject": list("abcd"),
        "landmarks": drawn.landmarks,
    }
    found = measured(batch, images, drawn.images)
    assert found["change_in_regions_synthesised"] == pytest.approx(0.3, abs=1e-4)
    assert found["change_beside_regions_synthesised"] == pytest.approx(0.05, abs=1e-4)
    assert found["change_in_regions_true"] == found["change_beside_regions_true"] == 0
    assert "au_f1_true" not in found


def test_regions_hold_most_of_what_an_au_changes():
    from zoo.faces import IDENTITY_RANGES, FaceRenderer, sample_faces

    people = torch.tensor([IDENTITY_RANGES["test"][0]] * len(AUS))
    views = torch.zeros(len(AUS), dtype=torch.long)
    neutral = sample_faces(people, views, views).without_nuisance().neutral()
    activation = torch.eye(len(AUS))[:, None].expand(-1, 2, -1) * 0.8
    renderer = FaceRenderer(64)
    at_rest, acting = renderer(neutral), renderer(neutral.with_activation(activation))
    change = (acting.images - at_rest.images).abs().mean(1)
    where = acting_pixels(torch.eye(len(AUS)).bool(), acting.landmarks, image_size=64)
    held = (change * where).sum((1, 2)) / change.sum((1, 2))
    assert held.min() > 0.7
    assert held.mean() > 0.85
    assert where.float().mean((1, 2)).max() < 0.3


def test_other_landmarks_and_none_are_passed_over(case, generator):
    batch = {name: case.batch[name] for name in ("reference", "occurrence", "known", "subject")}
    truth = faces_of(case.asked, generator=generator)
    assert "change_in_regions_true" not in measured(batch, truth, truth)
    assert "change_in_regions_true" not in measured({**batch, "landmarks": torch.rand(40, 49, 2)}, truth, truth)


def test_models_without_a_codec_have_no_figures_of_one(case, generator):
    images, truth = faces_of(case.shown, generator=generator), faces_of(case.asked, generator=generator)
    whole = measured(case.batch, images, truth, recognizer=Reads())
    figures = SynthesisFigures(recognizer=Reads())
    figures.update(case.batch, images, truth=truth, coded=None)
    found = figures.compute()
    assert {name for name in whole if name not in found} == {name for name in whole if "codec" in name}
    assert found["au_f1_synthesised_each"] == whole["au_f1_synthesised_each"]
