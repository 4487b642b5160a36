"""AU sets that are kept out of training."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datamodules.face_sampling import held_out_sets
from datamodules.held_out import sets_held_out, shows_held_out
from zoo.facs import AUS

ALL = [frozenset(each) for size in range(13) for each in itertools.combinations(AUS, size)]
ROWS = np.array([[au in each for au in AUS] for each in ALL])


@settings(max_examples=15, deadline=None)
@given(st.sets(st.sampled_from(AUS), min_size=1, max_size=4))
def test_an_open_end_means_all_sets_that_contain_the_named_ones(named):
    found = sets_held_out(["+".join(map(str, named)) + "+..."])
    assert set(map(frozenset, found)) == {each for each in ALL if named <= each}
    assert sets_held_out([[*named, "..."]]) == found


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sets(st.sampled_from(AUS), min_size=1), max_size=5))
def test_rows_are_found_by_their_exact_set(sets):
    found = sets_held_out([list(each) for each in sets])
    assert set(map(frozenset, found)) == set(map(frozenset, sets))
    shows = shows_held_out(ROWS, found)
    assert shows.tolist() == [each in sets for each in ALL]


def test_names_and_lists_in_any_order_mean_the_same():
    assert sets_held_out(["15+12", " 4 + 1 "]) == sets_held_out([[12, 15], [1, 4], [4, 1]]) == ((1, 4), (12, 15))


def test_shares_nest_and_depend_on_the_seed():
    assert sets_held_out(0.1) == held_out_sets(0.1)  # what stores were rendered with
    small, large = (set(sets_held_out(share, seed=3)) for share in (0.1, 0.2))
    assert small < large
    assert len(large) == pytest.approx(0.2 * 4083, rel=0.15)
    assert min(map(len, large)) >= 2
    assert large != set(sets_held_out(0.2, seed=4))
    assert sets_held_out(0.0, seed=3) == ()


@pytest.mark.parametrize("wrong", [[[1, 3]], ["12+"], ["..."], [""], [[]], ["12+...+15"], 1.0, -0.1, 2])
def test_what_is_no_set_is_refused(wrong):
    with pytest.raises(ValueError, match="held_out must"):
        sets_held_out(wrong)
