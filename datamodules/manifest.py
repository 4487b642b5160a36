"""Images of one's own, or those that ``dataset faces`` wrote: a folder and a table of labels."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import Dataset

from datamodules.alignment import AlignmentError, FaceAligner
from datamodules.base import FaceDataModule
from datamodules.face_images import read_image
from datamodules.manifest_table import ManifestError, ManifestRow, complete, read_manifest
from zoo.facs.composer import Composer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from datamodules.labelling import Labelling
    from datamodules.loading import Request


class ManifestFacesDataModule(FaceDataModule):
    """Faces from image files that a manifest lists.

    The manifest is a CSV file with a header. Columns: ``image`` (path, relative to the manifest), ``subject``;
    ``AU1`` ... ``AU24`` with 1 (present), 0 (absent), 9 or empty (unknown), all of them optional; and, also
    optional, ``intensity_AU1`` ... (0 to 5), ``side_AU1`` ... (L or R of the person, or empty for both),
    ``reference`` (path of a neutral face of the subject), ``split`` (train, validation or test), and ``landmarks``
    or ``box``. Without a ``split``, whole subjects are dealt to the splits; a row that leaves it empty goes where its
    subject's first row with one is. Without a ``reference``, the subject's image with the fewest AUs serves.

    ``landmarks`` (x and y of 5, 49 or 68 points in pixels: ``211.5 180 305 179.5 ...``) brings a face into the place
    that all faces have, ``box`` (left, top, right and bottom) cuts it out; an image with neither is taken for a crop,
    of which the largest square at the centre is used. A reference is aligned where the manifest also lists it as an
    ``image``. This is done at each reading; `python cli.py dataset manifest` does it once.

    Args:
        manifest: Path of the CSV file.
        image_size: Height and width to which images are cropped and scaled.
        margin: Room around a face that landmarks or a box place, as a share of its size.
        name: Name of the data set, the front of each ``subject`` and ``source``; the folder's where not given.
        validation_share: Share of the subjects that validate, where the manifest has no ``split``.
        test_share: Share of the subjects that test, where the manifest has no ``split``.
        batch_size: Images per step and device.
        global_batch_size: Images per step over all devices, in place of ``batch_size``; must divide by their number.
        num_workers: Processes that read ahead; 0 reads in the training process.
        seed: Decides order, augmentation and, where the manifest has no ``split``, the splits.
        augment: Whether training images are mirrored and their light varied.
        prompts: Writes the prompts; our lexicon's full texts where not given.
        fresh_prompts: Whether each training epoch has other variants of the texts.
        group_by_length: Whether samples whose texts are of similar length share a training batch.
    """

    def __init__(
        self,
        manifest: str,
        *,
        image_size: int = 64,
        margin: float = 0.0,
        name: str | None = None,
        validation_share: float = 0.1,
        test_share: float = 0.1,
        batch_size: int = 32,
        global_batch_size: int | None = None,
        num_workers: int = 0,
        seed: int = 0,
        augment: bool = True,
        prompts: Composer | None = None,
        fresh_prompts: bool = True,
        group_by_length: bool = False,
    ) -> None:
        super().__init__(
            batch_size=batch_size,
            global_batch_size=global_batch_size,
            num_workers=num_workers,
            seed=seed,
            augment=augment,
            prompts=prompts,
            fresh_prompts=fresh_prompts,
            group_by_length=group_by_length,
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
        self.aligner = FaceAligner(image_size, margin=margin)
        self._rows: list[ManifestRow] | None = None

    @property
    def image_size(self) -> int:
        """Height and width of the images in pixels."""
        return self.aligner.size

    @property
    def rows(self) -> list[ManifestRow]:
        """All lines of the manifest, each with a split and, where the subject has one, a reference."""
        if self._rows is None:
            self._rows = complete(
                read_manifest(self.manifest),
                validation_share=self.validation_share,
                test_share=self.test_share,
                seed=self.seed,
            )
        return self._rows

    def content(self, split: str) -> dict[str, Any]:
        """Say what a split depends on: the lines of the manifest, and its files by name and size."""
        digest = hashlib.sha256()
        for row in self.rows:
            if row.split == split:
                sizes = [file.stat().st_size for file in (row.image, row.reference) if file is not None]
                digest.update(repr((row, sizes)).encode())
        return {"image_size": self.image_size, "margin": self.aligner.margin, "images": digest.hexdigest()}

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
        return ManifestFaces(self.rows, chosen, aligner=self.aligner, name=self.name, labelling=self.labelling(split))


class ManifestFaces(Dataset[dict[str, Any]]):
    """Read batches of image files.

    Args:
        rows: The manifest.
        chosen: Which rows.
        aligner: Places the faces whose landmarks or box are known.
        name: Name of the data set.
        labelling: Labels the images.
    """

    def __init__(
        self, rows: list[ManifestRow], chosen: list[int], *, aligner: FaceAligner, name: str, labelling: Labelling
    ) -> None:
        self.rows = rows
        self.chosen = chosen
        self.aligner = aligner
        self.name = name
        self.labelling = labelling
        # a picture of several people is in several rows
        self._row_of = {(row.subject, row.image): row for row in rows}

    def __len__(self) -> int:
        return len(self.chosen)

    @property
    def subjects(self) -> list[str]:
        """Who is in it."""
        return sorted({f"{self.name}/{self.rows[index].subject}" for index in self.chosen})

    @property
    def num_aus(self) -> NDArray[np.int64]:
        """How many AUs each sample's text states."""
        return np.array([self.rows[index].occurrence.count(1) for index in self.chosen])

    def __getitem__(self, request: Request) -> dict[str, Any]:
        indices = np.array([self.chosen[index] for index in request.indices], dtype=np.int64)
        rows = [self.rows[index] for index in indices]
        return {
            "image": _stacked([self._face(row.image, row) for row in rows]),
            "reference": _stacked([self._reference(row) for row in rows]),
            "subject": [f"{self.name}/{row.subject}" for row in rows],
            "source": [f"{self.name}/{row.source}" for row in rows],
            **self.labelling(
                np.array([row.occurrence for row in rows], dtype=np.int8),
                intensity=np.array([row.intensity for row in rows], dtype=np.float32),
                index=indices,
                epoch=request.epoch,
                side=np.array([row.side for row in rows], dtype=np.int8) if rows[0].side else None,
            ),
        }

    def _reference(self, row: ManifestRow) -> NDArray[np.uint8]:
        path = row.reference or row.image
        return self._face(path, self._row_of.get((row.subject, path)))

    def _face(self, path: Path, row: ManifestRow | None) -> NDArray[np.uint8]:
        """Read an image, and place its face as a row says; without a row, the image is a crop."""
        try:
            if row is not None and row.landmarks:
                return self.aligner.align(read_image(path), np.reshape(row.landmarks, (-1, 2))).pixels
            if row is not None and row.box:
                return self.aligner.crop(read_image(path), row.box).pixels
        except AlignmentError as error:
            message = f"{path}: the face must have usable landmarks or a box. {error}"
            raise ManifestError(message) from error
        return read_image(path, size=self.aligner.size)


def _stacked(faces: list[NDArray[np.uint8]]) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(np.stack(faces).transpose(0, 3, 1, 2)))
