"""BP4D's tree is read as it is distributed, and its defects are named."""

import shutil
import sys

import numpy as np
import pytest

from datamodules.builders.sources.base import DatasetError
from datamodules.builders.sources.bp4d import BP4D
from datamodules.builders.sources.bp4dplus import BP4DPlus
from zoo.facs import AUS

OCCURRENCE = "AUCoding/AU_OCC"
INTENSITY = "AU Intensity Codes3.0"
IMAGES = "Sequences(2D+3D)"


def check(frames, expected, *, tolerance=4.0):
    """Compare everything that a reader gives with what was written."""
    sources = [frames.source(place) for place in range(len(frames))]
    assert sources == list(expected.occurrence)
    np.testing.assert_array_equal(frames.occurrence, list(expected.occurrence.values()))
    np.testing.assert_array_equal(frames.intensity, np.array(list(expected.intensity.values()), np.float32))
    for place, source in enumerate(sources):
        if source in expected.corrupt:
            with pytest.raises(OSError, match="must be whole"):
                frames.images[place].read()
        else:
            difference = frames.images[place].read().astype(int) - expected.pixels[source]
            assert np.abs(difference).mean() < tolerance, source
    counts = frames.problems.counts()
    assert all(counts.get(kind, 0) >= count for kind, count in expected.problems.items()), counts


@pytest.mark.parametrize("images", ["files", "zip", "video"])
def test_the_tree_is_read_in_every_form(images, trees, tmp_path):
    expected = trees.make_bp4d(tmp_path, images=images)
    frames = BP4D(str(tmp_path)).read()
    check(frames, expected)
    assert frames.name == "bp4d"
    assert frames.facts["frame_offset"] == 0
    assert frames.facts["frame_offset_from"] == ("videos" if images == "video" else "images")
    assert frames.folds["3fold"][2] >= {"M003"}


@pytest.mark.parametrize("offset", [0, -1])
def test_the_frame_offset_is_found(offset, trees, tmp_path):
    expected = trees.make_bp4d(tmp_path, frame_offset=offset)
    frames = BP4D(str(tmp_path)).read()
    assert frames.facts["frame_offset"] == offset
    check(frames, expected)


def test_the_frame_offset_is_asked_for_and_taken(trees, tmp_path):
    expected = trees.make_bp4d(tmp_path, frame_offset=-1, around=3)
    with pytest.raises(DatasetError, match="frame_offset"):
        BP4D(str(tmp_path)).read()
    frames = BP4D(str(tmp_path), frame_offset=-1).read()
    assert (frames.facts["frame_offset"], frames.facts["frame_offset_from"]) == (-1, "argument")
    check(frames, expected)


def test_defects_are_named(trees, tmp_path):
    trees.make_bp4d(tmp_path)
    found = BP4D(str(tmp_path)).read().problems.found
    by_kind = {problem.kind: problem for problem in found}
    assert by_kind["missing image"].where == "bp4d/M003/T2/1083"
    assert by_kind["occluded frames"].where == "bp4d/F001/T1"
    assert {problem.where for problem in found if problem.kind == "missing sequence"} == {
        "bp4d/F001",
        "bp4d/M003",
        "bp4d/M009",
    }
    assert "bp4d/F002" in {problem.where for problem in found if problem.kind == "missing subject"}
    assert by_kind["incomplete labels"].count == 498 - 5  # the last, M009/T2


def test_occluded_frames_are_left_out_where_asked(trees, tmp_path):
    trees.make_bp4d(tmp_path)
    frames = BP4D(str(tmp_path), drop_occluded=True).read()
    assert "bp4d/F001/T1/2444" not in {frames.source(place) for place in range(len(frames))}
    assert len(frames) == 28


def test_intensity_is_where_it_is_coded(trees, tmp_path):
    trees.make_bp4d(tmp_path)
    frames = BP4D(str(tmp_path)).read()
    coded = frames.intensity[:, [AUS.index(au) for au in (6, 10, 12, 14, 17)]]
    others = frames.intensity[:, [AUS.index(au) for au in (1, 2, 4, 7, 15, 23, 24)]]
    has_tables = np.array([subject != "M009" for subject in frames.subject])
    assert np.isfinite(coded[has_tables]).all()
    assert (coded[has_tables] > 1).any()
    assert set(np.unique(others)[:1]) == {0.0}
    assert not (others > 0).any()
    without = BP4D(str(tmp_path), intensities=False).read()
    assert not (without.intensity > 0).any()
    np.testing.assert_array_equal(np.isnan(without.intensity), frames.occurrence != 0)


def test_intensities_that_contradict_are_counted(trees, tmp_path):
    trees.make_bp4d(tmp_path)
    path = tmp_path / INTENSITY / "AU06" / "F001_T1.csv"
    path.write_text("2440,3\n2441,0\n2442,9\n2443,2\n9999,1\n")
    frames = BP4D(str(tmp_path)).read()
    counts = frames.problems.counts()
    assert counts["intensity against occurrence"] == 2
    assert counts["intensity without a label"] == 1
    column = frames.intensity[:5, AUS.index(6)]
    np.testing.assert_array_equal(column, np.array([3, 0, np.nan, 2, 0], np.float32))


def test_landmarks_may_be_left_alone(trees, tmp_path, monkeypatch):
    trees.make_bp4d(tmp_path)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ModuleNotFoundError, match="pip install h5py"):
        BP4D(str(tmp_path)).read()
    assert BP4D(str(tmp_path), landmarks=False).read().landmarks is None


def test_a_sequence_without_landmarks_is_noted(trees, tmp_path):
    trees.make_bp4d(tmp_path)
    (tmp_path / "2DFeatures" / "F001_T2.mat").unlink()
    frames = BP4D(str(tmp_path)).read()
    assert frames.problems.counts()["missing landmarks"] == 5
    assert [place for place in range(len(frames)) if place not in frames.landmarks] == [5, 6, 7, 8, 9]


def remove_images(root):
    shutil.rmtree(root / IMAGES / "F001" / "T2")


def remove_labels(root):
    (root / OCCURRENCE / "F001_T2.csv").unlink()


def add_table(root):
    (root / OCCURRENCE / "F001_T9.csv").write_text("frame,1\n1,0\n")


def skip_a_label(root):
    path = root / OCCURRENCE / "F001_T2.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:3] + lines[4:]))


def spoil_a_cell(root):
    path = root / OCCURRENCE / "F001_T2.csv"
    path.write_text(path.read_text().replace("722,1,", "722,?,"))


def two_names(root):
    (root / IMAGES / "M009" / "T1" / "00084.jpg").write_bytes(b"")


@pytest.mark.parametrize(
    ("spoil", "kind", "where", "left"),
    [
        (remove_images, "sequence without images", "bp4d/F001/T2", 25),
        (remove_labels, "sequence without labels", "bp4d/F001/T2", 25),
        (add_table, "unknown file", "F001_T9.csv", 30),
        (skip_a_label, "image without a label", "bp4d/F001/T2/723", 29),
        (spoil_a_cell, "unreadable row", "F001_T2.csv, line 3", 29),
        (two_names, "duplicate image", "T1/84", 29),
    ],
)
def test_what_does_not_fit_is_reported_or_refused(spoil, kind, where, left, trees, tmp_path):
    trees.make_bp4d(tmp_path, defects=False)
    assert len(BP4D(str(tmp_path), on_problem="refuse").read()) == 30
    spoil(tmp_path)
    frames = BP4D(str(tmp_path)).read()
    assert len(frames) == left
    assert any(problem.kind == kind and where in problem.where for problem in frames.problems.found)
    with pytest.raises(DatasetError, match="there must be no") as caught:
        BP4D(str(tmp_path), on_problem="refuse").read()
    assert where in str(caught.value)


def test_runs_of_missing_images_are_one_line(trees, tmp_path):
    trees.make_bp4d(tmp_path, defects=False)
    for number in (722, 723):
        (tmp_path / IMAGES / "F001" / "T2" / f"{number:04d}.jpg").unlink()
    (problem,) = [each for each in BP4D(str(tmp_path)).read().problems.found if each.kind == "missing image"]
    assert (problem.where, problem.count) == ("bp4d/F001/T2/722-723", 2)


def test_bp4dplus_is_not_read_as_bp4d(trees, tmp_path):
    trees.make_bp4dplus(tmp_path)
    with pytest.raises(DatasetError, match=r"got F041.*bp4dplus"):
        BP4D(str(tmp_path)).read()
    for path in (tmp_path / OCCURRENCE).glob("F041*"):
        path.unlink()  # what is left are people whose names BP4D has, too
    with pytest.raises(DatasetError, match=r"F001_T1 must have frames from 2440 to 2992.*bp4dplus"):
        BP4D(str(tmp_path)).read()


@pytest.mark.parametrize("make", ["make_bp4d", "make_bp4dplus"])
def test_labels_and_images_may_be_elsewhere(make, trees, tmp_path):
    expected = getattr(trees, make)(tmp_path / "tree")
    (tmp_path / "tree" / "AUCoding").rename(tmp_path / "coding")
    source = tmp_path / "tree" / ("2D+3D" if make == "make_bp4dplus" else IMAGES)
    source.rename(tmp_path / "tree" / "pictures")
    reader = BP4DPlus if make == "make_bp4dplus" else BP4D
    with pytest.raises(DatasetError, match="AUCoding/AU_OCC/F001_T1"):
        reader(str(tmp_path / "tree")).read()
    coding = str(tmp_path / "coding" / "AU_OCC")
    with pytest.raises(DatasetError, match="folder of images"):
        reader(str(tmp_path / "tree"), labels=coding).read()
    frames = reader(str(tmp_path / "tree"), labels=coding, images="pictures").read()
    np.testing.assert_array_equal(frames.occurrence, list(expected.occurrence.values()))


@pytest.mark.parametrize("reader", [BP4D, BP4DPlus])
def test_a_folder_without_the_data_set_shows_the_layout(reader, tmp_path):
    with pytest.raises(DatasetError, match=r"must exist(.|\n)*AUCoding/AU_OCC/F001_T1\.csv"):
        reader(str(tmp_path / "nowhere")).read()
    with pytest.raises(DatasetError, match=r"tables of occurrence(.|\n)*2DFeatures/F001_T1\.mat"):
        reader(str(tmp_path)).read()
    (tmp_path / OCCURRENCE).mkdir(parents=True)
    with pytest.raises(DatasetError, match=r"tables such as F001_T1\.csv, got none"):
        reader(str(tmp_path)).read()


@pytest.mark.parametrize("reader", [BP4D, BP4DPlus])
@pytest.mark.parametrize(("name", "value"), [("on_problem", "ignore"), ("frame_offset", "auto"), ("frame_offset", 1e6)])
def test_options_are_checked(reader, name, value):
    with pytest.raises(ValueError, match=name):
        reader("anywhere", **{name: value})


def test_no_image_is_decoded_while_reading(trees, tmp_path, monkeypatch):
    trees.make_bp4d(tmp_path)
    monkeypatch.setattr("PIL.Image.open", lambda *_: pytest.fail("an image was opened"))
    assert len(BP4D(str(tmp_path)).read()) == 29
