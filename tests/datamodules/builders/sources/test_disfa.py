"""DISFA's and DISFA+'s trees are read as they are distributed; what they don't code is unknown."""

import sys

import numpy as np
import pytest

from datamodules.builders.sources.base import DatasetError
from datamodules.builders.sources.disfa import DISFA
from datamodules.builders.sources.disfaplus import DISFAPlus
from zoo.facs import AUS

UNCODED = [AUS.index(au) for au in (7, 10, 14, 23, 24)]


def check(frames, expected):
    sources = [frames.source(place) for place in range(len(frames))]
    assert sources == list(expected.occurrence)
    np.testing.assert_array_equal(frames.occurrence, list(expected.occurrence.values()))
    np.testing.assert_array_equal(frames.intensity, np.array(list(expected.intensity.values()), np.float32))
    for image, pixels in zip(frames.images, expected.pixels.values(), strict=True):
        assert np.abs(image.read().astype(int) - pixels).mean() < 5


@pytest.mark.parametrize("images", ["frames", "video"])
def test_the_tree_is_read_in_both_forms(images, trees, tmp_path):
    expected = trees.make_disfa(tmp_path, images=images)
    frames = DISFA(str(tmp_path)).read()
    check(frames, expected)
    assert frames.facts["frame_offset"] == expected.frame_offset
    counts = frames.problems.counts()
    assert (counts["missing image"], counts["missing AU"]) == (1, 1)
    assert frames.sequence == [""] * 9


def test_an_au_is_present_from_intensity_two_on(trees, tmp_path):
    trees.make_disfa(tmp_path)
    frames = DISFA(str(tmp_path)).read()
    place = AUS.index(12)
    assert frames.intensity[:4, place].tolist() == [0, 1, 2, 5]
    assert frames.occurrence[:4, place].tolist() == [0, 0, 1, 1]
    frames = DISFA(str(tmp_path), threshold=1).read()
    assert frames.occurrence[:4, place].tolist() == [0, 1, 1, 1]


def test_what_is_not_coded_is_unknown(trees, tmp_path):
    trees.make_disfa(tmp_path)
    frames = DISFA(str(tmp_path)).read()
    assert (frames.occurrence[:, UNCODED] == 9).all()
    assert np.isnan(frames.intensity[:, UNCODED]).all()
    someone = np.array(frames.subject) == "SN010"
    assert (frames.occurrence[someone, AUS.index(17)] == 9).all()  # this table is missing
    assert (frames.occurrence[~someone, AUS.index(17)] != 9).all()


def test_the_right_camera_is_another_video(trees, tmp_path):
    expected = trees.make_disfa(tmp_path, images="video")
    left, right = DISFA(str(tmp_path)).read(), DISFA(str(tmp_path), camera="right").read()
    assert "Left" in left.images[0].name
    assert "Right" in right.images[0].name
    there = expected.pixels["disfa/SN001/1"].astype(int)
    assert np.abs(left.images[0].read() - there).mean() < 5
    assert np.abs(right.images[0].read() - there).mean() > 10
    assert np.abs(right.images[0].read() - there[:, ::-1]).mean() < 5
    assert len(left.landmarks) == len(left)
    assert right.landmarks is None  # they are of the left camera


def test_landmarks_are_those_of_the_frame(trees, tmp_path):
    """Files count from 0 and labels from 1; a frame's points must not be its neighbour's."""
    trees.make_disfa(tmp_path)
    folder = tmp_path / "Landmark_Points" / "SN001" / "tmp_frame_lm"
    (folder / "SN001_0001_lm.mat").unlink()
    (folder / "SN001_0002_lm.mat").rename(folder / "l00003_lm.mat")  # these count from 1
    before = DISFA(str(tmp_path)).read()
    assert [place in before.landmarks for place in range(9)] == [True, False, *[True] * 7]
    assert before.problems.counts()["missing landmarks"] == 1
    from scipy.io import loadmat

    points = loadmat(str(folder / "l00003_lm.mat"))["pts"]
    np.testing.assert_allclose(before.landmarks[2][2], points[30] - 0.5, atol=1e-4)


def test_landmarks_may_be_left_alone(trees, tmp_path, monkeypatch):
    trees.make_disfa(tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="pip install scipy"):
        DISFA(str(tmp_path)).read()
    assert DISFA(str(tmp_path), landmarks=False).read().landmarks is None


def test_without_pyav_one_is_told_what_to_install(trees, tmp_path, monkeypatch):
    trees.make_disfa(tmp_path, images="video")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ModuleNotFoundError, match="pip install av"):
        DISFA(str(tmp_path)).read()


def test_tables_that_end_early_leave_an_au_unknown(trees, tmp_path):
    trees.make_disfa(tmp_path, defects=False)
    path = tmp_path / "ActionUnit_Labels" / "SN001" / "SN001_au12.txt"
    path.write_text("1,0\n2,1\n3,2\n")
    frames = DISFA(str(tmp_path)).read()
    assert frames.occurrence[:5, AUS.index(12)].tolist() == [0, 0, 1, 9, 9]
    assert frames.problems.counts()["missing label"] == 2
    with pytest.raises(DatasetError, match="SN001: AU12"):
        DISFA(str(tmp_path), on_problem="refuse").read()


@pytest.mark.parametrize("name", ["LeftVideoSN001_comp", "LeftVideoSN001", "SN001", "LeftVideoSN001_comp.avi"])
def test_folders_of_frames_have_many_names(name, trees, tmp_path):
    trees.make_disfa(tmp_path)
    (tmp_path / "Images" / "Left" / "SN001").rename(tmp_path / "Images" / "Left" / name)
    assert len(DISFA(str(tmp_path)).read()) == 9


def test_incomplete_subjects_are_counted_against_what_is_published(trees, tmp_path):
    trees.make_disfa(tmp_path)
    found = DISFA(str(tmp_path)).read().problems.found
    counts = {problem.where: problem.count for problem in found if problem.kind == "incomplete labels"}
    assert counts == {"disfa/SN001": 4840, "disfa/SN010": 4839}
    assert sum(problem.kind == "missing subject" for problem in found) == 25


def test_disfaplus_is_read(trees, tmp_path):
    expected = trees.make_disfaplus(tmp_path)
    frames = DISFAPlus(str(tmp_path)).read()
    check(frames, expected)
    assert frames.problems.counts() == {}
    assert frames.source(1) == "disfaplus/SN001/Y_Happy/1"


def test_rows_of_disfaplus_that_can_not_be_read_are_named(trees, tmp_path):
    trees.make_disfaplus(tmp_path)
    path = tmp_path / "Labels" / "SN001" / "Y_Happy" / "AU12.txt"
    path.write_text("AU12\nFrame Intensity\n000.jpg     0\n001.jpg     7\n002.jpg     5\n002.jpg     4\nend\n")
    frames = DISFAPlus(str(tmp_path)).read()
    assert frames.occurrence[:3, AUS.index(12)].tolist() == [0, 9, 9]
    counts = frames.problems.counts()
    assert counts == {"unreadable row": 2, "duplicate frame": 1, "missing label": 2}
    path.write_text("AU12\nFrame Intensity\n")
    with pytest.raises(DatasetError, match=r"Y_Happy/AU12\.txt"):
        DISFAPlus(str(tmp_path)).read()


def test_one_is_not_read_as_the_other(trees, tmp_path):
    trees.make_disfaplus(tmp_path / "plus")
    trees.make_disfa(tmp_path / "disfa")
    with pytest.raises(DatasetError, match="as disfaplus"):
        DISFA(str(tmp_path / "plus")).read()
    with pytest.raises(DatasetError, match="Labels/SN001/TRIAL"):
        DISFAPlus(str(tmp_path / "disfa")).read()


@pytest.mark.parametrize(
    ("reader", "name", "value"), [(DISFA, "camera", "top"), (DISFA, "threshold", 0), (DISFAPlus, "threshold", 6)]
)
def test_options_are_checked(reader, name, value):
    with pytest.raises(ValueError, match=name):
        reader("anywhere", **{name: value})
