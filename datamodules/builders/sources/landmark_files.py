"""Landmarks that a data set has in MATLAB files, read when they are asked for."""

from __future__ import annotations

import importlib
import importlib.util
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

Loader = Callable[[str, "NDArray[np.int64]"], dict[int, "NDArray[np.float32]"]]
"""Reads some rows of a file; those without a face are left out."""
_LOADED_FILES = 2
# Where the two eyes, the nose's tip and the two corners of the mouth are: in 49 points (the 68 of iBUG 300-W
# without the outline and the two corners of the mouth's opening), and in 66 or 68 (with the outline).
_FIVE_OF_49 = (range(19, 25), range(25, 31), (13,), (31,), (37,))
_FIVE_OF_66 = (range(36, 42), range(42, 48), (30,), (48,), (54,))


class FileLandmarks(Mapping[int, "NDArray[np.float32]"]):
    """Five points of each frame, by its place; frames without a face are missing.

    A file is read when one of its frames is asked for, and the last two are kept: go through frames in order.

    Args:
        files: The files.
        file_of: For each frame the place in ``files``, -1 where there is none.
        row_of: For each frame the row in its file.
        load: Reads rows of a file.
    """

    def __init__(
        self, files: list[str], file_of: NDArray[np.int64], row_of: NDArray[np.int64], *, load: Loader
    ) -> None:
        self._files = files
        self._file_of = file_of
        self._row_of = row_of
        self._load = load
        self._loaded: OrderedDict[int, dict[int, NDArray[np.float32]]] = OrderedDict()

    def __getitem__(self, place: int) -> NDArray[np.float32]:
        if not 0 <= place < len(self._file_of) or self._file_of[place] < 0:
            raise KeyError(place)
        points = self._points(int(self._file_of[place])).get(int(self._row_of[place]))
        if points is None:
            raise KeyError(place)
        return points

    def __iter__(self) -> Iterator[int]:
        return (place for place in range(len(self._file_of)) if place in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _points(self, file: int) -> dict[int, NDArray[np.float32]]:
        points = self._loaded.get(file)
        if points is None:
            points = self._load(self._files[file], self._row_of[self._file_of == file])
            self._loaded[file] = points
            if len(self._loaded) > _LOADED_FILES:
                self._loaded.popitem(last=False)
        return points


def check_features(path: Path) -> str | None:
    """Say what is wrong with a file of ``2DFeatures``; None where it is as it should be.

    Raises:
        ModuleNotFoundError: h5py isn't installed.
    """
    try:
        import h5py
    except ModuleNotFoundError as error:
        message = (
            f"{path}: reading landmarks from MATLAB files needs h5py. Install it with: pip install h5py, or read "
            "without them (landmarks: false)."
        )
        raise ModuleNotFoundError(message) from error
    if not path.exists():
        return "no such file"
    try:
        with h5py.File(path, "r") as file:
            return None if "fit/pred" in file else "it has no fit.pred"
    except OSError as error:
        return f"not a MATLAB file of version 7.3: {error}"


def load_features(path: str, rows: NDArray[np.int64]) -> dict[int, NDArray[np.float32]]:
    """Read five points of frames of a sequence of BP4D or BP4D+.

    The file is HDF5, as MATLAB writes it from version 7.3 on: ``fit.pred`` is a cell for each frame with 49 points,
    or nothing where no face was found.

    Args:
        path: The file.
        rows: Which frames, from 0.
    """
    import h5py

    found = {}
    with h5py.File(path, "r") as file:
        cells = file["fit/pred"][()].ravel()
        for row in rows[rows < len(cells)].tolist():
            cell = file[cells[row]] if cells[row] else None
            if cell is None or "MATLAB_empty" in cell.attrs or cell.size != 98:
                continue
            points = cell[()] if cell.shape == (49, 2) else cell[()].reshape(2, 49).T  # MATLAB's columns are rows here
            if np.isfinite(points).all():
                found[row] = _five(points, _FIVE_OF_49)
    return found


def check_points(folder: Path) -> None:
    """Make sure that DISFA's landmarks can be read.

    Raises:
        ModuleNotFoundError: SciPy isn't installed.
    """
    if importlib.util.find_spec("scipy") is None:
        message = (
            f"{folder}: reading landmarks from MATLAB files of version 5 needs SciPy. Install it with: pip install "
            "scipy, or read without them (landmarks: false)."
        )
        raise ModuleNotFoundError(message)


def load_points(path: str, rows: NDArray[np.int64]) -> dict[int, NDArray[np.float32]]:
    """Read five points of a frame of DISFA from its own MATLAB file, ``pts`` with 66 points.

    Args:
        path: The file.
        rows: The file's row, 0, as it has one frame.
    """
    loadmat = importlib.import_module("scipy.io").loadmat
    try:
        points = np.asarray(loadmat(path)["pts"], dtype=np.float64)
    except Exception:
        return {}
    if points.shape not in {(66, 2), (68, 2)} or not np.isfinite(points).all():
        return {}
    return {int(row): _five(points, _FIVE_OF_66) for row in rows}


def _five(points: NDArray[np.float64], parts: tuple[tuple[int, ...] | range, ...]) -> NDArray[np.float32]:
    """Reduce to eyes, nose tip and mouth corners; MATLAB's first pixel is centred at 1, ours at 0.5."""
    return np.array([points[list(part)].mean(0) - 0.5 for part in parts], np.float32)
