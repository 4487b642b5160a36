"""Find the images of all sequences of a data set: folders, zip archives and videos, numbered by their file names."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import BadZipFile, ZipFile

import numpy as np

from datamodules.builders.sources.image_files import ImageFile, ZippedImage
from datamodules.builders.sources.video_images import VideoImage, count_frames
from datamodules.face_images import UnreadableImageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from datamodules.builders.sources.base import FrameImage, Problems

Key = tuple[str, str]
"""Subject and sequence."""
_IMAGES = (".jpg", ".jpeg", ".png", ".bmp")
_VIDEOS = (".avi", ".mp4", ".mov", ".mkv", ".wmv")
_LAST_NUMBER = re.compile(r"(\d+)$", re.ASCII)


@dataclass(frozen=True)
class SequenceImages:
    """The images of a sequence.

    Attributes:
        where: The folder, archive or video.
        numbers: Their numbers, rising; those of a video count its frames from 1.
        image: Gives the image at a place in ``numbers``.
        counted: Whether the numbers were counted, as in a video, rather than read from names.
    """

    where: str
    numbers: NDArray[np.int64]
    image: Callable[[int], FrameImage]
    counted: bool = False


def find_folder(root: Path, paths: Iterable[str]) -> Path | None:
    """Find the first of some folders under a root; case, spaces and punctuation don't matter."""
    for path in paths:
        folder: Path | None = root
        for part in path.split("/"):
            folder = _child(folder, part) if folder is not None and part else folder
        if folder is not None:
            return folder
    return None


def index_images(folder: Path, key_of: Callable[[str], Key | None], problems: Problems) -> dict[Key, SequenceImages]:
    """Find the images of all sequences in a folder.

    A sequence is a folder, two folders deep (``F001/T1``) or one (``F001_T1``), a folder in the archive of a
    subject (``F001.zip``), or a video (``F001_T1.avi``). Where it is there in two forms, the first of these counts;
    names that nobody knows are passed over.

    Args:
        folder: Where to look.
        key_of: Tells subject and sequence from a name such as ``F001/T1`` or ``F001_T1``, or None.
        problems: Takes note of what can't be read.
    """
    forms: tuple[dict[Key, SequenceImages], ...] = ({}, {}, {})
    for entry in _entries(folder):
        stem, suffix = os.path.splitext(entry.name)
        found: Iterator[tuple[Key, SequenceImages]]
        if entry.is_dir():
            found, form = ((key, _in_folder(path, problems)) for key, path in _sequence_folders(entry, key_of)), 0
        elif suffix.lower() == ".zip":
            found, form = _in_archive(entry.path, key_of, problems), 1
        elif suffix.lower() in _VIDEOS:
            found, form = _in_video(entry.path, key_of(stem), problems), 2
        else:
            continue
        for key, images in found:
            if not len(images.numbers):
                continue
            if forms[form].setdefault(key, images) is not images:
                kept = forms[form][key].where
                problems.add("duplicate sequence", images.where, f"{'/'.join(key)} is also {kept}, which was kept")
    return forms[2] | forms[1] | forms[0]


def _sequence_folders(entry: os.DirEntry[str], key_of: Callable[[str], Key | None]) -> Iterator[tuple[Key, str]]:
    key = key_of(entry.name)
    if key is not None:
        yield key, entry.path
        return
    for inner in _entries(Path(entry.path)):
        key = key_of(f"{entry.name}/{inner.name}") if inner.is_dir() else None
        if key is not None:
            yield key, inner.path


def _in_folder(path: str, problems: Problems) -> SequenceImages:
    numbers, names = _numbered(os.listdir(path), path, problems)
    return SequenceImages(path, numbers, lambda place: ImageFile(f"{path}{os.sep}{names[place]}"))


def _in_archive(
    path: str, key_of: Callable[[str], Key | None], problems: Problems
) -> Iterator[tuple[Key, SequenceImages]]:
    """Group an archive's images by the folder they are in; the archive's name may stand for the subject's folder."""
    try:
        with ZipFile(path) as archive:
            members = archive.namelist()
    except (OSError, BadZipFile, NotImplementedError) as error:
        problems.add("unreadable archive", path, str(error))
        return
    groups: dict[str, list[str]] = {}
    for member in members:
        parent, _, name = member.rpartition("/")
        groups.setdefault(parent, []).append(name)
    subject = Path(path).stem
    for parent, names in groups.items():
        tail = parent.rsplit("/", 2)[-2:]
        last = tail[-1] or subject
        key = key_of("/".join(tail)) or key_of(last) or key_of(f"{subject}/{last}")
        if key is not None:
            yield key, _zipped(path, f"{parent}/" if parent else "", *_numbered(names, f"{path}/{parent}", problems))


def _zipped(path: str, parent: str, numbers: NDArray[np.int64], names: list[str]) -> SequenceImages:
    return SequenceImages(
        f"{path}/{parent}".rstrip("/"), numbers, lambda place: ZippedImage(path, parent + names[place])
    )


def _in_video(path: str, key: Key | None, problems: Problems) -> Iterator[tuple[Key, SequenceImages]]:
    if key is None:
        return
    try:
        count = count_frames(path)
    except UnreadableImageError as error:
        problems.add("unreadable video", path, str(error.__cause__))
        return
    yield key, SequenceImages(path, np.arange(1, count + 1), lambda place: VideoImage(path, place), counted=True)


def _numbered(names: Iterable[str], where: str, problems: Problems) -> tuple[NDArray[np.int64], list[str]]:
    """Number images by the digits at the end of their names; where two have one number, neither counts."""
    by_number: dict[int, list[str]] = {}
    for name in names:
        stem, suffix = os.path.splitext(name)
        if suffix.lower() not in _IMAGES or name.startswith("."):
            continue
        if stem.isdecimal():
            by_number.setdefault(int(stem), []).append(name)
        elif match := _LAST_NUMBER.search(stem):
            by_number.setdefault(int(match[1]), []).append(name)
        else:
            problems.add("image without a number", f"{where}/{name}", "left out")
    for number, same in list(by_number.items()):
        if len(same) > 1:
            problems.add("duplicate image", f"{where}/{number}", f"{', '.join(sorted(same))}: all left out")
            del by_number[number]
    numbers = sorted(by_number)
    return np.array(numbers, np.int64), [by_number[number][0] for number in numbers]


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted((entry for entry in entries if not entry.name.startswith(".")), key=lambda entry: entry.name)


def _child(folder: Path, name: str) -> Path | None:
    exact = folder / name
    if exact.is_dir():
        return exact
    same = [entry.path for entry in _entries(folder) if entry.is_dir() and _plain(entry.name) == _plain(name)]
    return Path(same[0]) if same else None


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9+]", "", name.lower())
