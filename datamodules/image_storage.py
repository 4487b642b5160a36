"""Encoded images on disk: one file each, or members of uncompressed tar archives that are read at random."""

from __future__ import annotations

import contextlib
import io
import os
import re
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

STORAGES = ("files", "tar")


class ImageStorageError(OSError):
    """A stored image is missing, cut short or no image."""


@dataclass(frozen=True)
class ImagePlaces:
    """Where images are, one entry for each.

    Attributes:
        image: Path of the file, or of the member within its archive; relative, with forward slashes.
        size: Bytes of each encoded image.
        shard: Archive of each image, or None where images are files.
        offset: First byte of each image in its archive; 0 where images are files.
    """

    image: NDArray[np.object_]
    size: NDArray[np.int64]
    shard: NDArray[np.object_] | None
    offset: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.image)


class ImageReader:
    """Read stored images at random, from any number of processes and threads.

    Args:
        folder: The folder that the places are relative to.
        places: Where the images are.
    """

    def __init__(self, folder: str | Path, places: ImagePlaces) -> None:
        self.folder = Path(folder)
        self.places = places
        self._shards: dict[str, int] = {}

    def encoded(self, place: int) -> bytes:
        """Give an image as it is stored.

        Raises:
            ImageStorageError: It is not there, or not whole.
        """
        name, size = self.places.image[place], int(self.places.size[place])
        try:
            if self.places.shard is None:
                content = (self.folder / name).read_bytes()
            else:
                # pread moves no shared position, so that threads and forked workers don't disturb each other
                content = os.pread(self._open(self.places.shard[place]), size, int(self.places.offset[place]))
        except OSError as error:
            message = f"{self.name(place)}: the image must be readable, got: {error}. Copy or build the folder again."
            raise ImageStorageError(message) from error
        if len(content) != size:
            message = (
                f"{self.name(place)}: the image must have {size:,} bytes, got {len(content):,}. Copy or build the "
                "folder again."
            )
            raise ImageStorageError(message)
        return content

    def read(self, place: int) -> NDArray[np.uint8]:
        """Decode an image to RGB, (height, width, 3).

        Raises:
            ImageStorageError: It is not there, not whole, or no image.
        """
        from PIL import Image, UnidentifiedImageError

        try:
            with Image.open(io.BytesIO(self.encoded(place))) as image:
                return np.asarray(image.convert("RGB"))
        except ImageStorageError:
            raise
        except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
            message = f"{self.name(place)}: must be a whole image, got: {error}. Copy or build the folder again."
            raise ImageStorageError(message) from error

    def name(self, place: int) -> str:
        """Say where an image is, for people."""
        shard = None if self.places.shard is None else self.places.shard[place]
        name = self.places.image[place]
        return str(self.folder / name) if shard is None else f"{self.folder / shard}, member {name}"

    def check_presence(self) -> None:
        """Look whether all files are there, and archives long enough; no image is opened.

        Raises:
            ImageStorageError: Something is missing.
        """
        if self.places.shard is None:
            present = _files_below(self.folder, {name.split("/")[0] for name in self.places.image})
            missing = [name for name in self.places.image if name not in present]
        else:
            ends: dict[str, int] = {}
            for shard, end in zip(self.places.shard, self.places.offset + self.places.size, strict=True):
                ends[shard] = max(ends.get(shard, 0), int(end))
            missing = [shard for shard, end in ends.items() if _size_of(self.folder / shard) < end]
        if missing:
            message = (
                f"{self.folder}: must hold the images that its tables name, but {len(missing):,} are missing or cut "
                f"short, such as {missing[0]}. Copy or build the folder again."
            )
            raise ImageStorageError(message)

    def _open(self, shard: str) -> int:
        if shard not in self._shards:
            self._shards[shard] = os.open(self.folder / shard, os.O_RDONLY)
        return self._shards[shard]

    def close(self) -> None:
        """Close the archives; reading opens them again."""
        while self._shards:
            os.close(self._shards.popitem()[1])

    def __del__(self) -> None:
        if hasattr(self, "_shards"):
            self.close()

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_shards": {}}  # another process opens archives itself


@contextlib.contextmanager
def image_writer(folder: str | Path, *, shard: str | None) -> Iterator[Callable[[str, bytes], int]]:
    """Write encoded images; gives a function that takes an image's path and content, and gives its offset.

    Args:
        folder: What paths are relative to.
        shard: An archive, replaced where it exists, that is on the disk when all is written; None for files.
    """
    folder = Path(folder)
    if shard is None:

        def write_file(name: str, content: bytes) -> int:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
            return 0

        yield write_file
        return
    (folder / shard).parent.mkdir(parents=True, exist_ok=True)
    with (folder / shard).open("wb") as file:
        archive = TarWriter(file)
        yield archive.add
        archive.close()
        file.flush()
        os.fsync(file.fileno())


class TarWriter:
    """Write an uncompressed archive whose bytes depend on names and contents alone.

    Args:
        file: Where it goes.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._offset = 0

    def add(self, name: str, content: bytes) -> int:
        """Append a member; gives the offset of its first byte."""
        member = tarfile.TarInfo(name)  # no time and no owner
        member.size, member.mode = len(content), 0o644
        header = member.tobuf(tarfile.PAX_FORMAT, "utf-8")
        first = self._offset + len(header)
        padding = -len(content) % tarfile.BLOCKSIZE
        self._file.write(header + content + bytes(padding))
        self._offset = first + len(content) + padding
        return first

    def close(self) -> None:
        """Write the end of the archive; the file stays open."""
        end = self._offset + 2 * tarfile.BLOCKSIZE
        self._file.write(bytes(end - self._offset + -end % tarfile.RECORDSIZE))


def path_of(source: str) -> str:
    """Turn the name of a frame into a path without what file systems or WebDataset's keys give a meaning.

    Example:
        >>> path_of("mine/a.b/../2440")
        'mine/a%2Eb/%2E%2E/2440'
    """
    return re.sub(r"[^\w /+@=,()-]", lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), source)


def _files_below(folder: Path, names: set[str]) -> set[str]:
    found: set[str] = set()
    for name in names:
        for path, _, files in os.walk(folder / name):
            front = Path(path).relative_to(folder).as_posix()
            found.update(f"{front}/{file}" for file in files)
    return found


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1
