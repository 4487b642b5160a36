"""Figures with intervals, and paired differences, against slow loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score

from lightning_modules.evaluation.contributions import counts
from lightning_modules.evaluation.figures import FIGURES, Measured, difference_of, in_order, value_of

PEOPLE = [f"p{place // 4}" for place in range(40)]


@pytest.fixture
def labels(generator):
    return torch.rand(40, 12, generator=generator) < 0.4


def judged(labels, generator, *, wrong):
    """What a judge says that is wrong at this rate."""
    flips = torch.rand(labels.shape, generator=generator) < wrong
    return (labels ^ flips).float()


def measured(name, labels, *probabilities):
    known = torch.ones_like(labels)
    return Measured(name, [{"au_f1": counts(each, labels, known)} for each in probabilities])


def test_macro_f1_is_sklearns(labels, generator):
    seen = judged(labels, generator, wrong=0.2)
    found = value_of(measured("a", labels, seen), "au_f1", PEOPLE)
    expected = f1_score(labels.numpy(), seen.numpy() > 0.5, average="macro")
    assert found["value"] == pytest.approx(expected, abs=1e-9)
    assert found["low"] < expected < found["high"]


def test_unknown_labels_count_nowhere(labels, generator):
    seen, known = judged(labels, generator, wrong=0.3), torch.rand(40, 12, generator=generator) < 0.5
    whole = counts(seen, labels, known).sum(0)
    for au in range(12):
        rows = known[:, au].numpy()
        expected = f1_score(labels[:, au].numpy()[rows], seen[:, au].numpy()[rows] > 0.5)
        right, wrong, missed, _ = whole[au].tolist()
        assert 2 * right / (2 * right + wrong + missed) == pytest.approx(expected)


def test_a_part_of_the_frames_is_that_part_alone(labels, generator):
    seen = judged(labels, generator, wrong=0.2)
    mask = torch.arange(40) % 3 == 0
    part = measured("a", labels[mask], seen[mask])
    some = [person for person, chosen in zip(PEOPLE, mask.tolist(), strict=True) if chosen]
    whole = value_of(measured("a", labels, seen), "au_f1", PEOPLE, mask)
    assert whole == value_of(part, "au_f1", some)


def test_a_system_has_no_difference_to_itself(labels, generator):
    system = measured("a", labels, judged(labels, generator, wrong=0.2))
    assert difference_of(system, system, "au_f1", PEOPLE) == {"value": 0, "low": 0, "high": 0}


def test_pairing_narrows_the_interval_of_a_difference(generator):
    hardness = torch.rand(10, generator=generator).repeat_interleave(4)  # some people are hard for both
    noise = torch.randn(2, 40, generator=generator) * 0.01
    rows = [
        Measured(name, [{"l1": torch.stack([hardness + each + shift, torch.ones(40)], 1)}])
        for name, each, shift in zip("ab", noise, (0.0, 0.05), strict=True)
    ]
    alone = [value_of(row, "l1", PEOPLE) for row in rows]
    together = difference_of(rows[1], rows[0], "l1", PEOPLE)
    assert together["value"] == pytest.approx(alone[1]["value"] - alone[0]["value"])
    assert together["low"] > 0
    assert together["high"] - together["low"] < 0.2 * (alone[0]["high"] - alone[0]["low"])


def test_several_models_are_a_mean_whose_interval_is_over_them_too(labels, generator):
    good, bad = judged(labels, generator, wrong=0.05), judged(labels, generator, wrong=0.4)
    both = value_of(measured("a", labels, good, bad), "au_f1", PEOPLE)
    alone = [value_of(measured("a", labels, each), "au_f1", PEOPLE) for each in (good, bad)]
    assert both["members"] == pytest.approx([each["value"] for each in alone])
    assert both["value"] == pytest.approx(np.mean(both["members"]))
    # both draws can be of the same model
    assert both["low"] < alone[1]["high"] < alone[0]["low"] < both["high"]


def test_the_more_pictures_are_wrong_the_lower_the_figure(labels):
    values = []
    for wrong in (0, 4, 8, 16, 24, 40):  # so many frames show the AUs of another one
        seen = labels.float()
        seen[:wrong] = labels.roll(7, 0)[:wrong].float()
        values.append(value_of(measured("a", labels, seen), "au_f1", PEOPLE)["value"])
    assert values[0] == 1
    assert values == sorted(values, reverse=True)
    chance = value_of(measured("a", labels, labels.roll(11, 0).float()), "au_f1", PEOPLE)
    assert chance["low"] < values[-1] < chance["high"]


def test_what_nobody_has_is_none(labels, generator):
    system = measured("a", labels, judged(labels, generator, wrong=0.2))
    assert value_of(system, "l1", PEOPLE) is None
    never = {"both_seen": torch.zeros(40, 2)}
    assert value_of(Measured("a", [never]), "both_seen", PEOPLE) is None


def test_identity_is_1_for_the_true_face_and_0_for_a_stranger():
    statistic = FIGURES["identity"].statistic
    assert statistic(torch.tensor([[0.9, 0.9, 0.1], [0.1, 0.9, 0.1]])).tolist() == pytest.approx([1, 0])


def test_columns_have_an_order_and_unknown_ones_come_last():
    assert in_order(["lpips", "some_distance", "aaad", "l1"]) == ["aaad", "l1", "lpips", "some_distance"]
    assert math.isfinite(len(FIGURES))
