"""The weighted asymmetric loss and its pair loss, against plain loops."""

import math

import pytest
import torch

from zoo.losses.pair_cross_entropy import PairCrossEntropyLoss
from zoo.losses.weighted_asymmetric import WeightedAsymmetricLoss


def test_it_is_the_formula_over_what_is_known(generator):
    rates = [0.5, 0.25, 0.1]
    loss = WeightedAsymmetricLoss(base_rates=rates)
    probability = torch.rand(4, 3, generator=generator)
    occurrence, known = (torch.rand(4, 3, generator=generator) < 0.5 for _ in range(2))
    total, count = 0.0, 0
    for row in range(4):
        for au in range(3):
            p, w = probability[row, au].item(), 3 * (1 / rates[au]) / sum(1 / rate for rate in rates)
            if known[row, au]:
                total -= w * (math.log(p) if occurrence[row, au] else p * math.log(1 - p))
                count += 1
    assert loss(probability, occurrence, known).item() == pytest.approx(total / count, rel=1e-5)


def test_absent_aus_weigh_by_a_probability_that_takes_no_gradient():
    probability = torch.tensor([[0.8]], requires_grad=True)
    WeightedAsymmetricLoss(base_rates=[0.3])(probability, torch.tensor([[False]]), torch.tensor([[True]])).backward()
    assert probability.grad.item() == pytest.approx(0.8 / (1 - 0.8), rel=1e-5)


def test_bp4ds_rates_give_the_published_weights_roughly():
    # ME-GraphAU's weights of BP4D's first fold; its rates are other than the literature's by a few points
    published = torch.tensor([1.343, 1.690, 1.248, 0.561, 0.433, 0.436, 0.457, 0.541, 1.408, 0.723, 1.493, 1.667])
    torch.testing.assert_close(WeightedAsymmetricLoss().weights, published, atol=0.18, rtol=0.0)


def test_extreme_probabilities_and_unknown_labels_stay_finite():
    loss = WeightedAsymmetricLoss(base_rates=[0.5, 0.5])
    probability = torch.tensor([[0.0, 1.0]], requires_grad=True)
    value = loss(probability, torch.tensor([[True, False]]), torch.ones(1, 2, dtype=torch.bool))
    value.backward()
    assert value.isfinite()
    assert probability.grad.isfinite().all()
    probability.grad = None
    nothing = loss(probability, torch.tensor([[True, False]]), torch.zeros(1, 2, dtype=torch.bool))
    nothing.backward()
    assert nothing.item() == 0.0
    assert not probability.grad.any()


def test_a_rate_of_zero_is_refused():
    with pytest.raises(ValueError, match="base_rates must be above 0"):
        WeightedAsymmetricLoss(base_rates=[0.5, 0.0])


def test_pairs_are_told_by_their_joint_state(generator):
    logits = torch.randn(3, 9, 4, generator=generator)
    occurrence, known = (torch.rand(3, 3, generator=generator) < 0.6 for _ in range(2))
    terms = []
    for row in range(3):
        for i in range(3):
            for j in range(3):
                if known[row, i] and known[row, j]:
                    state = 2 * int(occurrence[row, i]) + int(occurrence[row, j])
                    terms.append(-logits[row, 3 * i + j].log_softmax(0)[state])
    expected = torch.stack(terms).mean()
    torch.testing.assert_close(PairCrossEntropyLoss()(logits, occurrence, known), expected)
    assert PairCrossEntropyLoss()(logits, occurrence, torch.zeros_like(known)).item() == 0.0
