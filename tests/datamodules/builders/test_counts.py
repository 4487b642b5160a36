"""What is counted, against counting row by row."""

import itertools
import time

import numpy as np
import pandas as pd
import pytest

from datamodules.builders.counts import Labels, count_labels
from zoo.facs import AUS, COMBINATIONS

PAIRS = ("1+4", "2+4", "10+17", "10+24", "12+14", "12+15", "12+23", "12+24")


def _labels(rows=400, seed=0):
    generator = np.random.default_rng(seed)
    occurrence = (generator.random((rows, 12)) < 0.3).astype(np.int8)
    occurrence[generator.random(occurrence.shape) < 0.03] = 9
    intensity = generator.integers(0, 6, occurrence.shape).astype(np.float32)
    intensity[generator.random(occurrence.shape) < 0.5] = np.nan
    person = generator.integers(0, 12, rows)
    subject = [f"{'bp4d' if who < 5 else 'bp4dplus'}/P{who}" for who in person]
    split = [("train", "validation", "test")[who % 3] for who in person]
    return Labels(occurrence, intensity, subject, split)


def _fired(aus):
    """Algorithm 1, line by line, for one set."""
    active, marked, fired = set(aus), set(), []
    for combination in COMBINATIONS:
        if set(combination) <= active:
            fired.append(combination)
            if len(combination) > 2:
                active -= set(combination)
            else:
                marked |= set(combination)
    return fired + [(au,) for au in AUS if au in active - marked]


@pytest.fixture(scope="module")
def labels():
    return _labels()


@pytest.fixture(scope="module")
def sets(labels):
    return [frozenset(au for au, code in zip(AUS, row, strict=True) if code == 1) for row in labels.occurrence]


@pytest.fixture(scope="module")
def found(labels):
    return count_labels(labels)


def test_categories_are_those_of_each_entry(labels, sets, found):
    pairs = [frozenset(map(int, pair.split("+"))) for pair in PAIRS]
    number_of = {
        "antagonists": lambda aus: sum(pair <= aus for pair in pairs),
        "interacting": lambda aus: sum(len(each) > 1 for each in _fired(aus)),
    }
    for name, number in number_of.items():
        rows = []
        for aus, codes in zip(sets, labels.occurrence, strict=True):
            conflicts = number(aus)
            if conflicts:
                rows.append(("conflicting", conflicts, 9 in codes))
            elif aus:
                rows.append(("single" if len(aus) == 1 else "non_conflicting", len(aus), 9 in codes))
        table = pd.DataFrame(rows, columns=["category", "occurrences", "unknown"])
        for category, part in table.groupby("category"):
            counted = found["categories"][name][category]
            assert counted["entries"] == len(part)
            assert counted["occurrences"] == part.occurrences.sum()
            assert counted["with_unknown_aus"] == part.unknown.sum()
            assert counted["share"] == pytest.approx(len(part) / len(table), abs=1e-6)
            assert counted["occurrence_share"] == pytest.approx(
                part.occurrences.sum() / table.occurrences.sum(), abs=1e-6
            )


def test_constructs_and_antagonists_are_counted_by_entry(sets, found):
    fired = pd.Series(["+".join(map(str, each)) for aus in sets for each in _fired(aus)]).value_counts()
    assert {name: count for name, count in found["constructs"]["entries"].items() if count} == fired.to_dict()
    for pair in PAIRS:
        assert found["antagonists"]["entries"][pair] == sum(set(map(int, pair.split("+"))) <= aus for aus in sets)
    assert tuple(found["antagonists"]["entries"]) == PAIRS


def test_rates_leave_unknown_aus_apart(labels, found):
    table = pd.DataFrame(labels.occurrence, columns=[f"AU{au}" for au in AUS]).replace(9, np.nan)
    for name, column in table.items():
        counted = found["aus"][name]
        assert counted["unknown"] == column.isna().sum()
        assert counted["present"] == column.sum()
        assert counted["absent"] == (column == 0).sum()
        assert counted["rate"] == pytest.approx(column.mean(), abs=1e-6)
        by_split = column.groupby(np.array(labels.split)).mean()
        assert counted["rate_by_split"] == pytest.approx(by_split.to_dict(), abs=1e-6)


def test_sets_and_those_that_training_lacks_are_counted(labels, sets, found):
    split = np.array(labels.split)
    shown = {name: [aus for aus, each in zip(sets, split, strict=True) if each == name] for name in set(split)}
    assert found["au_sets"]["distinct"] == len(set(sets) - {frozenset()})
    for name in ("validation", "test"):
        unseen = [aus for aus in shown[name] if aus and aus not in set(shown["train"])]
        assert found["unseen_sets"][name]["sets"] == len(set(unseen))
        assert found["unseen_sets"][name]["entries"] == len(unseen)
    most = found["au_sets"]["most_common"]
    assert list(most.values()) == sorted(most.values(), reverse=True)
    name = next(name for name in most if name != "none")
    assert most[name] == sets.count(frozenset(map(int, name.split("+"))))


def test_entries_are_counted_by_data_set_split_subject_and_number_of_aus(labels, sets, found):
    subject = pd.Series(labels.subject)
    entries = found["entries"]
    assert entries["total"] == 400
    assert entries["without_active_aus"] == sets.count(frozenset())
    assert entries["with_unknown_aus"] == (labels.occurrence == 9).any(1).sum()
    assert entries["by_data_set"] == subject.str.split("/").str[0].value_counts().to_dict()
    assert entries["by_split"] == pd.Series(labels.split).value_counts().to_dict()
    assert entries["by_number_of_active_aus"] == [sum(len(aus) == number for aus in sets) for number in range(13)]
    assert found["subjects"]["entries"] == subject.value_counts().to_dict()
    assert found["subjects"]["entries_per_subject"]["median"] == subject.value_counts().median()
    assert sum(part["subjects"] for part in found["subjects"]["by_split"].values()) == 12


def test_co_occurrence_is_counted_where_both_are_known(labels, found):
    present, known = labels.occurrence == 1, labels.occurrence != 9
    for first, second in itertools.product(range(12), repeat=2):
        assert found["co_occurrence"]["present"][first][second] == (present[:, first] & present[:, second]).sum()
        assert found["co_occurrence"]["known"][first][second] == (present[:, first] & known[:, second]).sum()


def test_intensities_are_counted_where_known(labels, found):
    for place, au in enumerate(AUS):
        values = pd.Series(labels.intensity[:, place])
        counted = found["intensity"]["aus"][f"AU{au}"]
        assert counted["unknown"] == values.isna().sum()
        assert counted["by_level"] == [int((values == level).sum()) for level in range(6)]


def test_every_figure_has_its_definition(found):
    for name, part in found.items():
        assert "definition" in part, name
    for name in ("antagonists", "interacting"):
        conflicts = found["categories"][name]
        assert all(len(conflicts[each]["definition"]) > 20 for each in ("single", "non_conflicting", "conflicting"))
    assert found["categories"]["antagonists"]["definition"] != found["categories"]["interacting"]["definition"]


def test_one_entry_and_none():
    labels = _labels(1)
    assert count_labels(labels)["entries"]["total"] == 1
    empty = Labels(labels.occurrence[:0], labels.intensity[:0], [], [])
    with pytest.raises(ValueError, match="at least one entry"):
        count_labels(empty)


def test_as_many_rows_as_the_papers_take_seconds():
    labels = _labels(302_169)
    start = time.perf_counter()
    count_labels(labels)
    assert time.perf_counter() - start < 10  # 0.4 s on a quiet machine
