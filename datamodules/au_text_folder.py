"""The AU text folder: faces with AU labels, descriptions and reference faces, as ``dataset`` writes them.

::

    dataset.json         format version, name, size, storage, aligner, lexicon, how it was made, counts
    frames.parquet       a row for each entry: labels, texts, split, image, row of its reference face
    references.parquet   a row for each reference face
    images/ references/  image files; or, with the storage ``tar``,
    shards/*.tar         uncompressed archives, in which the tables give each image's offset and size

Tar archives are the form for 300,000 frames: a hundred files in place of 300,000, nothing to unpack, opened by
``tar`` and by WebDataset, and still read at random by offset, which alone keeps order, resuming and several
processes exact. Decoding costs the same in both forms and dominates. Other tools read the tables as they are.
"""

from __future__ import annotations

import collections
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from datamodules.au_text_tables import SPLITS, FaceTable
from datamodules.image_storage import STORAGES, ImageReader

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

FORMAT_VERSION = 1
METADATA = "dataset.json"
FRAMES = "frames.parquet"
REFERENCES = "references.parquet"
_CACHED_REFERENCES = 512  # decoded; 100 MB at 256 pixels


class AUTextFolderError(ValueError):
    """A folder is no AU text folder, of another version, or damaged."""


class MissingAUTextFolderError(AUTextFolderError, FileNotFoundError):
    """There is no such folder."""


class AUTextFolder:
    """Read an AU text folder.

    Attributes:
        path: Where it is.
        metadata: What ``dataset.json`` says.
        frames: The entries.
        references: The reference faces.

    Args:
        path: The folder.
        check: Whether to look, without opening images, that all of them are there.

    Raises:
        MissingAUTextFolderError: There is no such folder.
        AUTextFolderError: It is of another version, or not whole.
        ImageStorageError: Images are missing.
    """

    def __init__(self, path: str | Path, *, check: bool = True) -> None:
        self.path = Path(path)
        self.metadata = read_metadata(self.path)
        self.frames = FaceTable.load(self.path / FRAMES)
        self.references = FaceTable.load(self.path / REFERENCES)
        self._check_tables()
        self._images = ImageReader(self.path, self.frames.places)
        self._reference_images = ImageReader(self.path, self.references.places)
        self._decoded: collections.OrderedDict[int, NDArray[np.uint8]] = collections.OrderedDict()
        if check:
            self._images.check_presence()
            self._reference_images.check_presence()

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def name(self) -> str:
        """Name of the data set."""
        return str(self.metadata["name"])

    @property
    def size(self) -> int:
        """Height and width of all images in pixels."""
        return int(self.metadata["size"])

    def checksums(self) -> dict[str, str]:
        """Hash the tables, which say what is in which image."""
        return {name: _checksum(self.path / name) for name in (METADATA, FRAMES, REFERENCES)}

    def places(self, split: str) -> NDArray[np.int64]:
        """Give the places of the entries of ``train``, ``validation`` or ``test``."""
        if split not in SPLITS:
            message = f"AUTextFolder: split must be one of {', '.join(SPLITS)}, got {split!r}."
            raise ValueError(message)
        assert self.frames.split is not None
        return np.flatnonzero(self.frames.split == split)

    def read(self, places: Iterable[int]) -> NDArray[np.uint8]:
        """Decode entries' images, RGB, (image, 3, size, size)."""
        return self._stacked([self._images.read(int(place)) for place in places])

    def read_references(self, places: Iterable[int]) -> NDArray[np.uint8]:
        """Decode the reference face of each of these entries, RGB, (image, 3, size, size)."""
        assert self.frames.reference is not None
        return self._stacked([self._reference(int(self.frames.reference[place])) for place in places])

    def _reference(self, row: int) -> NDArray[np.uint8]:
        # a person's entries share one face
        if row in self._decoded:
            self._decoded.move_to_end(row)
        else:
            self._decoded[row] = self._reference_images.read(row)
            while len(self._decoded) > _CACHED_REFERENCES:
                self._decoded.popitem(last=False)
        return self._decoded[row]

    def _stacked(self, images: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
        stacked = np.empty((len(images), 3, self.size, self.size), dtype=np.uint8)
        for place, image in enumerate(images):
            if image.shape != (self.size, self.size, 3):
                message = (
                    f"AUTextFolder: images of {self.path} must be {self.size} x {self.size} pixels, got "
                    f"{image.shape[1]} x {image.shape[0]}. Build the folder again."
                )
                raise AUTextFolderError(message)
            stacked[place] = image.transpose(2, 0, 1)
        return stacked

    def _check_tables(self) -> None:
        frames, references = self.frames, self.references
        problem = None
        if frames.split is None or frames.reference is None or frames.description is None or frames.constructs is None:
            problem = f"{FRAMES} must have the columns split, reference, constructs and description"
        elif not np.isin(frames.split, SPLITS).all():
            problem = f"splits must be {', '.join(SPLITS)}"
        elif len(frames) and not (frames.reference.min() >= 0 and frames.reference.max() < len(references)):
            problem = f"the column reference must name rows of {REFERENCES}"
        elif (frames.places.shard is not None) != (self.metadata["storage"] == "tar"):
            problem = f"the tables must be of the storage {self.metadata['storage']}"
        if problem is not None:
            message = f"AUTextFolder: in {self.path}, {problem}. Build the folder again."
            raise AUTextFolderError(message)

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (self.path,)  # cheaper than to send the tables to another process


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _reopen(path: Path) -> AUTextFolder:
    return AUTextFolder(path, check=False)


def read_metadata(path: str | Path) -> dict[str, Any]:
    """Read what a folder says of itself, and check that this code understands it.

    Raises:
        MissingAUTextFolderError: There is no AU text folder.
        AUTextFolderError: It is of another version, or unreadable.
    """
    file = Path(path) / METADATA
    try:
        metadata = json.loads(file.read_text(encoding="utf-8"))
        version = metadata["format_version"]
    except (FileNotFoundError, NotADirectoryError) as error:
        message = (
            f"AUTextFolder: {str(path)!r} must be a folder with a {METADATA}, but there is none. Build one: `python "
            "cli.py dataset bp4d --input BP4D --output DIR` from photographs, or `python cli.py dataset faces "
            "--num-images 1000 --output DIR` from drawn faces."
        )
        raise MissingAUTextFolderError(message) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = f"AUTextFolder: {file} must be readable JSON with a format_version, got: {error}. Build it again."
        raise AUTextFolderError(message) from error
    if version != FORMAT_VERSION:
        message = (
            f"AUTextFolder: {file} must have format_version {FORMAT_VERSION}, got {version!r}. Build the folder again, "
            "or use the version of this code that wrote it."
        )
        raise AUTextFolderError(message)
    if not isinstance(metadata.get("size"), int) or metadata.get("storage") not in STORAGES or "name" not in metadata:
        message = f"AUTextFolder: {file} must say name, size and storage ({' or '.join(STORAGES)}). Build it again."
        raise AUTextFolderError(message)
    return dict(metadata)


def write_tables(path: str | Path, *, frames: FaceTable, references: FaceTable, metadata: Mapping[str, Any]) -> None:
    """Write the tables and ``dataset.json`` into a folder that has the images.

    Args:
        path: The folder.
        frames: The entries.
        references: The reference faces.
        metadata: What ``dataset.json`` says besides its format version: at least name, size and storage.
    """
    from zoo.files import save_json, write_whole

    folder = Path(path)
    write_whole(folder / FRAMES, frames.save)
    write_whole(folder / REFERENCES, references.save)
    save_json({"format_version": FORMAT_VERSION, **metadata}, folder / METADATA)
