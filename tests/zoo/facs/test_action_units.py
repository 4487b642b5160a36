"""The AUs and their combinations."""

from __future__ import annotations

from zoo.facs import AUS, COMBINATIONS
from zoo.facs.action_units import ACTION_UNITS


def test_aus_are_the_twelve_of_bp4d_in_order():
    assert AUS == (1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24)
    assert [str(unit) for unit in ACTION_UNITS][:2] == ["AU1", "AU2"]


def test_base_rates_are_shares():
    assert all(0 < unit.base_rate < 1 for unit in ACTION_UNITS)


def test_the_26_combinations_are_sorted_sets_of_two_to_four_aus():
    assert len(COMBINATIONS) == len(set(COMBINATIONS)) == 26
    for numbers in COMBINATIONS:
        assert 2 <= len(numbers) <= 4
        assert list(numbers) == sorted(set(numbers))
        assert set(numbers) <= set(AUS)
