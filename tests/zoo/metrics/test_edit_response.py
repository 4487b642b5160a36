"""Edits that are right, lazy, overdone and spilt, with figures by hand."""

import pytest
import torch

from zoo.metrics.edit_response import edit_error, edit_response, guarded_score, off_target_change, off_target_drift

TARGET = torch.tensor([[True, True, False, False]])
TRUE = torch.tensor([[3.0, -1.0, 0.0, 0.0]])


@pytest.mark.parametrize(
    ("change", "response", "drift", "error"),
    [
        ([3.0, -1.0, 0.0, 0.0], 1.0, 0.0, 0.0),  # right
        ([0.0, 0.0, 0.0, 0.0], 0.0, 0.0, 2.0),  # a copy
        ([6.0, -2.0, 0.0, 0.0], 2.0, 0.0, 2.0),  # overdone
        ([-3.0, 1.0, 0.0, 0.0], -1.0, 0.0, 4.0),  # the wrong way
        ([3.0, -1.0, 1.0, -2.0], 1.0, 0.75, 0.0),  # right, and something else
    ],
)
def test_edits_by_hand(change, response, drift, error):
    change = torch.tensor([change])
    assert float(edit_response(change, TRUE)) == response
    assert float(off_target_drift(change, TARGET)) == drift
    assert float(edit_error(change, TRUE, TARGET)) == error


def test_drift_without_what_was_asked_for_is_large_but_finite():
    change = torch.tensor([[0.0, 0.0, 1.0, 0.0]])
    assert float(off_target_drift(change, TARGET)) == pytest.approx(0.5e6)
    assert float(off_target_change(change, TARGET)) == 0.5


def test_figures_without_what_they_stand_on_are_nan():
    change = torch.ones(1, 4)
    nothing, everything = torch.zeros(1, 4, dtype=torch.bool), torch.ones(1, 4, dtype=torch.bool)
    assert edit_error(change, TRUE, nothing).isnan()
    assert off_target_drift(change, nothing).isnan()
    assert off_target_drift(change, everything).isnan()
    assert off_target_change(change, everything).isnan()
    assert edit_response(change, torch.zeros(1, 4)).isnan()


def test_no_part_of_the_score_can_be_bought():
    one, half = torch.ones(1), torch.full((1,), 0.5)
    assert float(guarded_score(one, one, one)) == pytest.approx(1.0)
    copy = guarded_score(half, one, torch.zeros(1))
    assert float(copy) == pytest.approx(3 / (2 + 1 + torch.e))
    assert copy < guarded_score(half, half, one) + 0.1
    assert float(guarded_score(one, torch.tensor([-0.2]), one)) == 0.0
    assert float(guarded_score(torch.zeros(1), one, one)) == 0.0
    assert guarded_score(one, one, torch.tensor([torch.nan])).isnan()
    # as far over as under costs the same
    assert guarded_score(one, one, torch.tensor([1.5])) == guarded_score(one, one, half)
