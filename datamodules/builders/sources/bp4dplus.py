"""BP4D+ as it is distributed: 140 people, 10 tasks, of which T1, T6, T7 and T8 are coded."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from datamodules.builders.sources import coded_trees
from datamodules.builders.sources.au_tables import OccurrenceTable, read_occurrence
from datamodules.builders.sources.base import DatasetError, Problems, RawFrames, Source
from datamodules.builders.sources.coded_sequences import assemble, require_folder
from datamodules.builders.sources.coded_trees import OnProblem
from datamodules.builders.sources.folds import BP4DPLUS_FOLDS, BP4DPLUS_SUBJECTS
from datamodules.builders.sources.image_trees import find_folder, index_images

if TYPE_CHECKING:
    from pathlib import Path

    from datamodules.builders.sources.image_trees import Key

LAYOUT = """A tree of BP4D+ looks so:
  AUCoding/AU_OCC/F001_T1.csv                      occurrence; columns are named by their AUs
  AUCoding/AU_INT/AU06/F001_T1_AU06.csv            intensity, optional
  2D+3D/F001.zip                                   images F001/T1/000.jpg; also unpacked, or videos F001_T1.mp4
  2DFeatures/F001_T1.mat                           landmarks, optional
Other places of images and labels can be given."""
CODED_TASKS = ("T1", "T6", "T7", "T8")
MISMATCHED = ("F041/T7",)
"""Sequences whose labels and images are known not to belong together."""
_LABELS = ("AUCoding/AU_OCC", "AU_OCC")
_INTENSITIES = ("AUCoding/AU_INT", "AU_INT")
_IMAGES = ("2D+3D", "Sequences(2D+3D)", "Sequences", "Images", "Videos")
_NAME = re.compile(r"([FM]\d{3})[/_]T(\d{1,2})", re.IGNORECASE)
_TASKS = tuple(f"T{number}" for number in range(1, 11))


class BP4DPlus(Source):
    """Read BP4D+.

    Columns of the tables are found by their names, an AU coded 9 is unknown. Frames are those that are coded and
    have an image; what doesn't fit is listed in the result's ``problems``. Subjects are other people than those of
    the same names in BP4D.

    Args:
        root: The data set's folder.
        images: Folder of the images, archives or videos, absolute or under ``root``; the usual places where not given.
        labels: Folder of the tables of occurrence, likewise.
        frame_offset: What to add to a frame's number in the labels to get its image's; 0 or -1, found out from the
            images where not given.
        intensities: Whether intensities are read where the tree has them.
        landmarks: Whether landmarks are read where the tree has them.
        exclude: Sequences to leave out, such as ``F041/T7``.
        on_problem: ``report`` leaves out what can't be used and lists it, ``refuse`` ends with the first problem.
    """

    name = "bp4dplus"

    def __init__(
        self,
        root: str,
        *,
        images: str | None = None,
        labels: str | None = None,
        frame_offset: int | None = None,
        intensities: bool = True,
        landmarks: bool = True,
        exclude: Sequence[str] = MISMATCHED,
        on_problem: OnProblem = "report",
    ) -> None:
        coded_trees.check_options("BP4DPlus", on_problem=on_problem, frame_offset=frame_offset)
        for each in exclude:
            if key_of(each) is None:
                message = f"BP4DPlus: exclude must name sequences such as F041/T7, got {each!r}."
                raise ValueError(message)
        self.root = root
        self.images = images
        self.labels = labels
        self.frame_offset = frame_offset
        self.intensities = intensities
        self.landmarks = landmarks
        self.exclude = tuple(exclude)
        self.on_problem = on_problem

    def read(self) -> RawFrames:
        """Read all labels and find all images, without decoding any.

        Raises:
            DatasetError: The tree is not that of BP4D+.
        """
        root = require_folder(self.root, LAYOUT)
        problems = Problems(refuse=self.on_problem == "refuse")
        folder = coded_trees.folder_of(root, self.labels, _LABELS, "tables of occurrence", LAYOUT)
        files = coded_trees.table_files(folder, key_of, problems)
        excluded = {key_of(each) for each in self.exclude}
        for key in [key for key in files if key in excluded]:
            problems.note("known defect", f"{self.name}/{'/'.join(key)}", "left out, as `exclude` says")
            del files[key]
        if not files:
            message = f"{folder}: there must be tables such as F001_T1.csv, got none. {LAYOUT}"
            raise DatasetError(message)
        uncoded = [key for key in files if key[1] not in CODED_TASKS]
        if uncoded:
            message = (
                f"{folder}: tables must be of T1, T6, T7 and T8, which are coded in BP4D+, got {'_'.join(uncoded[0])}. "
                "If this is BP4D, read it as such (bp4d): its people of the same names are others."
            )
            raise DatasetError(message)
        sequences = [coded_trees.code(key, _read(path, problems)) for key, path in files.items()]
        found = find_folder(root, _INTENSITIES) if self.intensities else None
        if found is not None:
            coded_trees.add_intensities(sequences, found, key_of, problems)
        pictures = coded_trees.folder_of(root, self.images, _IMAGES, "images", LAYOUT)
        images = index_images(pictures, key_of, problems)
        for key in sorted(set(images) - set(files) - excluded, key=coded_trees.sequence_order):
            if key[1] in CODED_TASKS:
                problems.add("sequence without labels", f"{self.name}/{'/'.join(key)}", images[key].where)
        frames = assemble(
            self.name, sequences, images, frame_offset=self.frame_offset, folds=BP4DPLUS_FOLDS, problems=problems
        )
        expected = {(subject, task) for subject in BP4DPLUS_SUBJECTS for task in CODED_TASKS} - excluded
        coded_trees.note_missing(files, expected, problems, name=self.name, counts={})
        features = find_folder(root, ("2DFeatures",)) if self.landmarks else None
        return frames if features is None else coded_trees.with_features(frames, features, problems)


def key_of(name: str) -> Key | None:
    """Tell subject and task from ``F001/T1`` or ``F001_T1``; None for what BP4D+ doesn't have.

    Example:
        >>> key_of("F001_T1"), key_of("F042/T11"), key_of("F083_T1")
        (('F001', 'T1'), None, None)
    """
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    subject, task = match[1].upper(), f"T{int(match[2])}"
    return (subject, task) if subject in BP4DPLUS_SUBJECTS and task in _TASKS else None


def _read(path: Path, problems: Problems) -> OccurrenceTable:
    table = read_occurrence(path, problems)
    if table.positional:
        message = (
            f"{path}: columns of BP4D+ must be named by their AUs, got 100 columns, the form of BP4D. If this is BP4D, "
            "read it as such (bp4d): its people of the same names are others."
        )
        raise DatasetError(message)
    return table
