"""Figures by AU, construct and person, against sklearn and by hand."""

from __future__ import annotations

import pytest
import torch
from sklearn.metrics import average_precision_score, precision_score, recall_score

from lightning_modules.evaluation.breakdown import average_precision, by_au, by_construct, by_subject, leakage
from lightning_modules.evaluation.contributions import Tally
from lightning_modules.evaluation.judging import Judgement
from zoo.facs import AUS


@pytest.fixture
def tally(frames, generator):
    truth = Judgement(probability=frames.labels.occurrence.float() * 0.9)
    return Tally(frames, copied=Judgement(probability=torch.zeros(6, 12)), true=truth)


def test_average_precision_is_sklearns_with_ties(generator):
    asked = torch.rand(200, generator=generator) < 0.3
    score = ((asked + torch.rand(200, generator=generator)) * 5).round() / 10
    assert average_precision(score, asked) == pytest.approx(average_precision_score(asked.numpy(), score.numpy()))


def test_each_au_is_sklearns(tally, frames, generator):
    seen = Judgement(probability=torch.rand(6, 12, generator=generator))
    found = by_au(tally, [seen])
    for column, au in enumerate(AUS):
        labels = frames.labels.occurrence[:, column].numpy()
        if not labels.any():
            continue
        said = seen.probability[:, column].numpy() >= 0.5
        assert found[str(au)]["recall"] == pytest.approx(recall_score(labels, said))
        if said.any():
            assert found[str(au)]["precision"] == pytest.approx(precision_score(labels, said))
        assert found[str(au)]["num_asked"] == labels.sum()


def test_a_construct_is_shown_where_all_of_its_aus_are_seen(tally, frames):
    perfect = tally.true
    half = perfect.probability.clone()
    half[:, AUS.index(12)] = 0  # AU12 is never seen
    found = by_construct(tally, frames, [perfect])
    assert {"6+12", "12+15", "1+4", "17", "10+17+23"} == set(found)
    assert all(each["all_seen"] == 1 for each in found.values())
    found = by_construct(tally, frames, [Judgement(probability=half)])
    assert found["6+12"] == {"num_frames": 1, "all_seen": 0, "aus_seen": 0.5}
    assert found["1+4"]["all_seen"] == 1


def test_each_person_counts_alone(tally, frames):
    found = by_subject(tally, [tally.true])
    assert len(found) == 3
    assert sum(each["num_frames"] for each in found.values()) == 6
    assert all(each["au_f1_pooled"] == 1 for each in found.values())


def test_leakage_of_a_system_that_does_what_is_asked_is_on_the_diagonal(generator):
    asked = torch.rand(64, 12, generator=generator) < 0.4
    tally = Tally.__new__(Tally)
    tally.aus, tally.occurrence, tally.known = AUS, asked, torch.ones_like(asked)
    response = asked.float()
    response[:, 1] += 0.5 * asked[:, 0]  # AU1 brings half of AU2 along
    found = leakage(tally, [Judgement(probability=response)])
    expected = torch.eye(12)
    expected[0, 1] = 0.5
    assert torch.allclose(torch.tensor(found["matrix"]).float(), expected, atol=1e-5)
    assert found["diagonal_dominance"] == pytest.approx((11 + 1 / 1.5) / 12)
