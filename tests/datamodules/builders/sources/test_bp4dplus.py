"""BP4D+'s tree is read as it is distributed, and its known defects are left out by name."""

import numpy as np
import pytest

from datamodules.builders.sources.base import DatasetError
from datamodules.builders.sources.bp4d import BP4D
from datamodules.builders.sources.bp4dplus import BP4DPlus
from zoo.facs import AUS


@pytest.mark.parametrize("offset", [0, -1])
def test_the_tree_is_read(offset, trees, tmp_path):
    expected = trees.make_bp4dplus(tmp_path, frame_offset=offset)
    frames = BP4DPlus(str(tmp_path)).read()
    sources = [frames.source(place) for place in range(len(frames))]
    assert sources == list(expected.occurrence)
    np.testing.assert_array_equal(frames.occurrence, list(expected.occurrence.values()))
    np.testing.assert_array_equal(frames.intensity, np.array(list(expected.intensity.values()), np.float32))
    for image, pixels in zip(frames.images, expected.pixels.values(), strict=True):
        assert np.abs(image.read().astype(int) - pixels).mean() < 4
    assert frames.facts["frame_offset"] == offset
    assert (frames.occurrence == 9).sum() == 1
    assert len(frames.landmarks) == len(frames)


def test_packed_and_unpacked_subjects_are_read_alike(trees, tmp_path):
    trees.make_bp4dplus(tmp_path)
    names = [image.name for image in BP4DPlus(str(tmp_path)).read().images]
    assert any("F041.zip/F041/T1/0000.jpg" in name for name in names)
    assert any(name.endswith("F001/T1/000.jpg") for name in names)


def test_a_known_defect_is_left_out_unless_asked_for(trees, tmp_path):
    trees.make_bp4dplus(tmp_path)
    problems = BP4DPlus(str(tmp_path)).read().problems
    assert [problem.where for problem in problems.found if problem.kind == "known defect"] == ["bp4dplus/F041/T7"]
    assert "missing image" not in problems.counts()
    frames = BP4DPlus(str(tmp_path), exclude=()).read()
    assert [frames.source(place) for place in range(len(frames))][-3:] == [f"bp4dplus/F041/T7/{n}" for n in (1, 2, 3)]
    (missing,) = [problem for problem in frames.problems.found if problem.kind == "missing image"]
    assert (missing.where, missing.count) == ("bp4dplus/F041/T7/4-5", 2)


def test_tasks_that_are_not_coded_and_phantoms_are_no_problem(trees, tmp_path):
    trees.make_bp4dplus(tmp_path)
    (tmp_path / "2D+3D" / "F001" / "T11").mkdir()
    (tmp_path / "2D+3D" / "F001" / "T11" / "000.jpg").touch()
    kinds = set(BP4DPlus(str(tmp_path)).read().problems.counts())
    assert kinds == {"known defect", "missing sequence", "missing subject"}


def test_a_coded_task_without_labels_is_a_problem(trees, tmp_path):
    trees.make_bp4dplus(tmp_path, defects=False)
    (tmp_path / "AUCoding" / "AU_OCC" / "F001_T6.csv").unlink()
    problems = BP4DPlus(str(tmp_path)).read().problems
    assert ("sequence without labels", "bp4dplus/F001/T6") in {(each.kind, each.where) for each in problems.found}


def test_an_archive_that_is_broken_is_named_and_the_rest_is_read(trees, tmp_path):
    trees.make_bp4dplus(tmp_path)
    (tmp_path / "2D+3D" / "F041.zip").write_bytes(b"PK\x03\x04")
    frames = BP4DPlus(str(tmp_path)).read()
    assert set(frames.subject) == {"F001"}
    counts = frames.problems.counts()
    assert counts["unreadable archive"] == 1
    assert counts["sequence without images"] == 2
    with pytest.raises(DatasetError, match=r"F041\.zip"):
        BP4DPlus(str(tmp_path), on_problem="refuse").read()


def test_a_table_named_for_a_phantom_is_named(trees, tmp_path):
    trees.make_bp4dplus(tmp_path)
    path = tmp_path / "AUCoding" / "AU_OCC"
    (path / "F042_T11.csv").write_text((path / "F001_T1.csv").read_text())
    problems = BP4DPlus(str(tmp_path)).read().problems
    assert [problem.where for problem in problems.found if problem.kind == "unknown file"] == [
        str(path / "F042_T11.csv")
    ]


def test_bp4d_is_not_read_as_bp4dplus(trees, tmp_path):
    trees.make_bp4d(tmp_path)
    with pytest.raises(DatasetError, match=r"F001_T2.*\(bp4d\)"):
        BP4DPlus(str(tmp_path)).read()
    for path in (tmp_path / "AUCoding" / "AU_OCC").glob("*_T2.csv"):
        path.unlink()
    with pytest.raises(DatasetError, match=r"F001_T1\.csv: columns of BP4D\+ must be named.*\(bp4d\)"):
        BP4DPlus(str(tmp_path)).read()


def test_people_of_the_same_name_are_others(trees, tmp_path):
    trees.make_bp4d(tmp_path / "bp4d")
    trees.make_bp4dplus(tmp_path / "plus")
    first, second = BP4D(str(tmp_path / "bp4d")).read(), BP4DPlus(str(tmp_path / "plus")).read()
    assert "F001" in first.subject
    assert "F001" in second.subject
    assert not {first.source(place) for place in range(len(first))} & {second.source(p) for p in range(len(second))}


def test_labels_are_those_of_an_independent_reading(trees, tmp_path):
    """FMAE reads the 12 AUs from columns 1 2 3 5 6 8 10 12 13 15 20 21 of BP4D+."""
    import pandas

    trees.make_bp4dplus(tmp_path)
    frames = BP4DPlus(str(tmp_path)).read()
    places = [1, 2, 3, 5, 6, 8, 10, 12, 13, 15, 20, 21]
    files = sorted((tmp_path / "AUCoding" / "AU_OCC").glob("*_T[16].csv"))
    parts = [pandas.read_csv(path).to_numpy()[:, places] for path in files]
    np.testing.assert_array_equal(frames.occurrence, np.concatenate(parts))
    assert len(AUS) == len(places)


def test_what_to_leave_out_must_be_a_sequence():
    with pytest.raises(ValueError, match="exclude must name sequences"):
        BP4DPlus("anywhere", exclude=("F041",))
