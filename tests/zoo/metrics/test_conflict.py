"""Conflicts: pose that doesn't count, places between actions, and sums that are none."""

import math

import pytest
import torch
from scipy.spatial import procrustes

from zoo.metrics.conflict import (
    both_visible,
    displacement,
    displacement_along,
    interaction_field,
    interaction_response,
    is_between,
    place_between,
    projection,
    superposition_deviation,
    superposition_error,
)


def _faces(generator, count=4):
    neutral = torch.rand(count, 20, 2, generator=generator) * 60
    return neutral, torch.randn(count, 20, 2, generator=generator)


def test_turning_scaling_and_shifting_the_head_is_no_displacement(generator):
    neutral, _ = _faces(generator)
    turn = torch.tensor([[math.cos(0.3), -math.sin(0.3)], [math.sin(0.3), math.cos(0.3)]])
    posed = 1.3 * neutral @ turn + torch.tensor([5.0, -7.0])
    torch.testing.assert_close(displacement(posed, neutral), torch.zeros_like(neutral), rtol=0, atol=1e-4)
    mirrored = neutral * torch.tensor([-1.0, 1.0])
    assert displacement(mirrored, neutral).norm() > 10  # a mirror image is no pose


def test_scipys_procrustes_agrees(generator):
    neutral, moved = _faces(generator)
    found = displacement(neutral + moved, neutral)
    for one, still, field in zip(neutral + moved, neutral, found, strict=True):
        scaled, fitted, _ = procrustes(still.double().numpy(), one.double().numpy())
        size = (still - still.mean(0)).double().norm().item()
        torch.testing.assert_close(field.double(), torch.from_numpy((fitted - scaled) * size), rtol=1e-3, atol=1e-4)


def test_movement_along_a_direction_is_a_mean_over_its_points():
    field = torch.tensor([[[0.0, -2.0], [0.0, -4.0], [9.0, 9.0]]])
    up = torch.tensor([[0.0, -1.0], [0.0, -3.0], [0.0, 0.0]])
    assert float(displacement_along(field, up)) == 3.0


def test_places_between_two_actions(generator):
    first, second = _faces(generator)
    for share in (0.0, 0.25, 1.0, 1.5):
        place = place_between((1 - share) * first + share * second, first, second)
        torch.testing.assert_close(place, torch.full((4,), share), rtol=0, atol=1e-5)
    assert place_between(first, first, first).isnan().all()
    places = torch.tensor([0.0, 0.05, 0.5, 0.95, 1.2, torch.nan])
    assert is_between(places).tolist() == [False, False, True, False, False, False]
    # what is neither, but aside, doesn't count as nearer to one of them
    aside = torch.zeros(1, 2, 2)
    aside[0, 1, 1] = 5
    one, other = torch.zeros(1, 2, 2), torch.zeros(1, 2, 2)
    one[0, 0, 0], other[0, 0, 0] = -1, 1
    assert float(place_between(aside, one, other)) == 0.5


def test_a_linear_sum_has_no_deviation(generator):
    first, second = _faces(generator)
    torch.testing.assert_close(
        superposition_deviation(first + second, first, second), torch.zeros(4), rtol=0, atol=1e-6
    )
    nothing = torch.zeros_like(first)
    alone = superposition_deviation(nothing, first, nothing)
    torch.testing.assert_close(alone, torch.ones(4))
    assert superposition_deviation(nothing, nothing, nothing).isnan().all()


def test_deviation_is_by_hand_and_judged_by_the_true_one():
    first, second, both = (torch.tensor([[[x, y]]]) for x, y in ((3.0, 0.0), (0.0, 4.0), (3.0, 0.5)))
    assert float(superposition_deviation(both, first, second)) == pytest.approx(0.5)
    linear = superposition_error(first + second, first, second, true=torch.tensor([0.5]))
    assert float(linear) == pytest.approx(0.5)
    assert float(superposition_error(both, first, second, true=torch.tensor([0.5]))) == pytest.approx(0.0)


def test_a_linear_sum_has_no_interaction_response_and_the_truth_has_one(generator):
    first, second = _faces(generator)
    both = 0.4 * first + 0.7 * second
    true = interaction_field(both, first, second)
    torch.testing.assert_close(interaction_response(true, true), torch.ones(4))
    summed = interaction_field(first + second, first, second)
    torch.testing.assert_close(interaction_response(summed, true), torch.zeros(4), rtol=0, atol=1e-5)
    torch.testing.assert_close(interaction_response(2 * true, true), torch.full((4,), 2.0))
    assert interaction_response(true, torch.zeros_like(true)).isnan().all()


def test_noise_feigns_a_deviation_and_no_interaction_response(generator):
    first, second, *noise = torch.randn(5, 200, 60, 3, generator=generator)
    true = interaction_field(0.5 * first + 0.5 * second, first, second)
    noisy = (first + second + noise[0], first + noise[1], second + noise[2])  # adds up, but for noise
    assert float(superposition_deviation(*noisy).mean()) > 0.5
    assert abs(float(interaction_response(interaction_field(*noisy), true).mean())) < 0.05


def test_sums_of_projections_weigh_by_length():
    field = torch.tensor([[[1.0, 0.0]], [[0.0, 3.0]]])
    onto = torch.tensor([[[2.0, 0.0]], [[0.0, 1.0]]])
    parts = projection(field, onto)
    assert parts.tolist() == [[2.0, 4.0], [3.0, 1.0]]
    assert float(parts.sum(0)[0] / parts.sum(0)[1]) == 1.0


def test_both_actions_must_be_seen():
    probability = torch.tensor([[0.9, 0.1, 0.5], [0.9, 0.1, 0.4]])
    assert both_visible(probability, 0, 2).tolist() == [True, False]
    assert both_visible(probability, 0, 1, threshold=0.1).all()
