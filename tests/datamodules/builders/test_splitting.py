"""Training, validation and test parts."""

import numpy as np
import pytest

from datamodules.builders.frames import Frames
from datamodules.builders.sources.base import DatasetError, RawFrames
from datamodules.builders.splitting import SplitRule, splits_of


def _frames(people, *, name="own", frames=3, **changes):
    subjects = [person for person in people for _ in range(frames)]
    count = len(subjects)
    return RawFrames(
        **{
            "name": name,
            "subject": subjects,
            "sequence": [""] * count,
            "frame": np.tile(np.arange(frames), len(people)),
            "occurrence": np.ones((count, 12), np.int8),
            "intensity": np.zeros((count, 12), np.float32),
            "images": [None] * count,
        }
        | changes
    )


def _splits(parts, rule):
    frames = Frames(parts)
    splits = splits_of(frames, np.arange(len(frames)), rule)
    of = {}
    for subject, split in zip(frames.subject, splits, strict=True):
        assert of.setdefault(subject, split) == split  # nobody is in two splits
    return of


PEOPLE = [f"F{number:03d}" for number in range(20)]
FOLDS = {"3fold": (frozenset(PEOPLE[:5]), frozenset(PEOPLE[5:12]), frozenset(PEOPLE[12:]))}


def test_whole_subjects_are_dealt_by_seed_in_each_data_set():
    parts = [_frames(PEOPLE, name="one"), _frames(PEOPLE[:10], name="two")]
    splits = _splits(parts, SplitRule("random", 0.2, 0.1))
    for name, count in (("one", 20), ("two", 10)):
        own = [split for subject, split in splits.items() if subject.startswith(f"{name}/")]
        assert (own.count("validation"), own.count("test"), len(own)) == (count // 5, count // 10, count)
    assert splits == _splits(parts, SplitRule("random", 0.2, 0.1))
    assert splits != _splits(parts, SplitRule("random", 0.2, 0.1, seed=1))
    # who is dealt what doesn't depend on the order of the frames
    assert splits == _splits([_frames(PEOPLE[::-1], name="one"), parts[1]], SplitRule("random", 0.2, 0.1))


def test_a_small_share_still_gives_somebody():
    splits = list(_splits([_frames(PEOPLE[:3])], SplitRule("random", 0.1, 0.1)).values())
    assert sorted(splits) == ["test", "train", "validation"]
    assert set(_splits([_frames(PEOPLE[:1])], SplitRule()).values()) == {"train"}


@pytest.mark.parametrize("text", ["3fold:P2", "3fold:2", "own/3fold:P2"])
def test_the_named_part_tests(text):
    splits = _splits([_frames(PEOPLE, folds=FOLDS)], SplitRule(text, 0.2, 0.5))
    assert {subject for subject, split in splits.items() if split == "test"} == {f"own/{who}" for who in PEOPLE[5:12]}
    assert list(splits.values()).count("validation") == round(0.2 * 13)


def test_each_of_several_data_sets_needs_its_fold():
    parts = [_frames(PEOPLE, name="one", folds=FOLDS), _frames(PEOPLE, name="two", folds=FOLDS)]
    splits = _splits(parts, SplitRule("one/3fold:P1, two/3fold:P3", 0.0))
    assert splits["one/F000"] == splits["two/F012"] == "test"
    assert splits["two/F000"] == splits["one/F012"] == "train"
    for text, reason in (
        ("one/3fold:P1", "says nothing of two"),
        ("3fold:P1", "must say which data set it is about"),
        ("one/3fold:P4,two/3fold:P1", "must name one of the parts 1 to 3 of 3fold"),
        ("4fold:P1", r"must name a published fold.*one/3fold"),
        ("fold one", "or the part of a fold that tests"),
    ):
        with pytest.raises(DatasetError, match=reason):
            _splits(parts, SplitRule(text))
    with pytest.raises(DatasetError, match="must have subjects of own, got none"):
        _splits([_frames(PEOPLE[:5], folds=FOLDS)], SplitRule("3fold:P3"))


def test_the_data_sets_own_splits_hold_where_it_has_any():
    given = ["test"] * 3 + ["", "validation", ""] + [""] * 3
    parts = [_frames(PEOPLE[:3], split=given), _frames(PEOPLE, name="other")]
    splits = _splits(parts, SplitRule())
    assert [splits[f"own/{who}"] for who in PEOPLE[:3]] == ["test", "validation", "train"]
    assert {split for subject, split in splits.items() if subject.startswith("other/")} == {
        "train",
        "validation",
        "test",
    }
    with pytest.raises(DatasetError, match=r"own/F000 is in train and in test.*--split random"):
        _splits([_frames(PEOPLE[:1], split=["train", "test", ""])], SplitRule())
    assert set(_splits([_frames(PEOPLE[:1], split=["train", "test", ""])], SplitRule("random")).values()) == {"train"}
