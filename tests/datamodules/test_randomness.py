"""Random numbers from keys."""

import numpy as np

from datamodules.randomness import mix, seeds, uniform


def test_a_number_depends_on_its_own_keys_alone():
    together = uniform(3, 1, np.arange(10), count=4)
    assert np.array_equal(together[7:8], uniform(3, 1, np.array([7]), count=4))
    assert np.array_equal(together[:, :2], uniform(3, 1, np.arange(10), count=2))


def test_every_key_and_their_order_matter():
    numbers = {int(mix(*keys)) for keys in ((1, 2, 3), (1, 3, 2), (2, 1, 3), (1, 2), (1, 2, 4), (0, 1, 2, 3))}
    assert len(numbers) == 6


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
