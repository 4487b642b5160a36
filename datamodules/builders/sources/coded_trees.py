"""What the trees of BP4D and BP4D+ have in common: a table per sequence, intensities per AU, features per sequence."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from datamodules.builders.sources.au_tables import OccurrenceTable, read_intensity
from datamodules.builders.sources.base import DatasetError, Problems, RawFrames
from datamodules.builders.sources.coded_sequences import CodedSequence, add_intensity
from datamodules.builders.sources.image_trees import find_folder
from datamodules.builders.sources.landmark_files import FileLandmarks, check_features, load_features

if TYPE_CHECKING:
    from datamodules.builders.sources.image_trees import Key

OnProblem = Literal["report", "refuse"]
INTENSITY_AUS = (6, 10, 12, 14, 17)
"""The AUs of which BP4D and BP4D+ code intensities."""
KeyOf = Callable[[str], "Key | None"]


def check_options(reader: str, *, on_problem: str, frame_offset: int | None) -> None:
    """Refuse what no reader understands.

    Raises:
        ValueError: An option has another value.
    """
    if on_problem not in {"report", "refuse"}:
        message = f"{reader}: on_problem must be report or refuse, got {on_problem!r}."
        raise ValueError(message)
    if frame_offset is not None and not (isinstance(frame_offset, int) and abs(frame_offset) < 1000):
        message = f"{reader}: frame_offset must be a small whole number or none, got {frame_offset!r}. Mostly 0 or -1."
        raise ValueError(message)


def sequence_order(key: Key) -> tuple[str, int, str]:
    """Order sequences by subject, then T2 before T10."""
    subject, sequence = key
    digits = re.sub(r"\D", "", sequence)
    return subject, int(digits or 0), sequence


def folder_of(root: Path, given: str | None, usual: Iterable[str], what: str, layout: str) -> Path:
    """Give a folder that was named or is where it usually is.

    Raises:
        DatasetError: There is none.
    """
    if given is not None:
        folder = root / Path(given).expanduser()
        if folder.is_dir():
            return folder
        message = f"{folder}: the folder of {what} must exist, got none. {layout}"
        raise DatasetError(message)
    found = find_folder(root, usual)
    if found is None:
        message = f"{root}: there must be a folder of {what}, got none of {', '.join(usual)}. {layout}"
        raise DatasetError(message)
    return found


def table_files(folder: Path, key_of: KeyOf, problems: Problems, *, suffix: str = ".csv") -> dict[Key, Path]:
    """Find the table of each sequence by its name, such as ``F001_T1.csv``."""
    found: dict[Key, list[str]] = {}
    for name in sorted(os.listdir(folder)):
        stem, ending = os.path.splitext(name)
        if name.startswith(".") or ending.lower() != suffix:
            continue
        key = key_of(stem)
        if key is None:
            problems.add("unknown file", str(folder / name), "its name is not that of a sequence, such as F001_T1")
        else:
            found.setdefault(key, []).append(name)
    for key, names in list(found.items()):
        if len(names) > 1:
            problems.add("duplicate file", str(folder / names[0]), f"also {', '.join(names[1:])}; none was read")
            del found[key]
    return {key: folder / found[key][0] for key in sorted(found, key=sequence_order)}


def code(key: Key, table: OccurrenceTable) -> CodedSequence:
    """Make a sequence of its table: intensity is 0 where an AU is absent and otherwise unknown, until it is added."""
    intensity = np.where(table.occurrence == 0, np.float32(0), np.float32(np.nan))
    return CodedSequence(*key, table.frame, table.occurrence, intensity)


def add_intensities(sequences: Sequence[CodedSequence], folder: Path, key_of: KeyOf, problems: Problems) -> None:
    """Read the intensities of the AUs that have a folder, ``AU06`` ..., into the sequences.

    Their files are called ``F001_T1.csv`` or ``F001_T1_AU06.csv``.
    """
    for au in INTENSITY_AUS:
        within = find_folder(folder, (f"AU{au:02d}", f"AU{au}"))
        if within is None:
            problems.note("missing intensity", f"{folder}: AU{au}", "no folder of this AU")
            continue
        files = table_files(within, lambda stem: key_of("_".join(stem.split("_")[:2])), problems)
        for sequence in sequences:
            path = files.get(sequence.key)
            if path is not None:
                add_intensity(sequence, au, read_intensity(path, problems), problems)
            else:
                detail = "no table of this sequence"
                problems.note("missing intensity", f"{within}: {sequence.name}", detail, count=len(sequence.frame))


def with_features(frames: RawFrames, folder: Path, problems: Problems) -> RawFrames:
    """Give frames the landmarks of ``2DFeatures``, whose n-th row is the n-th frame of the sequence."""
    keys = list(zip(frames.subject, frames.sequence, strict=True))
    files: list[str] = []
    file_of_key: dict[Key, int] = {}
    for key in dict.fromkeys(keys):
        path = folder / f"{key[0]}_{key[1]}.mat"
        wrong = check_features(path)
        if wrong is None:
            file_of_key[key] = len(files)
            files.append(str(path))
        else:
            file_of_key[key] = -1
            problems.note("missing landmarks", str(path), wrong, count=keys.count(key))
    file_of = np.array([file_of_key[key] for key in keys], np.int64)
    return replace(frames, landmarks=FileLandmarks(files, file_of, frames.frame - 1, load=load_features))


def note_missing(
    present: Iterable[Key], expected: Iterable[Key], problems: Problems, *, name: str, counts: Mapping[Key, int]
) -> None:
    """Note sequences that the data set has and the tree hasn't, whole subjects as one."""
    have = set(present)
    subjects = {subject for subject, _ in have}
    lacking: dict[str, list[str]] = {}
    for subject, sequence in sorted(set(expected) - have, key=sequence_order):
        lacking.setdefault(subject, []).append(sequence)
    for subject, sequences in lacking.items():
        frames = sum(counts.get((subject, sequence), 0) for sequence in sequences)
        size = f"{', '.join(sequences)}" + (f": {frames} frames" if frames else "")
        if subject in subjects:
            problems.note("missing sequence", f"{name}/{subject}", size, count=len(sequences))
        else:
            problems.note("missing subject", f"{name}/{subject}", size)
