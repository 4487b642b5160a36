"""Images of one's own, which a CSV or parquet manifest lists."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from datamodules.au_text_tables import SPLITS
from datamodules.builders.sources.base import UNKNOWN, DatasetError, Problems, RawFrames, Source
from datamodules.builders.sources.image_files import ImageFile
from datamodules.builders.sources.manifest_columns import (
    COLUMNS,
    UNKNOWN_LABELS,
    ManifestColumns,
    numbers,
    read_columns,
)
from zoo.facs import AUS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_POINTS = (5, 49, 68)


class Manifest(Source):
    """Read a manifest.

    Columns, of which ``image`` (a path, relative to the manifest) and ``subject`` must be there: ``AU1`` and the like
    with 1, 0, or 9 or nothing where unknown; ``intensity_AU1`` and the like from 0 to 5; ``side_AU1`` with L or R;
    ``sequence``, ``frame`` (a number), ``split`` (train, validation, test or nothing), ``reference`` (path of a
    neutral face of the subject), ``landmarks`` (x and y of 5, 49 or 68 points in pixels, separated by spaces), ``box``
    (left, top, right, bottom).

    Args:
        path: The file.
        columns: How columns are called in the file where not so, see :class:`ManifestColumns`.
        images: Folder that paths of images are relative to; the manifest's where not given.
        name: Name of the data set, in front of its subjects; the manifest's folder's where not given.
        threshold: The intensity from which an AU is present, where the file says nothing of its occurrence.
        on_problem: ``report`` leaves out what can't be used and lists it, ``refuse`` ends with the first problem.
    """

    def __init__(
        self,
        path: str,
        *,
        columns: Mapping[str, str] | None = None,
        images: str | None = None,
        name: str | None = None,
        threshold: float = 1,
        on_problem: str = "report",
    ) -> None:
        if not 0 < threshold <= 5:
            message = f"Manifest: threshold must be above 0 and at most 5, got {threshold}."
            raise ValueError(message)
        self.path = path
        self.columns = dict(columns or {})
        self.images = images
        self.name = name or Path(path).resolve().parent.name
        self.threshold = threshold
        self.on_problem = on_problem
        if "/" in self.name or not self.name:
            message = f"Manifest: name must be a word without a slash, got {self.name!r}."
            raise ValueError(message)

    def read(self) -> RawFrames:
        """Read the labels and look for the images.

        Raises:
            DatasetError: The file can't be understood.
        """
        problems = Problems(refuse=self.on_problem == "refuse")
        path = Path(self.path).expanduser()
        read = read_columns(path, self.columns, problems)
        texts = {name: read.texts(name) or [""] * len(read) for name in COLUMNS}
        folder = path.parent if self.images is None else Path(self.images).expanduser()
        kept = self._kept(read, texts, folder, problems)
        occurrence, intensity = self._labels(read, problems)
        frames = RawFrames(
            name=self.name,
            subject=[texts["subject"][row] for row in kept],
            sequence=[texts["sequence"][row] for row in kept],
            frame=self._numbers_of_frames(read, texts["frame"])[kept],
            occurrence=occurrence[kept],
            intensity=intensity[kept],
            images=[ImageFile(str(folder / texts["image"][row])) for row in kept],
            side=_sides(read, kept, problems),
            landmarks=_landmarks(read, texts["landmarks"], kept, problems),
            split=[texts["split"][row] for row in kept],
            problems=problems,
            facts={"rows": len(read)},
            boxes=_places(texts["box"], kept, read, (4,), "box", problems),
        )
        return _with_references(frames, [texts["reference"][row] for row in kept], folder, problems)

    def _kept(
        self, read: ManifestColumns, texts: Mapping[str, list[str]], folder: Path, problems: Problems
    ) -> list[int]:
        """Choose the rows that name a subject and an image that is there."""
        wrong = sorted(set(texts["split"]) - {"", *SPLITS})
        if wrong:
            message = f"{read.path}: split must be one of {', '.join(SPLITS)} or empty, got {wrong[0]!r}."
            raise DatasetError(message)
        kept = []
        for row, (image, subject) in enumerate(zip(texts["image"], texts["subject"], strict=True)):
            where = f"{read.path}, line {read.lines[row]}"
            if not image or not subject:
                problems.add("incomplete row", where, "image and subject must not be empty")
            elif not (folder / image).is_file():
                problems.add("missing image", str(folder / image), f"named by {where}")
            else:
                kept.append(row)
        return kept

    def _labels(self, read: ManifestColumns, problems: Problems) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
        """Give occurrence and intensity of each row; where only intensity is known, it decides occurrence."""
        occurrence = np.full((len(read), len(AUS)), UNKNOWN, dtype=np.int8)
        intensity = np.full((len(read), len(AUS)), np.nan, dtype=np.float32)
        for place, au in enumerate(AUS):
            codes = _column(read, f"AU{au}", problems, allowed=lambda values: np.isin(values, (0, 1)))
            levels = _column(read, f"intensity_AU{au}", problems, allowed=lambda values: (values >= 0) & (values <= 5))
            if codes is None and levels is not None:
                codes = np.where(np.isnan(levels), np.nan, levels >= self.threshold)
            if codes is not None:
                occurrence[:, place] = np.where(np.isnan(codes), UNKNOWN, codes)
                intensity[:, place] = np.where(codes == 0, 0, np.nan)
            if levels is not None:
                intensity[:, place] = np.where(np.isnan(levels), intensity[:, place], levels)
        return occurrence, intensity

    def _numbers_of_frames(self, read: ManifestColumns, texts: list[str]) -> NDArray[np.int64]:
        if not any(texts):
            return np.arange(len(read))
        values, fine = numbers(texts)
        bad: list[int] = np.flatnonzero(~fine | (values != np.floor(values))).tolist()
        if bad:
            message = (
                f"{read.path}, line {read.lines[bad[0]]}: frame must be a whole number, got {texts[bad[0]]!r}. Without "
                "a column of this name, rows are counted."
            )
            raise DatasetError(message)
        return values.astype(np.int64)


def _column(read: ManifestColumns, name: str, problems: Problems, *, allowed: object) -> NDArray[np.float64] | None:
    """Read a column of labels; what is none becomes unknown and is noted."""
    texts = read.texts(name)
    if texts is None:
        return None
    assert callable(allowed)
    values, fine = numbers(texts, unknown=UNKNOWN_LABELS)
    for row in np.flatnonzero(~fine | ~(np.isnan(values) | allowed(values))).tolist():
        values[row] = np.nan
        problems.add("impossible label", f"{read.path}, line {read.lines[row]}", f"{name}: {texts[row]!r}; unknown")
    return values


def _sides(read: ManifestColumns, kept: list[int], problems: Problems) -> NDArray[np.str_] | None:
    columns = [read.texts(f"side_AU{au}") for au in AUS]
    if not any(columns):
        return None
    sides = np.full((len(kept), len(AUS)), "", dtype="<U1")
    for place, texts in enumerate(columns):
        for row, line in enumerate(kept if texts else ()):
            assert texts is not None
            side = texts[line].upper()
            if side in {"L", "R"}:
                sides[row, place] = side
            elif side:
                where = f"{read.path}, line {read.lines[line]}"
                problems.add("impossible label", where, f"side_AU{AUS[place]}: {texts[line]!r}; both sides")
    return sides


def _landmarks(
    read: ManifestColumns, texts: list[str], kept: list[int], problems: Problems
) -> dict[int, NDArray[np.float32]] | None:
    """Read landmarks from one column for all points, or from two columns for each point."""
    columns = list(itertools.takewhile(lambda each: each is not None, map(read.points, itertools.count())))
    if not columns:
        return _places(texts, kept, read, tuple(2 * count for count in _POINTS), "landmarks", problems)
    if len(columns) not in _POINTS:
        message = f"{read.path}: there must be columns of 5, 49 or 68 landmarks, got {len(columns)}."
        raise DatasetError(message)
    values = np.stack([numbers(column)[0] for pair in columns if pair is not None for column in pair], axis=1)
    points = values.reshape(len(read), -1, 2).astype(np.float32)
    return {place: points[row] for place, row in enumerate(kept) if np.isfinite(points[row]).all()}


def _places(
    texts: list[str], kept: list[int], read: ManifestColumns, lengths: tuple[int, ...], name: str, problems: Problems
) -> dict[int, NDArray[np.float32]] | None:
    """Read lists of numbers; two of a point belong together."""
    places = {}
    for place, row in enumerate(kept):
        words = texts[row].strip("[]()").replace(",", " ").replace(";", " ").split()
        values, fine = numbers(words)
        if words and (len(words) not in lengths or not fine.all() or np.isnan(values).any()):
            where = f"{read.path}, line {read.lines[row]}"
            problems.add(f"impossible {name}", where, f"{len(words)} numbers for {' or '.join(map(str, lengths))}")
        elif words:
            places[place] = values.astype(np.float32) if name == "box" else values.reshape(-1, 2).astype(np.float32)
    return places or None


def _with_references(frames: RawFrames, names: list[str], folder: Path, problems: Problems) -> RawFrames:
    """Find the reference faces that the manifest names; those that are no rows are added behind the rows."""
    if not any(names):
        return frames
    place_of = {image.name: place for place, image in enumerate(frames.images)}
    reference = np.full(len(frames), -1, dtype=np.int64)
    added: list[tuple[str, ImageFile]] = []
    for place, name in enumerate(names):
        path = str(folder / name)
        if name and path not in place_of:
            if not Path(path).is_file():
                problems.add("missing image", path, f"the reference face of {frames.source(place)}")
                place_of[path] = -1
            else:
                place_of[path] = len(frames) + len(added)
                added.append((frames.subject[place], ImageFile(path)))
        if name:
            reference[place] = place_of[path]
    count = len(added)
    numbers_of_frames = np.arange(count) + int(frames.frame.max(initial=-1)) + 1
    own = np.arange(len(frames), len(frames) + count)  # a face that is its own reference is no entry
    return RawFrames(
        name=frames.name,
        subject=[*frames.subject, *(subject for subject, _ in added)],
        sequence=[*frames.sequence, *([""] * count)],
        frame=np.concatenate([frames.frame, numbers_of_frames]),
        occurrence=np.concatenate([frames.occurrence, np.zeros((count, len(AUS)), np.int8)]),
        intensity=np.concatenate([frames.intensity, np.zeros((count, len(AUS)), np.float32)]),
        images=[*frames.images, *(image for _, image in added)],
        side=None if frames.side is None else np.concatenate([frames.side, np.full((count, len(AUS)), "", "<U1")]),
        landmarks=frames.landmarks,
        split=[*(frames.split or [""] * len(frames)), *([""] * count)],
        reference=np.concatenate([reference, own]),
        problems=problems,
        facts=frames.facts,
        boxes=frames.boxes,
    )
