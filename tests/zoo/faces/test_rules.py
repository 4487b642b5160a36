"""The rules of FACS, one by one."""

from __future__ import annotations

import pytest
import torch

from zoo.faces.rules import Kinematics, kinematics
from zoo.facs import AUS, COMBINATIONS


def state(*numbers: int, strength: float = 0.9, interaction: float = 1.0) -> Kinematics:
    activation = torch.zeros(1, 2, len(AUS), dtype=torch.float64)
    for number in numbers:
        activation[..., AUS.index(number)] = strength
    return kinematics(activation, interaction=interaction)


def value(kinematic: torch.Tensor) -> float:
    return float(kinematic[0, 0])


def test_a_face_without_aus_is_at_rest():
    for name, amount in vars(state()).items():
        rest = 1.0 if name.endswith("_thick") else 0.0
        torch.testing.assert_close(amount, torch.full_like(amount, rest), atol=1e-9, rtol=0, msg=name)


@pytest.mark.parametrize(
    ("number", "name", "sign"),
    [
        (1, "brow_in_y", 1),
        (2, "brow_out_y", 1),
        (4, "brow_in_x", 1),
        (4, "brow_in_y", -1),
        (6, "cheek_up", 1),
        (6, "crow", 1),
        (7, "lid_low", 1),
        (10, "upper_lift", 1),
        (12, "corner_y", 1),
        (12, "corner_x", 1),
        (14, "dimple", 1),
        (15, "corner_y", -1),
        (17, "chin_up", 1),
        (23, "corner_x", -1),
        (23, "radial", 1),
        (24, "press_bulge", 1),
        (24, "upper_thick", -1),
    ],
)
def test_an_au_alone_moves_its_part_more_the_stronger_it_is(number: int, name: str, sign: int):
    amounts = torch.tensor([value(getattr(state(number, strength=step / 10), name)) for step in range(11)])
    assert (sign * amounts.diff() > 0).all()


def test_1_and_4_raise_the_inner_brow_and_draw_it_together():
    both, alone = state(1, 4), state(1)
    assert value(both.brow_in_y) > 0
    assert value(both.brow_mid_y) < value(alone.brow_mid_y)
    assert value(both.brow_in_x) > 0
    assert value(both.oblique) > 0.5 > value(alone.oblique)


def test_1_2_and_4_raise_less_than_1_and_2_and_draw_together_less_than_4():
    three, raised, drawn = state(1, 2, 4), state(1, 2), state(4)
    assert value(three.brow_mid_y) < value(raised.brow_mid_y)
    assert value(three.brow_out_y) < value(raised.brow_out_y)
    assert 0 < value(three.brow_in_x) < value(drawn.brow_in_x)
    assert value(three.brow_flat) > 0.5


def test_12_and_15_hold_the_corners_between_them_and_hook_their_ends():
    both, up, down = state(12, 15), state(12), state(15)
    assert value(down.corner_y) < value(both.corner_y) < value(up.corner_y)
    assert value(both.hook) > value(up.hook)
    assert value(both.beyond) > value(down.beyond)


def test_17_seals_lips_that_10_parts():
    assert value(state(10).part) > 0.05
    assert abs(value(state(10, 17).part)) < 0.01
    assert value(state(10, 17).mouth_up) > value(state(17).mouth_up)


def test_14_straightens_the_bend_of_10():
    assert value(state(10, 14).upper_bend) < 0.5 * value(state(10).upper_bend)


def test_23_and_24_differ_in_width_lips_and_lines():
    tight, pressed = state(23), state(24)
    assert value(tight.corner_x) < 3 * value(pressed.corner_x) < 0
    assert value(tight.upper_thick) > 2 * value(pressed.upper_thick)
    assert value(tight.radial) > 4 * value(pressed.radial)
    assert value(pressed.press_bulge) > 0.9
    assert value(tight.press_bulge) == 0


@pytest.mark.parametrize("numbers", COMBINATIONS)
def test_without_interaction_a_combination_is_the_sum_of_its_aus(numbers: tuple[int, ...]):
    rest, together = state(), state(*numbers, interaction=0.0)
    alone = [state(number) for number in numbers]
    for name, amount in vars(together).items():
        expected = getattr(rest, name) + sum(getattr(one, name) - getattr(rest, name) for one in alone)
        torch.testing.assert_close(amount, expected, atol=1e-12, rtol=0, msg=name)


def test_interaction_blends_sum_and_rules():
    half, ruled, summed = state(1, 2, 4, interaction=0.5), state(1, 2, 4), state(1, 2, 4, interaction=0.0)
    torch.testing.assert_close(half.brow_mid_y, (ruled.brow_mid_y + summed.brow_mid_y) / 2)
    assert not torch.allclose(ruled.brow_mid_y, summed.brow_mid_y)


def test_sides_act_on_their_own():
    activation = torch.zeros(1, 2, len(AUS))
    activation[0, 0, AUS.index(12)] = 1.0
    corner = kinematics(activation).corner_y[0]
    assert corner[0] > 0.1
    assert corner[1] == 0
