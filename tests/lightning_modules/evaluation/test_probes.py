"""Probes: what truth, copies, sums and noise reach, on procedural faces whose truth is drawn."""

from __future__ import annotations

import pytest
import torch

from datamodules.procedural_faces import ProceduralFacesDataModule
from lightning_modules.evaluation.conflict_probe import SETS, ConflictProbe
from lightning_modules.evaluation.evaluation_set import EvaluationSet
from lightning_modules.evaluation.figures import Measured, value_of
from lightning_modules.evaluation.intensity_probe import IntensityProbe
from lightning_modules.evaluation.rendering import activation_of, rendered
from zoo.faces import intensity_of
from zoo.facs import AUS
from zoo.facs.action_units import ANTAGONISTS
from zoo.facs.composer import Composer
from zoo.recognizers.base import Recognition


class Reader:
    """Sees what is asked for: of a picture it takes the request whose turn it is."""

    aus = AUS

    def __init__(self, answers):
        self.answers = answers

    def __call__(self, images):
        return Recognition(self.answers[: len(images)], nodes=torch.zeros(len(images), 12, 1))


@pytest.fixture(scope="module")
def faces():
    data = ProceduralFacesDataModule(image_size=32, num_test=8, test_identities=4, frames_per_shot=2, on_the_fly=True)
    return EvaluationSet("seen", data)


@pytest.fixture(scope="module")
def probe(faces):
    return ConflictProbe(faces, num_people=1, recognizer=None)


@pytest.fixture(scope="module")
def true(probe):
    return probe.contributions(probe.truth)


def figure(probe, found, name, group="all"):
    row = Measured("a", [found])
    found = value_of(row, f"conflict_{name}", probe.subjects, probe.groups()[group])
    return None if found is None else found["value"]


def summed(places, batch, *, probe):
    """Add up what each AU does alone."""
    true = probe.truth(places, batch)
    alone = {aus[0]: true[place] - true[0] for place, aus in enumerate(SETS) if len(aus) == 1}
    return torch.stack([true[0] + sum((alone[au] for au in aus), torch.zeros_like(true[0])) for aus in SETS])


def test_every_person_is_asked_for_nothing_for_aus_alone_and_for_pairs(faces):
    asked = ConflictProbe(faces, num_people=2, recognizer=None).questions.asked
    assert len(asked) == 2 * len(SETS) == 38
    assert len(set(asked.labels.subject)) == 2
    shown = [tuple(au for au, present in zip(AUS, row, strict=True) if present) for row in asked.labels.occurrence]
    assert shown == [*SETS, *SETS]
    assert not asked.has_truth
    assert len(faces) == 8  # who was asked is left as it was
    assert faces.has_truth


def test_asked_for_nothing_the_truth_is_the_reference(probe):
    ((_, batch),) = probe.questions.asked.batches(2, [0, 1])
    assert torch.equal(batch["reference"][0], batch["reference"][1])
    drawn = rendered(probe.questions.asked, [0]).images
    torch.testing.assert_close(drawn, batch["reference"][:1], rtol=0, atol=1e-5)


def test_activations_are_of_the_intensity_that_is_asked_for(faces):
    occurrence = torch.eye(12, dtype=torch.bool)[:5]
    grades = torch.arange(1.0, 6.0)[:, None]
    asked = faces.asking("grades", [0] * 5, occurrence=occurrence, intensity=grades * occurrence)
    assert torch.equal(intensity_of(activation_of(asked, list(range(5)))), grades * occurrence)


def test_the_truth_interacts_as_it_does_and_lies_where_it_lies(probe, true):
    assert figure(probe, true, "interaction") == pytest.approx(1, abs=1e-5)
    assert figure(probe, true, "place_error") == pytest.approx(0, abs=1e-5)
    assert 0.2 < figure(probe, true, "deviation") < 0.8
    for pair in ("1+4", "12+15"):
        assert 0 < figure(probe, true, "landmark_place", pair) < 1
        assert figure(probe, true, "landmark_deviation", pair) > 0.05


def test_a_sum_of_single_aus_neither_deviates_nor_interacts(probe):
    def source(places, batch):
        return summed(places, batch, probe=probe)

    found = probe.contributions(source)
    # what exceeds white or black is cut off, and all is rounded to 8 bits
    assert figure(probe, found, "interaction") == pytest.approx(0, abs=0.1)
    assert figure(probe, found, "deviation") < 0.15
    assert figure(probe, found, "place_error") > 0.1
    assert figure(probe, found, "landmark_place") is None


def test_a_copy_does_nothing(probe):
    def source(places, batch):
        return batch["reference"]

    found = probe.contributions(source)
    assert figure(probe, found, "interaction") == 0
    assert figure(probe, found, "deviation") is None  # 0 / 0


def test_noise_looks_like_a_deviation_but_not_like_an_interaction(probe, true, generator):
    def source(places, batch):
        shown = probe.truth(places, batch)
        return (shown + 0.1 * torch.randn(shown.shape, generator=generator)).clamp(-1, 1)

    found = probe.contributions(source)
    assert figure(probe, found, "deviation") > 1.1 * figure(probe, true, "deviation")
    assert figure(probe, found, "interaction") == pytest.approx(1, abs=0.15)
    assert figure(probe, found, "place_error") < 0.1


def test_in_a_world_without_interaction_brows_add_up(probe, true):
    data = ProceduralFacesDataModule(image_size=32, num_test=1, test_identities=1, interaction=0.0, on_the_fly=True)
    linear = ConflictProbe(EvaluationSet("seen", data), num_people=1, recognizer=None)
    deviation = figure(linear, linear.contributions(linear.truth), "landmark_deviation", "1+4")
    assert deviation < 0.1 * figure(probe, true, "landmark_deviation", "1+4")


def test_both_aus_must_be_seen(faces):
    answers = torch.zeros(len(ANTAGONISTS), 12)
    for place, pair in enumerate(ANTAGONISTS):
        answers[place, [AUS.index(au) for au in pair]] = 0.9
    answers[ANTAGONISTS.index((1, 4)), AUS.index(4)] = 0.1
    probe = ConflictProbe(faces, num_people=1, recognizer=Reader(answers))
    found = probe.contributions(lambda places, batch: batch["reference"])
    assert figure(probe, found, "both_seen") == pytest.approx(1 - 1 / len(ANTAGONISTS))
    assert figure(probe, found, "both_seen", "1+4") == 0
    assert figure(probe, found, "both_seen", "12+15") == 1


@pytest.fixture(scope="module")
def sweep(faces):
    probe = IntensityProbe(faces, num_people=1, recognizer=Reader(torch.zeros(49, 12)))
    probe.questions.pictures = lambda source, person: torch.zeros(49, 3, 32, 32)
    return probe, probe.questions.asked.labels.intensity


def test_what_follows_the_intensity_has_full_rank_and_no_violations(sweep):
    probe, asked = sweep
    probe.recognizer.answers = asked / 5
    responses = probe.responses(None)
    found = probe.contributions(responses)
    means = {name: float(sums[:, 0].sum() / sums[:, 1].sum()) for name, sums in found.items()}
    assert means == pytest.approx({"intensity_rank": 1, "intensity_violations": 0, "intensity_rise": 1})
    assert probe.curves(responses)["12"] == pytest.approx([0, 0.4, 0.6, 0.8, 1])
    assert len(probe.subjects) == 12


def test_what_falls_violates_and_what_stays_has_no_rank(sweep):
    probe, asked = sweep
    probe.recognizer.answers = torch.where(asked > 0, 1 - asked / 5, 0)
    found = probe.contributions(probe.responses(None))
    assert torch.allclose(found["intensity_violations"][:, 0].float(), torch.tensor(0.75))
    probe.recognizer.answers = torch.full((49, 12), 0.4)
    found = probe.contributions(probe.responses(None))
    assert all((sums[:, 0] == 0).all() for sums in found.values())


def test_prompts_of_a_sweep_name_the_intensity_where_a_model_reads_it(sweep):
    probe, _ = sweep
    prompts = probe.questions.asked.prompts(Composer(word_intensity=True))
    assert len(set(prompts[1:5])) == 4
    plain = probe.questions.asked.prompts(Composer())
    assert len(set(plain[1:5])) == 1
