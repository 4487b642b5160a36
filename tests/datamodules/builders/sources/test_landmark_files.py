"""Landmarks are the five points that aligners want, of the frame that was asked for."""

import pickle
import sys

import h5py
import numpy as np
import pytest

from datamodules.alignment import five_points
from datamodules.builders.sources.landmark_files import FileLandmarks, check_features, load_features, load_points


def write_features(path, cells):
    """Write a cell array of fit.pred: 49 points with pixels counted from 1, or None where no face was found."""
    with h5py.File(path, "w") as file:
        empty = file.create_dataset("#refs#/empty", data=np.zeros(2, np.uint64))
        empty.attrs["MATLAB_empty"] = np.uint8(1)
        column = file.create_dataset("fit/pred", (len(cells), 1), dtype=h5py.ref_dtype)
        for row, points in enumerate(cells):
            if points is None:
                column[row, 0] = empty.ref
            else:
                column[row, 0] = file.create_dataset(f"#refs#/{row}", data=np.asarray(points, float).T).ref


def face(shift=0.0):
    """49 points of which the five that matter are at round places, in MATLAB's pixels."""
    points = np.full((49, 2), -99.0)
    points[19:25] = [[20 + dx, 30] for dx in (-3, -2, -1, 1, 2, 3)]
    points[25:31] = [[60 + dx, 32] for dx in (-3, -2, -1, 1, 2, 3)]
    points[13] = [40, 50]
    points[31] = [25, 70]
    points[37] = [55, 71]
    return points + shift


FIVE = np.array([[20, 30], [60, 32], [40, 50], [25, 70], [55, 71]]) - 0.5


def test_five_points_are_chosen_from_49(tmp_path):
    path = tmp_path / "F001_T1.mat"
    write_features(path, [face(), None, face(2.0), np.full((49, 2), np.nan)])
    found = load_features(str(path), np.array([0, 1, 2, 3, 9]))
    assert set(found) == {0, 2}  # no face, not a number, and beyond the end are left out
    np.testing.assert_allclose(found[0], FIVE)
    np.testing.assert_allclose(found[2], FIVE + 2)
    assert found[0].dtype == np.float32


def test_five_points_are_those_of_the_aligner(tmp_path):
    """From 49 points of a face the same five as from all its 68."""
    everything = np.random.default_rng(0).uniform(0, 100, (68, 2))
    kept = [point for point in range(17, 68) if point not in (60, 64)]
    write_features(tmp_path / "a.mat", [everything[kept] + 0.5])
    found = load_features(str(tmp_path / "a.mat"), np.array([0]))
    np.testing.assert_allclose(found[0], five_points(everything), atol=1e-4)


@pytest.mark.parametrize("suffix", ["66", "68"])
def test_points_of_disfa_are_read_from_their_own_files(suffix, tmp_path):
    from scipy.io import savemat

    whole = np.concatenate([np.zeros((17, 2)), face(), np.zeros((2, 2))])[: int(suffix)]
    savemat(tmp_path / "a.mat", {"pts": whole})
    np.testing.assert_allclose(load_points(str(tmp_path / "a.mat"), np.array([0]))[0], FIVE)


@pytest.mark.parametrize("content", [b"", b"MATLAB 5.0 MAT-file but no more"])
def test_broken_points_are_missing(content, tmp_path):
    (tmp_path / "a.mat").write_bytes(content)
    assert load_points(str(tmp_path / "a.mat"), np.array([0])) == {}


def test_a_mapping_reads_each_file_once_and_knows_what_is_missing():
    read = []

    def load(path, rows):
        read.append(path)
        return {int(row): np.full((5, 2), row, np.float32) for row in rows if row != 2}

    landmarks = FileLandmarks(["a", "b"], np.array([0, 0, 0, 1, -1]), np.array([1, 2, 3, 7, 0]), load=load)
    assert [place in landmarks for place in range(-1, 6)] == [False, True, False, True, True, False, False]
    assert landmarks[2][0, 0] == 3
    assert landmarks[3][0, 0] == 7
    assert landmarks.get(4) is None
    assert list(landmarks) == [0, 2, 3]
    assert len(landmarks) == 3
    assert read == ["a", "b"]


def test_landmarks_go_to_other_processes(tmp_path):
    write_features(tmp_path / "a.mat", [face()])
    landmarks = FileLandmarks([str(tmp_path / "a.mat")], np.array([0]), np.array([0]), load=load_features)
    np.testing.assert_allclose(pickle.loads(pickle.dumps(landmarks))[0], FIVE)


def test_a_file_is_checked_before_it_is_needed(tmp_path):
    write_features(tmp_path / "good.mat", [face()])
    (tmp_path / "old.mat").write_bytes(b"MATLAB 5.0 MAT-file")
    with h5py.File(tmp_path / "other.mat", "w") as file:
        file["something"] = [1]
    assert check_features(tmp_path / "good.mat") is None
    assert "no such file" in check_features(tmp_path / "missing.mat")
    assert "version 7.3" in check_features(tmp_path / "old.mat")
    assert "fit.pred" in check_features(tmp_path / "other.mat")


def test_without_h5py_one_is_told_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ModuleNotFoundError, match="pip install h5py"):
        check_features(tmp_path / "a.mat")
