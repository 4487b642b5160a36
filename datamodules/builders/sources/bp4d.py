"""BP4D as it is distributed: 41 people, 8 tasks, 146,847 coded frames."""

from __future__ import annotations

import csv
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from datamodules.builders.sources import coded_trees
from datamodules.builders.sources.au_tables import BP4DPLUS_AUS, OccurrenceTable, read_occurrence
from datamodules.builders.sources.base import DatasetError, Problems, RawFrames, Source
from datamodules.builders.sources.coded_sequences import assemble, require_folder
from datamodules.builders.sources.coded_trees import OnProblem
from datamodules.builders.sources.folds import BP4D_FOLDS, BP4D_SUBJECTS
from datamodules.builders.sources.image_trees import find_folder, index_images

if TYPE_CHECKING:
    from datamodules.builders.sources.image_trees import Key

LAYOUT = """A tree of BP4D looks so:
  AUCoding/AU_OCC/F001_T1.csv                      occurrence; column N is AU N, or columns with names
  AUCoding/AU_INT/AU06/F001_T1.csv                 intensity, optional; also `AU Intensity Codes3.0`
  Sequences(2D+3D)/F001/T1/2440.jpg                images; also F001.zip, or videos 2F01_01.avi
  2DFeatures/F001_T1.mat                           landmarks, optional
Other places of images and labels can be given."""
_LABELS = ("AUCoding/AU_OCC", "AU_OCC", "AUCoding/AUCoding", "AUCoding")
_INTENSITIES = ("AUCoding/AU_INT", "AU_INT", "AU Intensity Codes3.0", "AUCoding/AU Intensity Codes3.0")
_IMAGES = ("Sequences(2D+3D)", "2D+3D", "Sequences", "BP4D-Spontaneous", "Images", "Videos")
_NAME = re.compile(r"([FM]\d{3})[/_]T(\d{1,2})", re.IGNORECASE)
_VIDEO_NAME = re.compile(r"2([FM])(\d\d)_(?:T(\d)|(\d\d))", re.IGNORECASE)
_TASK_OF_VIDEO = {"01": "1", "03": "2", "07": "3", "08": "4", "09": "5", "10": "6", "11": "7", "13": "8"}
_TASKS = tuple(f"T{number}" for number in range(1, 9))


class BP4D(Source):
    """Read BP4D.

    Columns of the tables are found by their names, an AU coded 9 is unknown. Frames are those that are coded and
    have an image; what doesn't fit is listed in the result's ``problems``.

    Args:
        root: The data set's folder.
        images: Folder of the images or videos, absolute or under ``root``; the usual places where not given.
        labels: Folder of the tables of occurrence, likewise.
        frame_offset: What to add to a frame's number in the labels to get its image's; 0 or -1, found out from the
            images where not given.
        intensities: Whether intensities are read where the tree has them.
        landmarks: Whether landmarks are read where the tree has them.
        drop_occluded: Whether frames that are marked as occluded are left out, as in FERA 2015.
        on_problem: ``report`` leaves out what can't be used and lists it, ``refuse`` ends with the first problem.
    """

    name = "bp4d"

    def __init__(
        self,
        root: str,
        *,
        images: str | None = None,
        labels: str | None = None,
        frame_offset: int | None = None,
        intensities: bool = True,
        landmarks: bool = True,
        drop_occluded: bool = False,
        on_problem: OnProblem = "report",
    ) -> None:
        coded_trees.check_options("BP4D", on_problem=on_problem, frame_offset=frame_offset)
        self.root = root
        self.images = images
        self.labels = labels
        self.frame_offset = frame_offset
        self.intensities = intensities
        self.landmarks = landmarks
        self.drop_occluded = drop_occluded
        self.on_problem = on_problem

    def read(self) -> RawFrames:
        """Read all labels and find all images, without decoding any.

        Raises:
            DatasetError: The tree is not that of BP4D.
        """
        root = require_folder(self.root, LAYOUT)
        problems = Problems(refuse=self.on_problem == "refuse")
        folder = coded_trees.folder_of(root, self.labels, _LABELS, "tables of occurrence", LAYOUT)
        files = coded_trees.table_files(folder, key_of, problems)
        if not files:
            message = f"{folder}: there must be tables such as F001_T1.csv, got none. {LAYOUT}"
            raise DatasetError(message)
        _check_subjects(files, folder)
        tables = {key: read_occurrence(path, problems) for key, path in files.items()}
        _check_not_bp4dplus(tables, folder)
        sequences = [coded_trees.code(key, self._select(key, table, problems)) for key, table in tables.items()]
        found = find_folder(root, _INTENSITIES) if self.intensities else None
        if found is not None:
            coded_trees.add_intensities(sequences, found, key_of, problems)
        pictures = coded_trees.folder_of(root, self.images, _IMAGES, "images", LAYOUT)
        images = index_images(pictures, key_of, problems)
        for key in sorted(set(images) - set(tables), key=coded_trees.sequence_order):
            problems.add("sequence without labels", f"{self.name}/{'/'.join(key)}", images[key].where)
        frames = assemble(
            self.name, sequences, images, frame_offset=self.frame_offset, folds=BP4D_FOLDS, problems=problems
        )
        _note_incomplete(tables, problems)
        features = find_folder(root, ("2DFeatures",)) if self.landmarks else None
        return frames if features is None else coded_trees.with_features(frames, features, problems)

    def _select(self, key: Key, table: OccurrenceTable, problems: Problems) -> OccurrenceTable:
        occluded = int(table.occluded.sum())
        if not occluded:
            return table
        detail = f"{occluded} of {len(table.frame)}, " + ("left out" if self.drop_occluded else "kept")
        problems.note("occluded frames", f"{self.name}/{'/'.join(key)}", detail, count=occluded)
        return table.frames(~table.occluded) if self.drop_occluded else table


def key_of(name: str) -> Key | None:
    """Tell subject and task from ``F001/T1``, ``F001_T1``, or a video's ``2F01_01`` or ``2F01_T1``.

    Example:
        >>> key_of("2F01_13")
        ('F001', 'T8')
    """
    match = _NAME.fullmatch(name)
    if match:
        task = f"T{int(match[2])}"
        return (match[1].upper(), task) if task in _TASKS else None
    match = _VIDEO_NAME.fullmatch(name)
    task_number = match and (match[3] or _TASK_OF_VIDEO.get(match[4]))
    return (f"{match[1].upper()}0{match[2]}", f"T{task_number}") if match and task_number else None


@cache
def known_sequences() -> dict[Key, tuple[int, int]]:
    """Give the first and last coded frame of all 328 sequences, as lists of frames that others published have them."""
    with Path(__file__).with_name("bp4d_sequences.csv").open(newline="", encoding="utf-8") as file:
        return {
            (row["subject"], row["task"]): (int(row["first_frame"]), int(row["last_frame"]))
            for row in csv.DictReader(file)
        }


def _check_subjects(files: dict[Key, Path], folder: Path) -> None:
    others = sorted({subject for subject, _ in files} - BP4D_SUBJECTS)
    if others:
        message = (
            f"{folder}: subjects must be F001 to F023 and M001 to M018, got {', '.join(others[:5])}. If this is BP4D+, "
            "read it as such (bp4dplus): its people of the same names are others."
        )
        raise DatasetError(message)


def _check_not_bp4dplus(tables: dict[Key, OccurrenceTable], folder: Path) -> None:
    """Refuse a table whose columns are those of BP4D+ and whose frames are not those of BP4D."""
    known = known_sequences()
    for key, table in tables.items():
        first, last = known[key]
        outside = int(((table.frame < first) | (table.frame > last)).sum())
        if table.aus == BP4DPLUS_AUS and outside:
            message = (
                f"{folder}: {'_'.join(key)} must have frames from {first} to {last}, got {outside} others under the "
                "columns of BP4D+. If this is BP4D+, read it as such (bp4dplus): its people of the same names are "
                "others."
            )
            raise DatasetError(message)


def _note_incomplete(tables: dict[Key, OccurrenceTable], problems: Problems) -> None:
    known = known_sequences()
    counts = {key: last - first + 1 for key, (first, last) in known.items()}
    for key, table in tables.items():
        first, last = known[key]
        within = int(((table.frame >= first) & (table.frame <= last)).sum())
        where = f"bp4d/{'/'.join(key)}"
        if within < counts[key]:
            missing = counts[key] - within
            problems.note("incomplete labels", where, f"{missing} of {counts[key]} frames", count=missing)
        if within < len(table.frame):
            outside = len(table.frame) - within
            problems.note("unknown frames", where, f"{outside} outside of {first} to {last}, kept", count=outside)
    coded_trees.note_missing(tables, known, problems, name="bp4d", counts=counts)
