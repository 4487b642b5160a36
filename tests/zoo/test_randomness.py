"""Random numbers from keys: those of SplitMix64, decided by the keys and their order alone, and even."""

import numpy as np

from zoo.randomness import mix, seeds, uniform


def split_mix(state):
    """SplitMix64's output for one state, in Python's integers."""
    mask = 2**64 - 1
    state = (state + 0x9E3779B97F4A7C15) & mask
    state = ((state ^ state >> 30) * 0xBF58476D1CE4E5B9) & mask
    state = ((state ^ state >> 27) * 0x94D049BB133111EB) & mask
    return state ^ state >> 31


def test_numbers_are_those_of_split_mix():
    assert int(mix(0)) == split_mix(0) == 0xE220A8397B1DCDAF  # the first number of the published generator
    assert int(mix(5, 9)) == split_mix(split_mix(5) ^ 9)
    assert int(mix(-1)) == split_mix(2**64 - 1)


def test_keys_broadcast_and_stay_as_they_are():
    rows, columns = np.arange(5)[:, None], np.arange(3)
    both = mix(8, rows, columns)
    assert both.shape == (5, 3)
    assert int(both[4, 2]) == int(mix(8, 4, 2))
    assert (rows[:, 0] == np.arange(5)).all()
    assert (columns == np.arange(3)).all()


def test_a_number_depends_on_its_own_keys_alone():
    together = uniform(3, 1, np.arange(10), count=4)
    assert np.array_equal(together[7:8], uniform(3, 1, np.array([7]), count=4))
    assert np.array_equal(together[:, :2], uniform(3, 1, np.arange(10), count=2))


def test_every_key_and_their_order_matter():
    numbers = {int(mix(*keys)) for keys in ((1, 2, 3), (1, 3, 2), (2, 1, 3), (1, 2), (1, 2, 4), (0, 1, 2, 3))}
    assert len(numbers) == 6


def test_bits_are_even():
    numbers = mix(1, np.arange(20_000))
    for bit in range(64):
        share = float(((numbers >> np.uint64(bit)) & np.uint64(1)).mean())
        assert abs(share - 0.5) < 0.016  # 4.5 deviations


def test_uniform_numbers_are_uniform():
    draws = uniform(0, np.arange(20_000), count=1)[:, 0]
    assert draws.dtype == np.float32
    assert draws.min() >= 0
    assert draws.max() < 1
    counts = np.histogram(draws, bins=20, range=(0, 1))[0]
    assert ((counts - 1000) ** 2 / 1000).sum() < 45  # chi-square, 19 degrees of freedom, p = 0.001
    assert abs(np.corrcoef(draws[:-1], draws[1:])[0, 1]) < 0.03


def test_seeds_are_not_negative_and_differ():
    values = seeds(5, np.arange(1000))
    assert values.min() >= 0
    assert len(np.unique(values)) == 1000
