"""Which frames become entries and which faces serve as references, against an independent reading of the rule."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datamodules.builders.frames import Frames
from datamodules.builders.selection import check_frames, entries_of, reference_candidates
from datamodules.builders.sources.base import DatasetError, Problems, RawFrames


def raw_frames(labels, *, subjects=None, intensity=None, name="own", **changes):
    """Frames with these rows of twelve labels, without images."""
    count = len(labels)
    occurrence = np.array(labels, dtype=np.int8).reshape(count, 12)
    values = {
        "name": name,
        "subject": subjects or ["a"] * count,
        "sequence": [""] * count,
        "frame": np.arange(count),
        "occurrence": occurrence,
        "intensity": np.full((count, 12), np.nan, np.float32) if intensity is None else intensity,
        "images": [None] * count,
    }
    return RawFrames(**{**values, **changes})


def _row(*present, unknown=()):
    return [1 if place in present else 9 if place in unknown else 0 for place in range(12)]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.lists(st.sampled_from([0, 0, 0, 1, 9]), min_size=12, max_size=12)),
        min_size=1,
        max_size=30,
    ),
    st.integers(0, 5),
)
def test_the_rule_of_the_paper_read_line_by_line(rows, seed):
    frames = Frames([raw_frames([labels for _, labels in rows], subjects=[subject for subject, _ in rows])])
    people = sorted({f"own/{subject}" for subject, _ in rows})
    ordered = reference_candidates(frames, people, seed=seed)
    assert list(ordered) == people
    for person in people:
        own = [place for place, (subject, _) in enumerate(rows) if f"own/{subject}" == person]
        first = ordered[person][0]
        assert sorted(ordered[person]) == own
        # "We randomly select an image with no AUs activated"
        resting = [place for place in own if 1 not in rows[place][1] and set(rows[place][1]) != {9}]
        if resting:
            fewest = min(rows[place][1].count(9) for place in resting)
            assert first in [place for place in resting if rows[place][1].count(9) == fewest]
        # "in cases where no image exists ..., we select the image with the smallest index"
        else:
            assert first == own[0]
    # the draw depends on the frame's name alone: other people's frames change nothing
    alone = Frames([raw_frames([labels for _, labels in rows], subjects=[subject for subject, _ in rows])])
    assert reference_candidates(alone, people[:1], seed=seed)[people[0]] == ordered[people[0]]


def test_the_draw_is_fair_over_seeds():
    frames = Frames([raw_frames([_row(), _row(), _row(3), _row()])])
    chosen = [reference_candidates(frames, ["own/a"], seed=seed)["own/a"][0] for seed in range(300)]
    assert set(chosen) == {0, 1, 3}
    assert min(chosen.count(place) for place in (0, 1, 3)) > 70


def test_a_trace_of_an_au_is_not_neutral():
    intensity = np.zeros((3, 12), np.float32)
    intensity[0, 5] = intensity[2, 5] = 1  # DISFA calls that absent
    frames = Frames([raw_frames([_row()] * 3, intensity=intensity)])
    assert all(reference_candidates(frames, ["own/a"], seed=seed)["own/a"][0] == 1 for seed in range(9))


def test_entries_have_an_active_au_and_are_not_their_own_reference():
    labels = [_row(1), _row(), _row(2, unknown=(3, 4)), _row(unknown=range(12)), _row()]
    reference = np.array([4, 4, 4, 4, 4])
    frames = Frames([raw_frames(labels, reference=reference)])
    entries, left_out = entries_of(frames, keep_neutral=False)
    assert entries.tolist() == [0, 2]
    assert left_out == {"no AU known": 1, "no AU active": 1}
    entries, left_out = entries_of(frames, keep_neutral=True)
    assert entries.tolist() == [0, 1, 2]
    assert left_out == {"no AU known": 1}
    with pytest.raises(DatasetError, match="must be frames with an active AU, got none among 2"):
        entries_of(Frames([raw_frames([_row(), _row()])]), keep_neutral=False)


def test_data_sets_stand_side_by_side():
    first = raw_frames([_row(1), _row()], name="one", reference=np.array([1, -1]), split=["train", "train"])
    second = raw_frames([_row(2)], name="two", landmarks={0: np.ones((5, 2), np.float32)})
    frames = Frames([first, second])
    assert frames.source == ["one/a/0", "one/a/1", "two/a/0"]
    assert frames.named_reference.tolist() == [1, -1, -1]
    assert frames.split.tolist() == ["train", "train", ""]
    assert frames.landmarks(0) is None
    assert frames.landmarks(2).sum() == 10
    assert frames.side is None
    assert frames.fingerprint != Frames([second, first]).fingerprint
    with pytest.raises(DatasetError, match="names of their own, got 'one' twice"):
        Frames([first, first])
    with pytest.raises(DatasetError, match="such as own/a/0"):
        Frames([raw_frames([_row(), _row()], frame=np.array([0, 0]))])


def test_frames_that_say_nothing_of_faces_need_a_detector():
    with pytest.raises(DatasetError, match=r"own must say where the faces are.*--detector"):
        check_frames(Frames([raw_frames([_row(1)])]), detector=None)
    check_frames(Frames([raw_frames([_row(1)])]), detector="mtcnn")
    check_frames(Frames([raw_frames([_row(1)], cropped=True)]), detector=None)
    check_frames(Frames([raw_frames([_row(1)], boxes={0: np.ones(4)})]), detector=None)
    with pytest.raises(DatasetError, match="there must be frames"):
        check_frames(Frames([raw_frames([])]), detector=None)


def test_no_frames_say_what_became_of_them():
    problems = Problems()
    problems.add("missing image", "own/a/1", "labels without an image in faces", count=3)
    problems.add("missing image", "own/b/1", "labels without an image in faces")
    message = r"got none\. Problems: 4 \(missing image\), first own/a/1: labels without an image in faces\."
    with pytest.raises(DatasetError, match=message):
        check_frames(Frames([raw_frames([], problems=problems)]), detector=None)
