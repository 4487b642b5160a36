"""Read a manifest: a CSV file that lists images of faces and their labels."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from datamodules.au_text_tables import SPLITS
from zoo.facs import AUS
from zoo.randomness import uniform

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

UNKNOWN = "9"
"""How FACS data sets write an AU that could not be coded; an empty field means the same."""
SIDES = ("", "L", "R")
"""How sides are written, in the order of their numbers."""
NUM_POINTS = (5, 49, 68)
"""How many landmarks ``datamodules.alignment`` takes."""


class ManifestError(ValueError):
    """A manifest can't be used as it is."""


@dataclass(frozen=True)
class ManifestRow:
    """A line of a manifest.

    Attributes:
        image: The image file.
        subject: Who it is.
        split: ``train``, ``validation`` or ``test``; empty where the manifest doesn't say.
        source: The image's path as the manifest gives it.
        occurrence: For each AU 0, 1, or 9 where unknown.
        intensity: For each AU 0 to 5, NaN where unknown.
        reference: A neutral image of the same person, or None.
        landmarks: x and y of 5, 49 or 68 points in pixels, one after the other; empty where there are none.
        box: Left, top, right and bottom of the face in pixels; empty where there is none.
        side: For each AU 1 where the left side of the person acts alone, 2 where the right one does, else 0; empty
            where the manifest knows no sides.
    """

    image: Path
    subject: str
    split: str
    source: str
    occurrence: tuple[int, ...]
    intensity: tuple[float, ...]
    reference: Path | None
    landmarks: tuple[float, ...] = ()
    box: tuple[float, ...] = ()
    side: tuple[int, ...] = ()


def read_manifest(path: str | Path) -> list[ManifestRow]:
    """Read a manifest; a row without a ``split`` has the empty one.

    Raises:
        ManifestError: It is missing, has no rows, or a field is not as it must be; the line is named.
    """
    path = Path(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns = reader.fieldnames or []
            for needed in ("image", "subject"):
                if needed not in columns:
                    message = f"{path}: the columns must include {needed!r}, got {', '.join(columns) or 'none'}."
                    raise ManifestError(message)
            _check_columns(columns, path)
            rows = [_row(fields, path, reader.line_num) for fields in reader]
    except FileNotFoundError as error:
        message = (
            f"ManifestFacesDataModule: manifest must be a CSV file, got {str(path)!r}, which does not exist. "
            "`python cli.py dataset faces --num-images 1000 --output DIR` writes one to look at."
        )
        raise ManifestError(message) from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        message = (
            f"ManifestFacesDataModule: {path} must be a readable CSV file, got {error}. "
            "`python cli.py dataset faces --num-images 1000 --output DIR` writes one to look at."
        )
        raise ManifestError(message) from error
    if not rows:
        message = f"{path}: there must be at least one row under the header."
        raise ManifestError(message)
    return rows


def complete(
    rows: Sequence[ManifestRow], *, validation_share: float, test_share: float, seed: int
) -> list[ManifestRow]:
    """Give each row a split, and a reference where its subject has another image.

    A subject that any row places stays there with all rows: in two splits it would leak from one to the other.
    """
    split_of = subject_splits(
        (row.subject for row in rows), validation_share=validation_share, test_share=test_share, seed=seed
    )
    split_of |= {row.subject: row.split for row in reversed(rows) if row.split}
    neutral = _most_neutral(rows)
    return [
        replace(row, split=row.split or split_of[row.subject], reference=row.reference or neutral[row.subject])
        for row in rows
    ]


def subject_splits(subjects: Iterable[str], *, validation_share: float, test_share: float, seed: int) -> dict[str, str]:
    """Deal subjects to splits, whole and by chance; the order of the rows doesn't matter."""
    people = sorted(set(subjects))
    order = sorted(range(len(people)), key=lambda person: float(uniform(seed, person, count=1)[0]))
    validation = round(validation_share * len(people)) or int(validation_share > 0 and len(people) > 1)
    test = round(test_share * len(people)) or int(test_share > 0 and len(people) > 2)
    split = ["validation"] * validation + ["test"] * test
    return {people[person]: (split[place] if place < len(split) else "train") for place, person in enumerate(order)}


def _check_columns(columns: Sequence[str], path: Path) -> None:
    """Refuse a column that comes twice, and an AU's in another spelling (``AU01``), which would be passed over."""
    for column in columns:
        if columns.count(column) > 1:
            message = f"{path}: columns must have names of their own, got {column!r} {columns.count(column)} times."
            raise ManifestError(message)
        spelt = re.fullmatch(r"(intensity|side)?[ _]?AU[ _]?0*(\d+)", column.strip(), re.IGNORECASE)
        if spelt and int(spelt[2]) in AUS:
            name = f"{spelt[1].lower()}_AU{spelt[2]}" if spelt[1] else f"AU{spelt[2]}"
            if column != name:
                message = f"{path}: columns of AUs must be named AU1 or intensity_AU1, got {column!r}. Name it {name}."
                raise ManifestError(message)


def _row(fields: dict[str, str | None], path: Path, line: int) -> ManifestRow:
    where = f"{path}, line {line}"

    def field(name: str) -> str:
        return (fields.get(name) or "").strip()

    if None in fields or None in fields.values():  # so csv marks fields too many and too few
        message = f"{where}: there must be a field for each column. A comma within a field asks for quotes."
        raise ManifestError(message)
    if not field("image") or not field("subject"):
        message = f"{where}: image and subject must not be empty."
        raise ManifestError(message)
    split = field("split")
    if split not in {"", *SPLITS}:
        message = f"{where}: split must be one of {', '.join(SPLITS)} or empty, got {split!r}."
        raise ManifestError(message)
    occurrence, intensity = [], []
    for au in AUS:
        occurrence.append(_occurrence(field(f"AU{au}"), f"{where}: AU{au}"))
        intensity.append(_intensity(field(f"intensity_AU{au}"), occurrence[-1], f"{where}: intensity_AU{au}"))
    reference = field("reference")
    return ManifestRow(
        path.parent / field("image"),
        field("subject"),
        split,
        field("image"),
        tuple(occurrence),
        tuple(intensity),
        path.parent / reference if reference else None,
        _numbers(field("landmarks"), [2 * count for count in NUM_POINTS], f"{where}: landmarks"),
        _numbers(field("box"), [4], f"{where}: box"),
        tuple(_side(field(f"side_AU{au}"), f"{where}: side_AU{au}") for au in AUS) if _knows_sides(fields) else (),
    )


def _occurrence(code: str, where: str) -> int:
    if code not in {"0", "1", UNKNOWN, ""}:
        message = f"{where} must be 0, 1, 9 or empty, got {code!r}."
        raise ManifestError(message)
    return int(code or UNKNOWN)


def _intensity(level: str, occurrence: int, where: str) -> float:
    if level == UNKNOWN:
        return float("nan")
    try:
        value = float(level) if level else (0.0 if occurrence == 0 else float("nan"))
    except ValueError:
        value = -1.0
    if not (0 <= value <= 5 or (value != value and not level)):
        message = f"{where} must be from 0 to 5, 9 or empty, got {level!r}."
        raise ManifestError(message)
    return value


def _knows_sides(fields: Mapping[str, str | None]) -> bool:
    return any(f"side_AU{au}" in fields for au in AUS)


def _side(name: str, where: str) -> int:
    if name not in SIDES:
        message = f"{where} must be L, R or empty, got {name!r}."
        raise ManifestError(message)
    return SIDES.index(name)


def _numbers(text: str, lengths: Sequence[int], where: str) -> tuple[float, ...]:
    words = text.replace(",", " ").replace(";", " ").split()
    try:
        numbers = tuple(float(word) for word in words)
    except ValueError:
        numbers = (float("nan"),)
    if numbers and (len(numbers) not in lengths or not all(abs(number) < 1e6 for number in numbers)):
        message = f"{where} must be {' or '.join(map(str, lengths))} numbers in pixels, or empty, got {text!r}."
        raise ManifestError(message)
    return numbers


def _most_neutral(rows: Sequence[ManifestRow]) -> dict[str, Path]:
    best: dict[str, tuple[int, int, Path]] = {}
    for place, row in enumerate(rows):
        unknown = row.occurrence.count(int(UNKNOWN))
        rank = (row.occurrence.count(1) * len(AUS) + unknown, place, row.image)
        best[row.subject] = min(best.get(row.subject, rank), rank)
    return {subject: image for subject, (_, _, image) in best.items()}
