"""Images of frames that are files, or members of zip archives."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING
from zipfile import BadZipFile, ZipFile
from zlib import error as ZlibError  # noqa: N812 - a class by its nature

import numpy as np

from datamodules.face_images import UnreadableImageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_OPEN_ARCHIVES = 4


@dataclass(frozen=True, slots=True)
class ImageFile:
    """An image file.

    Attributes:
        path: Where it is.
    """

    path: str

    @property
    def name(self) -> str:
        """The path."""
        return self.path

    def read(self) -> NDArray[np.uint8]:
        """Decode it to RGB, (height, width, 3).

        Raises:
            UnreadableImageError: It is missing, cut or no image.
        """
        return decode(self.path, self.name)


@dataclass(frozen=True, slots=True)
class ZippedImage:
    """An image in a zip archive, which isn't unpacked.

    Attributes:
        archive: Where the archive is.
        member: Name in the archive.
    """

    archive: str
    member: str

    @property
    def name(self) -> str:
        """The archive's path, and the member's in it."""
        return f"{self.archive}/{self.member}"

    def read(self) -> NDArray[np.uint8]:
        """Decode it to RGB, (height, width, 3).

        Raises:
            UnreadableImageError: The archive or the member is missing or broken.
        """
        try:
            # a process that was forked must not share the place in the file with its parent
            with _open_archive(self.archive, os.getpid()).open(self.member) as file:
                return decode(file, self.name)
        except UnreadableImageError:
            raise
        except (OSError, KeyError, BadZipFile, ZlibError, RuntimeError, NotImplementedError) as error:
            message = f"{self.name}: the archive must hold this image whole, got: {error}. Fetch the archive again."
            raise UnreadableImageError(message) from error


def decode(file: str | IO[bytes], name: str) -> NDArray[np.uint8]:
    """Decode an image to RGB, (height, width, 3), upright.

    Raises:
        UnreadableImageError: It is missing, cut or no image.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(file) as image:
            image.load()
            return np.array(ImageOps.exif_transpose(image).convert("RGB"))
    except FileNotFoundError as error:
        message = f"{name}: the image must exist; it did when the data set was read."
        raise UnreadableImageError(message) from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        reason = "no image" if isinstance(error, UnidentifiedImageError) else error
        message = f"{name}: the image must be whole, got: {reason}. Fetch it again, or leave it out."
        raise UnreadableImageError(message) from error


@lru_cache(maxsize=_OPEN_ARCHIVES)
def _open_archive(path: str, process: int) -> ZipFile:
    # One that falls out of the cache closes itself when the last reading of it ends.
    return ZipFile(Path(path))
