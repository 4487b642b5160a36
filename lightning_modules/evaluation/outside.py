"""Pictures that other systems made: found by the names of the frames, or by a manifest, and checked before use."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning_modules.evaluation.evaluation_set import EvaluationSet

MANIFEST = "manifest.csv"
_SUFFIXES = (".png", ".jpg", ".jpeg", ".PNG", ".JPG", ".JPEG", ".webp")


class PicturesError(ValueError):
    """Pictures of another system can't be used as they are."""


def found_files(place: Path, frames: EvaluationSet) -> list[Path]:
    """Find the picture of each frame.

    Args:
        place: A folder with a picture for each frame, ``<frame>.png``, or with ``manifest.csv``; or such a manifest,
            with columns ``frame`` and ``image``, whose paths are relative to it.
        frames: The set.

    Raises:
        PicturesError: Some are missing, of different sizes, or not square; the manifest is wrong.
    """
    listing = place if place.is_file() else place / MANIFEST
    known = read_manifest(listing) if listing.is_file() else None
    files = []
    missing = []
    for name in frames.names:
        if known is None:
            file = next((each for suffix in _SUFFIXES if (each := place / f"{name}{suffix}").is_file()), None)
        else:
            file = known.get(name)
        if file is None or not file.is_file():
            missing.append(name if file is None else str(file))
        else:
            files.append(file)
    if missing:
        shown = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
        message = (
            f"evaluate: {place} must have a picture for each of the {len(frames)} frames of {frames.name!r}, "
            f"{len(missing)} are missing: {shown}. --write-cases DIR writes what is asked, with the names."
        )
        raise PicturesError(message)
    _check_sizes(place, files)
    return files


def read_manifest(file: Path) -> dict[str, Path]:
    """Read which picture is of which frame.

    Raises:
        PicturesError: It is no CSV file with the columns, or names a frame twice.
    """
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            columns = reader.fieldnames or []
            for needed in ("frame", "image"):
                if needed not in columns:
                    message = f"evaluate: {file} must have a column {needed!r}, got {', '.join(columns) or 'none'}."
                    raise PicturesError(message)
            found: dict[str, Path] = {}
            for row in reader:
                name, image = row["frame"] or "", row["image"] or ""
                if not name or not image:
                    message = f"evaluate: {file}, line {reader.line_num}: frame and image must not be empty."
                    raise PicturesError(message)
                if name in found:
                    message = f"evaluate: {file}, line {reader.line_num}: frame {name!r} must be named once."
                    raise PicturesError(message)
                found[name] = file.parent / image
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        message = f"evaluate: {file} must be a readable CSV file: {error}."
        raise PicturesError(message) from error
    return found


def _check_sizes(place: Path, files: Sequence[Path]) -> None:
    from PIL import Image, UnidentifiedImageError

    sizes: dict[tuple[int, int], Path] = {}
    for file in files:
        try:
            with Image.open(file) as image:
                sizes.setdefault(image.size, file)
        except (OSError, UnidentifiedImageError) as error:
            message = f"evaluate: {file} must be a picture that can be read: {error}."
            raise PicturesError(message) from error
    if len(sizes) > 1:
        (one, first), (other, second) = list(sizes.items())[:2]
        message = (
            f"evaluate: pictures of {place} must be of one size, got {one[0]} x {one[1]} ({first.name}) and "
            f"{other[0]} x {other[1]} ({second.name}). Scale them as the faces of the test set lie."
        )
        raise PicturesError(message)
    (width, height), first = next(iter(sizes.items()))
    if width != height:
        message = (
            f"evaluate: pictures of {place} must be square, got {width} x {height} ({first.name}). Crop them as the "
            "faces of the test set lie."
        )
        raise PicturesError(message)
