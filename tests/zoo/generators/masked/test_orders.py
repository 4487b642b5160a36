"""How many sites each pass reveals, and which."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import qmc

from zoo.generators.masked.orders import halton_order, halton_turns, reveal_counts, steps_of_levels


@given(st.integers(0, 300), st.integers(1, 80))
@settings(max_examples=100, deadline=None)
def test_all_sites_are_revealed_and_no_pass_is_wasted(num_sites, steps):
    counts = reveal_counts(num_sites, steps)
    assert len(counts) == steps
    assert sum(counts) == num_sites
    due = min(steps, num_sites)
    assert all(count > 0 for count in counts[:due])
    assert not any(counts[due:])


def test_what_is_left_falls_as_the_cosine():
    counts = reveal_counts(256, 8)
    left = [256 - sum(counts[: step + 1]) for step in range(8)]
    assert left == [math.floor(256 * math.cos(math.pi / 2 * (step + 1) / 8)) for step in range(7)] + [0]
    assert reveal_counts(256, 1) == [256]
    assert reveal_counts(16, 16) == [1] * 16


@given(st.integers(1, 12), st.integers(1, 60))
@settings(max_examples=100, deadline=None)
def test_every_level_has_a_step_and_coarse_ones_have_more(num_levels, steps):
    shared = steps_of_levels(num_levels, steps)
    assert len(shared) == num_levels
    assert sum(shared) == max(steps, num_levels)
    assert min(shared) >= 1
    assert shared == sorted(shared, reverse=True)


@pytest.mark.parametrize(("rows", "cols"), [(1, 1), (1, 7), (4, 4), (5, 3), (8, 8), (16, 16), (64, 64), (2, 31)])
def test_the_halton_order_meets_every_cell_once_in_the_order_of_the_sequence(rows, cols):
    order = halton_order(rows, cols)
    assert sorted(order) == list(range(rows * cols))
    points = qmc.Halton(d=2, scramble=False).random(40 * rows * cols)[1:]
    cells = (points[:, 0] * rows).astype(int) * cols + (points[:, 1] * cols).astype(int)
    met = list(dict.fromkeys(cells.tolist()))
    assert list(order[: len(met)]) == met


def test_each_sample_has_the_order_on_its_own_roll_of_the_grid():
    seeds = torch.arange(40)
    turns = halton_turns(seeds, 4, 6)
    assert torch.equal(turns.sort(1).values, torch.arange(24).expand(40, -1))
    plain = torch.empty(24, dtype=torch.long)
    plain[list(halton_order(4, 6))] = torch.arange(24)
    rolls = {
        tuple(plain.view(4, 6).roll((down, right), (0, 1)).flatten().tolist())
        for down in range(4)
        for right in range(6)
    }
    found = {tuple(each.tolist()) for each in turns}
    assert found <= rolls
    assert len(found) > 12
    assert torch.equal(halton_turns(seeds[7:9], 4, 6), turns[7:9])


def test_copies_take_their_turns_one_after_another():
    seeds = torch.arange(3)
    one, two = halton_turns(seeds, 4, 4), halton_turns(seeds, 4, 4, 2)
    assert torch.equal(two, torch.cat([one, one + 16], 1))
