"""DISFA+ as it is distributed: nine of DISFA's people again, posed and spontaneous trials, intensities of 12 AUs."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from datamodules.builders.sources import coded_trees
from datamodules.builders.sources.base import DatasetError, Problems, RawFrames, Source
from datamodules.builders.sources.coded_sequences import CodedSequence, assemble, require_folder
from datamodules.builders.sources.coded_trees import OnProblem
from datamodules.builders.sources.disfa import CODED_AUS, check_threshold, code_intensities
from datamodules.builders.sources.image_trees import index_images
from zoo.facs import AUS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from datamodules.builders.sources.image_trees import Key

LAYOUT = """A tree of DISFA+ looks so:
  Labels/SN001/TRIAL/AU1.txt       rows such as 000.jpg 0, under lines of names
  Images/SN001/TRIAL/000.jpg
Other places of images and labels can be given."""
_ROW = re.compile(r"\s*(\d+)\.(?:jpe?g|png|bmp)[\s,]+(\S+)\s*", re.IGNORECASE)
_NAME = re.compile(r"(SN\d{3})/(.+)", re.IGNORECASE)


class DISFAPlus(Source):
    """Read DISFA+.

    An AU is present from an intensity of 2 on, and unknown where the data set doesn't code it. Its nine people are
    in DISFA, too: don't train on one and test on the other.

    Args:
        root: The data set's folder.
        images: Folder of the images, absolute or under ``root``; the usual place where not given.
        labels: Folder of the labels, likewise.
        threshold: The intensity from which an AU is present.
        on_problem: ``report`` leaves out what can't be used and lists it, ``refuse`` ends with the first problem.
    """

    name = "disfaplus"

    def __init__(
        self,
        root: str,
        *,
        images: str | None = None,
        labels: str | None = None,
        threshold: int = 2,
        on_problem: OnProblem = "report",
    ) -> None:
        coded_trees.check_options("DISFAPlus", on_problem=on_problem, frame_offset=None)
        check_threshold("DISFAPlus", threshold)
        self.root = root
        self.images = images
        self.labels = labels
        self.threshold = threshold
        self.on_problem = on_problem

    def read(self) -> RawFrames:
        """Read all labels and find all images, without decoding any.

        Raises:
            DatasetError: The tree is not that of DISFA+.
        """
        root = require_folder(self.root, LAYOUT)
        problems = Problems(refuse=self.on_problem == "refuse")
        folder = coded_trees.folder_of(root, self.labels, ("Labels",), "labels", LAYOUT)
        trials = sorted(path for path in folder.glob("*/*") if path.is_dir() and _key_of(f"{path.parent.name}/x"))
        sequences = [coded for trial in trials if (coded := _read_trial(trial, self.threshold, problems))]
        if not sequences:
            message = f"{folder}: there must be labels such as SN001/TRIAL/AU1.txt, got none. {LAYOUT}"
            raise DatasetError(message)
        pictures = coded_trees.folder_of(root, self.images, ("Images",), "images", LAYOUT)
        images = index_images(pictures, _key_of, problems)
        for key in sorted(set(images) - {sequence.key for sequence in sequences}):
            problems.add("sequence without labels", f"{self.name}/{'/'.join(key)}", images[key].where)
        # rows name the image's file, so that nothing is to be added
        frames = assemble(self.name, sequences, images, frame_offset=0, folds={}, problems=problems)
        return replace(frames, facts={"sequences": frames.facts["sequences"], "threshold": self.threshold})


def _key_of(name: str) -> Key | None:
    match = _NAME.fullmatch(name)
    return (match[1].upper(), match[2]) if match else None


def _read_trial(folder: Path, threshold: int, problems: Problems) -> CodedSequence | None:
    subject, trial = folder.parent.name.upper(), folder.name
    columns = {}
    for au in (au for au in AUS if au in CODED_AUS):
        path = folder / f"AU{au}.txt"
        if path.exists():
            columns[au] = _read_rows(path, problems)
        else:
            where = f"disfaplus/{subject}/{trial}: AU{au}"
            problems.add("missing AU", where, f"no file {path.name}; unknown in all frames")
    return code_intensities(subject, trial, columns, threshold, problems) if columns else None


def _read_rows(path: Path, problems: Problems) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Read rows of an image's name and an intensity; lines above the first of them are names."""
    found: dict[int, float] = {}
    conflicting: set[int] = set()
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    for number, line in enumerate(lines, start=1):
        match = _ROW.fullmatch(line)
        if match is None or match[2] not in {"0", "1", "2", "3", "4", "5"}:
            if line.strip() and (found or match):
                problems.add("unreadable row", f"{path}, line {number}", repr(line.strip()))
            continue
        frame, value = int(match[1]), float(match[2])
        if found.setdefault(frame, value) != value:
            conflicting.add(frame)
            problems.add(
                "duplicate frame", f"{path}, line {number}", f"frame {frame}: the labels differ, none was kept"
            )
    frames = sorted(set(found) - conflicting)
    if not frames:
        message = f"{path}: rows must be an image's name and an intensity from 0 to 5, such as 000.jpg 0, got none."
        raise DatasetError(message)
    return np.array(frames, np.int64), np.array([found[frame] for frame in frames], np.float32)
