"""Images of one's own, or those that ``dataset faces`` wrote: a folder and a table of labels."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import Dataset

from datamodules.augmentation import NUM_DRAWS
from datamodules.base import FaceDataModule
from datamodules.face_images import read_image
from datamodules.prompts import prompt_of
from datamodules.randomness import uniform
from zoo.facs import AUS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datamodules.loading import Request

SPLITS = ("train", "validation", "test")
UNKNOWN = "9"
"""How FACS data sets write an AU that could not be coded; an empty field means the same."""


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
        occurrence: For each AU True, False, or None where unknown.
        intensity: For each AU 0 to 5, NaN where unknown.
        reference: A neutral image of the same person, or None.
    """

    image: Path
    subject: str
    split: str
    source: str
    occurrence: tuple[bool | None, ...]
    intensity: tuple[float, ...]
    reference: Path | None


class ManifestFacesDataModule(FaceDataModule):
    """Faces from image files that a manifest lists.

    The manifest is a CSV file with a header. Columns: ``image`` (path, relative to the manifest), ``subject``;
    ``AU1`` ... ``AU24`` with 1 (present), 0 (absent), 9 or empty (unknown), all of them optional; and, also
    optional, ``intensity_AU1`` ... (0 to 5), ``reference`` (path of a neutral face of the subject) and
    ``split`` (train, validation or test). Without a ``split``, whole subjects are dealt to the splits; a row that
    leaves it empty goes where its subject's first row with one is. Without a ``reference``, the subject's image
    with the fewest AUs serves.

    Args:
        manifest: Path of the CSV file.
        image_size: Height and width to which images are cropped and scaled.
        name: Name of the data set, the front of each ``subject`` and ``source``; the folder's where not given.
        validation_share: Share of the subjects that validate, where the manifest has no ``split``.
        test_share: Share of the subjects that test, where the manifest has no ``split``.
        batch_size: Images per step and device.
        global_batch_size: Images per step over all devices, in place of ``batch_size``; must divide by their number.
        num_workers: Processes that read ahead; 0 reads in the training process.
        seed: Decides order, augmentation and, where the manifest has no ``split``, the splits.
        augment: Whether training images are mirrored and their light varied.
    """

    def __init__(
        self,
        manifest: str,
        *,
        image_size: int = 64,
        name: str | None = None,
        validation_share: float = 0.1,
        test_share: float = 0.1,
        batch_size: int = 32,
        global_batch_size: int | None = None,
        num_workers: int = 0,
        seed: int = 0,
        augment: bool = True,
    ) -> None:
        super().__init__(
            batch_size=batch_size,
            global_batch_size=global_batch_size,
            num_workers=num_workers,
            seed=seed,
            augment=augment,
        )
        if min(validation_share, test_share) < 0 or validation_share + test_share >= 1:
            message = (
                "ManifestFacesDataModule: validation_share and test_share must be at least 0 and together below 1, "
                f"got {validation_share} and {test_share}."
            )
            raise ValueError(message)
        if image_size < 1:
            message = f"ManifestFacesDataModule: image_size must be at least 1, got {image_size}."
            raise ValueError(message)
        self.manifest = Path(manifest)
        self.name: str = name or self.manifest.resolve().parent.name
        self.validation_share = validation_share
        self.test_share = test_share
        self._image_size = image_size
        self._rows: list[ManifestRow] | None = None

    @property
    def image_size(self) -> int:
        """Height and width of the images in pixels."""
        return self._image_size

    @property
    def rows(self) -> list[ManifestRow]:
        """All lines of the manifest, each with a split and, where the subject has one, a reference."""
        if self._rows is None:
            rows = read_manifest(self.manifest)
            split_of = subject_splits(
                [row.subject for row in rows],
                validation_share=self.validation_share,
                test_share=self.test_share,
                seed=self.seed,
            )
            # a subject that the manifest placed stays there: its other rows would leak it into another split
            split_of |= {row.subject: row.split for row in reversed(rows) if row.split}
            neutral = _most_neutral(rows)
            self._rows = [
                replace(row, split=row.split or split_of[row.subject], reference=row.reference or neutral[row.subject])
                for row in rows
            ]
        return self._rows

    def dataset(self, split: str) -> Dataset[dict[str, Any]]:
        """Open ``train``, ``validation``, ``test`` or ``predict``; the last has all images.

        Raises:
            ManifestError: The split has no images.
        """
        chosen = [index for index, row in enumerate(self.rows) if split in {"predict", row.split}]
        if not chosen:
            message = (
                f"ManifestFacesDataModule: {self.manifest} must have images of the {split} split, got none. Add a "
                "`split` column, raise the split's share, or add subjects."
            )
            raise ManifestError(message)
        augment_seed = self.seed if split == "train" and self.augmentation is not None else None
        return ManifestFaces(self.rows, chosen, size=self.image_size, name=self.name, augment_seed=augment_seed)


class ManifestFaces(Dataset[dict[str, Any]]):
    """Read batches of image files.

    Args:
        rows: The manifest.
        chosen: Which rows.
        size: Height and width of the images.
        name: Name of the data set.
        augment_seed: Where given, batches bring the random numbers of their augmentation.
    """

    def __init__(
        self, rows: list[ManifestRow], chosen: list[int], *, size: int, name: str, augment_seed: int | None = None
    ) -> None:
        self.rows = rows
        self.chosen = chosen
        self.size = size
        self.name = name
        self.augment_seed = augment_seed

    def __len__(self) -> int:
        return len(self.chosen)

    def __getitem__(self, request: Request) -> dict[str, Any]:
        indices = np.array([self.chosen[index] for index in request.indices], dtype=np.int64)
        rows = [self.rows[index] for index in indices]
        occurrence = np.array([[bool(value) for value in row.occurrence] for row in rows])
        batch = {
            "image": self._read([row.image for row in rows]),
            "reference": self._read([row.reference or row.image for row in rows]),
            "occurrence": torch.from_numpy(occurrence),
            "known": torch.tensor([[value is not None for value in row.occurrence] for row in rows]),
            "intensity": torch.tensor([row.intensity for row in rows], dtype=torch.float32),
            "prompt": [prompt_of(each) for each in occurrence],
            "subject": [f"{self.name}/{row.subject}" for row in rows],
            "source": [f"{self.name}/{row.source}" for row in rows],
            "index": torch.from_numpy(indices),
        }
        if self.augment_seed is not None:
            batch["draws"] = torch.from_numpy(uniform(self.augment_seed, request.epoch, indices, count=NUM_DRAWS))
        return batch

    def _read(self, paths: list[Path]) -> torch.Tensor:
        pixels = np.stack([read_image(path, size=self.size) for path in paths])
        return torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)))


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


def subject_splits(subjects: list[str], *, validation_share: float, test_share: float, seed: int) -> dict[str, str]:
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
        spelt = re.fullmatch(r"(intensity)?[ _]?AU[ _]?0*(\d+)", column.strip(), re.IGNORECASE)
        if spelt and int(spelt[2]) in AUS:
            name = f"intensity_AU{spelt[2]}" if spelt[1] else f"AU{spelt[2]}"
            if column != name:
                message = f"{path}: columns of AUs must be named AU1 or intensity_AU1, got {column!r}. Name it {name}."
                raise ManifestError(message)


def _row(fields: dict[str, str | None], path: Path, line: int) -> ManifestRow:
    def field(name: str) -> str:
        return (fields.get(name) or "").strip()

    if None in fields or None in fields.values():  # so csv marks fields too many and too few
        message = f"{path}, line {line}: there must be a field for each column. A comma within a field asks for quotes."
        raise ManifestError(message)
    if not field("image") or not field("subject"):
        message = f"{path}, line {line}: image and subject must not be empty."
        raise ManifestError(message)
    split = field("split")
    if split not in {"", *SPLITS}:
        message = f"{path}, line {line}: split must be one of {', '.join(SPLITS)} or empty, got {split!r}."
        raise ManifestError(message)
    occurrence: list[bool | None] = []
    intensity: list[float] = []
    for au in AUS:
        code = field(f"AU{au}")
        if code not in {"0", "1", UNKNOWN, ""}:
            message = f"{path}, line {line}: AU{au} must be 0, 1, 9 or empty, got {code!r}."
            raise ManifestError(message)
        present = None if code in {UNKNOWN, ""} else code == "1"
        level = field(f"intensity_AU{au}")
        try:
            value = float(level) if level else (0.0 if present is False else float("nan"))
        except ValueError:
            value = -1.0
        if level == UNKNOWN:
            value = float("nan")
        if not (0 <= value <= 5 or value != value):
            message = f"{path}, line {line}: intensity_AU{au} must be from 0 to 5, 9 or empty, got {level!r}."
            raise ManifestError(message)
        occurrence.append(present)
        intensity.append(value)
    reference = field("reference")
    return ManifestRow(
        path.parent / field("image"),
        field("subject"),
        split,
        field("image"),
        tuple(occurrence),
        tuple(intensity),
        path.parent / reference if reference else None,
    )


def _most_neutral(rows: list[ManifestRow]) -> dict[str, Path]:
    best: dict[str, tuple[int, int, Path]] = {}
    for place, row in enumerate(rows):
        unknown = sum(value is None for value in row.occurrence)
        rank = (sum(bool(value) for value in row.occurrence) * len(AUS) + unknown, place, row.image)
        best[row.subject] = min(best.get(row.subject, rank), rank)
    return {subject: image for subject, (_, _, image) in best.items()}
