"""Read a picture that a foreign program wrote, and refuse one that can't be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_modules.external.base import NoPictureError

if TYPE_CHECKING:
    from pathlib import Path

    from PIL.Image import Image


def read_picture(file: Path) -> Image:
    """Read a picture as RGB.

    Raises:
        NoPictureError: It is none, or not whole.
    """
    from PIL import Image

    from datamodules.face_images import UnreadableImageError, read_image

    try:
        return Image.fromarray(read_image(file))
    except UnreadableImageError as error:
        message = f"{file.name} must be a whole picture: {str(error).removeprefix('read_image: ')}"
        raise NoPictureError(message) from error


def check_size(picture: Image, size: int | None) -> None:
    """Refuse a picture of another size than declared, or one that isn't square.

    Raises:
        NoPictureError: It is.
    """
    width, height = picture.size
    if size is not None and picture.size != (size, size):
        message = f"its picture must be {size} x {size} pixels, as declared (image_size), got {width} x {height}"
        raise NoPictureError(message)
    if width != height:
        message = (
            f"its picture must be square, got {width} x {height} pixels. --detector finds the face and crops it as "
            "those of the test set lie"
        )
        raise NoPictureError(message)
