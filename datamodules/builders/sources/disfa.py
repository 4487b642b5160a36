"""DISFA as it is distributed: 27 people, a video of 4,845 frames of each from two cameras, intensities of 12 AUs."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from datamodules.builders.sources import coded_trees
from datamodules.builders.sources.au_tables import read_intensity
from datamodules.builders.sources.base import UNKNOWN, DatasetError, Problems, RawFrames, Source
from datamodules.builders.sources.coded_sequences import CodedSequence, assemble, require_folder
from datamodules.builders.sources.coded_trees import OnProblem
from datamodules.builders.sources.folds import DISFA_FOLDS, DISFA_SUBJECTS
from datamodules.builders.sources.image_trees import find_folder, index_images
from datamodules.builders.sources.landmark_files import FileLandmarks, check_points, load_points
from zoo.facs import AUS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from datamodules.builders.sources.image_trees import Key

LAYOUT = """A tree of DISFA looks so:
  ActionUnit_Labels/SN001/SN001_au1.txt                    rows of frame,intensity
  Videos_LeftCamera/LeftVideoSN001_comp.avi                or images such as Images/Left/SN001/0.png
  Landmark_Points/SN001/tmp_frame_lm/SN001_0000_lm.mat     landmarks, optional, of the left camera
Other places of images and labels can be given."""
CODED_AUS = (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)
"""The AUs that DISFA codes; of ours it lacks 7, 10, 14, 23 and 24, which are unknown in all frames."""
_FRAMES = dict.fromkeys(DISFA_SUBJECTS, 4845) | {"SN010": 4844}
_LABELS = ("ActionUnit_Labels", "ActionUnit_Labels/ActionUnit_Labels")
_LANDMARKS = ("Landmark_Points/Landmark_Points", "Landmark_Points")
_NAME = re.compile(r"(?:(left|right)video)?(SN\d{3})(?:_comp)?(?:\.avi)?", re.IGNORECASE)
# files of most subjects count frames from 0, those that begin with an l from 1
_POINTS = re.compile(r"(l|SN\d{3}_)(\d+)_lm\.mat", re.IGNORECASE)


class DISFA(Source):
    """Read DISFA.

    An AU is present from an intensity of 2 on, as is usual, and unknown where the data set doesn't code it. Labels
    count frames from 1; images made of the videos mostly from 0, which is found out.

    Args:
        root: The data set's folder.
        camera: Whose video or images: ``left`` or ``right``.
        images: Folder of the images or videos, absolute or under ``root``; the usual places where not given.
        labels: Folder of the labels, likewise.
        threshold: The intensity from which an AU is present.
        frame_offset: What to add to a frame's number in the labels to get its image's; 0 or -1, found out from the
            images where not given.
        landmarks: Whether landmarks are read where the tree has them.
        on_problem: ``report`` leaves out what can't be used and lists it, ``refuse`` ends with the first problem.
    """

    name = "disfa"

    def __init__(
        self,
        root: str,
        *,
        camera: Literal["left", "right"] = "left",
        images: str | None = None,
        labels: str | None = None,
        threshold: int = 2,
        frame_offset: int | None = None,
        landmarks: bool = True,
        on_problem: OnProblem = "report",
    ) -> None:
        coded_trees.check_options("DISFA", on_problem=on_problem, frame_offset=frame_offset)
        if camera not in {"left", "right"}:
            message = f"DISFA: camera must be left or right, got {camera!r}."
            raise ValueError(message)
        check_threshold("DISFA", threshold)
        self.root = root
        self.camera = camera
        self.images = images
        self.labels = labels
        self.threshold = threshold
        self.frame_offset = frame_offset
        self.landmarks = landmarks
        self.on_problem = on_problem

    def read(self) -> RawFrames:
        """Read all labels and find all images, without decoding any.

        Raises:
            DatasetError: The tree is not that of DISFA.
        """
        root = require_folder(self.root, LAYOUT)
        if find_folder(root, _LABELS) is None and find_folder(root, ("Labels",)) and self.labels is None:
            message = f"{root}: labels must be in ActionUnit_Labels, got Labels, as in DISFA+. Read it as disfaplus."
            raise DatasetError(message)
        problems = Problems(refuse=self.on_problem == "refuse")
        folder = coded_trees.folder_of(root, self.labels, _LABELS, "labels", LAYOUT)
        sequences = [
            coded
            for subject in sorted(os.listdir(folder))
            if (coded := _read_subject(folder / subject, self.threshold, problems))
        ]
        if not sequences:
            message = f"{folder}: there must be labels such as SN001/SN001_au1.txt, got none. {LAYOUT}"
            raise DatasetError(message)
        side = self.camera.capitalize()
        usual = (
            *(f"{outer}{side}" for outer in ("Images/", "Images_", "")),
            *(f"{outer}_{side}Camera{tail}" for outer in ("Videos", "Video") for tail in ("_frames", "")),
            *("Images", "Videos"),
        )
        pictures = coded_trees.folder_of(root, self.images, usual, "images", LAYOUT)
        images = index_images(pictures, self._key_of, problems)
        for key in sorted(set(images) - {sequence.key for sequence in sequences}):
            problems.add("sequence without labels", f"{self.name}/{key[0]}", images[key].where)
        frames = assemble(
            self.name, sequences, images, frame_offset=self.frame_offset, folds=DISFA_FOLDS, problems=problems
        )
        for sequence in sequences:
            missing = _FRAMES.get(sequence.subject, 0) - len(sequence.frame)
            if missing > 0:
                detail = f"{missing} of {_FRAMES[sequence.subject]} frames"
                problems.note("incomplete labels", f"{self.name}/{sequence.subject}", detail, count=missing)
        present = [sequence.key for sequence in sequences]
        expected = [(subject, "") for subject in DISFA_SUBJECTS]
        coded_trees.note_missing(present, expected, problems, name=self.name, counts={})
        frames = replace(frames, facts={**frames.facts, "camera": self.camera, "threshold": self.threshold})
        points = find_folder(root, _LANDMARKS) if self.landmarks and self.camera == "left" else None
        return frames if points is None else _with_points(frames, points, problems)

    def _key_of(self, name: str) -> Key | None:
        match = _NAME.fullmatch(name)
        return (match[2].upper(), "") if match and (match[1] or self.camera).lower() == self.camera else None


def check_threshold(reader: str, threshold: int) -> None:
    """Refuse a threshold that is no intensity.

    Raises:
        ValueError: It isn't from 1 to 5.
    """
    if threshold not in range(1, 6):
        message = f"{reader}: threshold must be an intensity from 1 to 5, got {threshold!r}."
        raise ValueError(message)


def code_intensities(
    subject: str,
    sequence: str,
    columns: dict[int, tuple[NDArray[np.int64], NDArray[np.float32]]],
    threshold: int,
    problems: Problems,
) -> CodedSequence:
    """Make a sequence of frames and intensities of AUs; an AU is present from a threshold on.

    Args:
        subject: Who it is.
        sequence: Trial, or empty.
        columns: For each AU that is coded its frames and intensities.
        threshold: The intensity from which an AU is present.
        problems: Takes note of AUs that aren't coded in all frames.
    """
    frame = np.unique(np.concatenate([numbers for numbers, _ in columns.values()]))
    intensity = np.full((len(frame), len(AUS)), np.nan, np.float32)
    for au, (numbers, values) in columns.items():
        intensity[np.searchsorted(frame, numbers), AUS.index(au)] = values
        if len(numbers) < len(frame):
            where = "/".join(part for part in (subject, sequence) if part)
            missing = len(frame) - len(numbers)
            detail = f"{missing} of {len(frame)} frames that other AUs have; unknown there"
            problems.add("missing label", f"{where}: AU{au}", detail, count=missing)
    occurrence = np.where(np.isnan(intensity), UNKNOWN, intensity >= threshold).astype(np.int8)
    return CodedSequence(subject, sequence, frame, occurrence, intensity)


def _read_subject(folder: Path, threshold: int, problems: Problems) -> CodedSequence | None:
    subject = folder.name.upper()
    if not folder.is_dir() or not re.fullmatch(r"SN\d{3}", subject):
        return None
    if subject not in DISFA_SUBJECTS:
        problems.note("unknown subject", f"disfa/{subject}", "kept; in none of the folds")
    columns = {}
    for au in (au for au in AUS if au in CODED_AUS):
        path = folder / f"{folder.name}_au{au}.txt"
        if path.exists():
            columns[au] = read_intensity(path, problems)
        else:
            problems.add("missing AU", f"disfa/{subject}: AU{au}", f"no file {path.name}; unknown in all frames")
    return code_intensities(subject, "", columns, threshold, problems) if columns else None


def _with_points(frames: RawFrames, folder: Path, problems: Problems) -> RawFrames:
    """Give frames the landmarks that come with the left camera's videos, one file for each."""
    check_points(folder)
    files: list[str] = []
    file_of = np.full(len(frames), -1, np.int64)
    places = {key: place for place, key in enumerate(zip(frames.subject, frames.frame.tolist(), strict=True))}
    for subject in dict.fromkeys(frames.subject):
        inner = find_folder(folder, (f"{subject}/tmp_frame_lm", subject))
        for name in sorted(os.listdir(inner)) if inner else ():
            match = _POINTS.fullmatch(name)
            frame = int(match[2]) + (match[1].lower() != "l") if match else -1
            if (subject, frame) in places:
                file_of[places[subject, frame]] = len(files)
                files.append(f"{inner}{os.sep}{name}")
        missing = sum(file_of[place] < 0 for (who, _), place in places.items() if who == subject)
        if missing:
            detail = f"{missing} frames have no file"
            problems.note("missing landmarks", f"{frames.name}/{subject}", detail, count=missing)
    rows = np.zeros(len(frames), np.int64)
    return replace(frames, landmarks=FileLandmarks(files, file_of, rows, load=load_points))
