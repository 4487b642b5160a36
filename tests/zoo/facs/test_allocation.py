"""Algorithm 1 against Appendix D, read line by line, on all sets of AUs."""

import itertools

import numpy as np
import pytest

from zoo.facs import AUS, COMBINATIONS, CONSTRUCTS
from zoo.facs.allocation import (
    NUM_SETS,
    aus_of,
    code_of,
    codes_of,
    construct_table,
    constructs_by_code,
    constructs_of,
)

# The headings of Appendix J.2 in their order, as the paper writes them: independent of zoo.facs.COMBINATIONS.
COMBINED_AU_LIST = [
    "AU6, AU12, AU15, and AU17",
    "AU6, AU12, AU17, and AU23",
    "AU1, AU2, and AU4",
    "AU10, AU15, and AU17",
    "AU6, AU7, and AU12",
    "AU6, AU12, and AU15",
    "AU12, AU15, and AU17",
    "AU12, AU17, and AU23",
    "AU10, AU17, and AU23",
    "AU1 and AU4",
    "AU1 and AU2",
    "AU10 and AU15",
    "AU10 and AU17",
    "AU15 and AU17",
    "AU10 and AU14",
    "AU14 and AU17",
    "AU6 and AU12",
    "AU7 and AU12",
    "AU12 and AU17",
    "AU12 and AU15",
    "AU12 and AU23",
    "AU12 and AU24",
    "AU14 and AU23",
    "AU17 and AU23",
    "AU17 and AU24",
    "AU15 and AU23",
]
AU_LIST = ["AU1", "AU2", "AU4", "AU6", "AU7", "AU10", "AU12", "AU14", "AU15", "AU17", "AU23", "AU24"]


def combine_activated_aus(row):
    """Algorithm 1, lines 1 to 21; a list stands for the set active_aus, so that its order is that of AU_LIST."""
    active_aus = [au for au in AU_LIST if row[au] == 1]  # 1
    res_list = []  # 2
    remove_set = set()  # 3
    for combination in COMBINED_AU_LIST:  # 4
        combination_simple = combination.replace(", and", ",").replace(" and", ",").replace(" ", "")  # 5
        combination_simple = combination_simple.split(",")  # 6
        if all(au in active_aus for au in combination_simple):  # 7
            res_list.append(combination)  # 8
            if len(combination_simple) > 2:  # 9
                for active_au in combination_simple:  # 10
                    active_aus.remove(active_au)  # 11
            else:  # 13
                remove_set.update(combination_simple)  # 14
    active_aus = [au for au in active_aus if au not in remove_set]  # 18
    if active_aus:  # 19
        res_list.extend(active_aus)  # 20
    return res_list


def numbers_in(name):
    return tuple(int(word.strip(",")[2:]) for word in name.split() if word.startswith("AU"))


ALL_SETS = [tuple(numbers) for size in range(len(AUS) + 1) for numbers in itertools.combinations(AUS, size)]


def test_the_order_of_the_paper_is_by_size():
    sizes = [len(numbers_in(name)) for name in COMBINED_AU_LIST]
    assert sizes == sorted(sizes, reverse=True)
    assert [numbers_in(name) for name in COMBINED_AU_LIST] == list(COMBINATIONS)


def test_every_set_is_described_as_appendix_d_says():
    assert len(ALL_SETS) == NUM_SETS
    for numbers in ALL_SETS:
        row = {au: int(int(au[2:]) in numbers) for au in AU_LIST}
        expected = [numbers_in(name) for name in combine_activated_aus(row)]
        assert list(constructs_of(numbers)) == expected, numbers


@pytest.mark.parametrize(
    ("aus", "expected"),
    [
        # the paper's Appendix H, row 1: both pairs with AU10 fire
        ((6, 7, 10, 12, 14, 15), ((6, 7, 12), (10, 15), (10, 14))),
        ((), ()),
        ((2,), ((2,),)),
        ((12, 14), ((12,), (14,))),
        ((12, 15, 17, 23), ((12, 15, 17), (23,))),  # 15+23 is blocked: AU15 is taken
        ((17, 23, 24), ((17, 23), (17, 24))),
    ],
)
def test_known_cases(aus, expected):
    assert constructs_of(aus) == expected


def test_constructs_cover_the_set_and_nothing_else():
    for code, constructs in enumerate(constructs_by_code()):
        covered = set().union(*constructs) if constructs else set()
        assert covered == set(aus_of(code))
        assert len(set(constructs)) == len(constructs)


def test_the_table_can_not_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        construct_table()[0, 0] = True


def test_codes_and_sets_are_one_to_one():
    assert [code_of(aus_of(code)) for code in range(NUM_SETS)] == list(range(NUM_SETS))
    occurrence = np.array([[number in aus for number in AUS] for aus in ALL_SETS])
    assert codes_of(occurrence).tolist() == [code_of(aus) for aus in ALL_SETS]


def test_an_au_outside_the_twelve_is_refused():
    with pytest.raises(ValueError, match=r"aus must be some of 1, 2, 4, .*, got 5\."):
        constructs_of({1, 5})


def test_table_columns_are_the_constructs():
    table = construct_table()
    assert table.shape == (NUM_SETS, len(CONSTRUCTS))
    for code in (0, 5, 77, 4095):
        assert tuple(CONSTRUCTS[index] for index in np.flatnonzero(table[code])) == constructs_of(aus_of(code))
