"""Keyed numbers: equal keys give equal numbers, any other key others, all of them even."""

import numpy as np

from zoo.facs.draws import keyed


def split_mix(state):
    """SplitMix64's output for one state, in Python's integers."""
    mask = 2**64 - 1
    state = (state + 0x9E3779B97F4A7C15) & mask
    state = ((state ^ state >> 30) * 0xBF58476D1CE4E5B9) & mask
    state = ((state ^ state >> 27) * 0x94D049BB133111EB) & mask
    return state ^ state >> 31


def test_numbers_are_those_of_split_mix():
    assert int(keyed(0)) == split_mix(0) == 0xE220A8397B1DCDAF  # the first number of the published generator
    assert int(keyed(5, 9)) == split_mix(split_mix(5) ^ 9)
    assert int(keyed(-1)) == split_mix(2**64 - 1)


def test_keys_broadcast_and_chain():
    rows, columns = np.arange(5)[:, None], np.arange(3)
    both = keyed(8, rows, columns)
    assert both.shape == (5, 3)
    assert int(both[4, 2]) == int(keyed(8, 4, 2)) == int(keyed(2, onto=keyed(8, 4)))


def test_the_hash_that_is_gone_on_from_stays_as_it_is():
    state = keyed(np.arange(4))
    before = state.copy()
    keyed(1, onto=state)
    assert (state == before).all()


def test_bits_are_even():
    numbers = keyed(1, np.arange(20_000))
    for bit in range(64):
        share = float(((numbers >> np.uint64(bit)) & np.uint64(1)).mean())
        assert abs(share - 0.5) < 0.016  # 4.5 deviations
