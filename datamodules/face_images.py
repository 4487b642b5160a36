"""Read image files of faces, and say clearly which one can't be read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image


class UnreadableImageError(OSError):
    """An image file is missing, truncated or no image."""


def read_image(path: str | Path, *, size: int | None = None) -> np.ndarray:
    """Read an image as RGB, uint8, ``height width 3``.

    The orientation that a camera noted is applied, grey becomes RGB, transparency is laid over white.

    Args:
        path: The file.
        size: Where given, the image is cropped to the largest square at its centre and scaled to this size.

    Raises:
        UnreadableImageError: It is missing, truncated or no image.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            image.load()
            upright = ImageOps.exif_transpose(image)
            rgb = _on_white(upright)
            if size is not None:
                # reducing_gap would be faster, but gives other pixels
                rgb = ImageOps.fit(rgb, (size, size), method=Image.Resampling.LANCZOS)
            return np.array(rgb)
    except FileNotFoundError as error:
        message = f"read_image: {path} must exist. Check the manifest's paths; they are relative to its folder."
        raise UnreadableImageError(message) from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        message = f"read_image: {path} must be a whole image that Pillow can read, got: {error}. Replace or remove it."
        raise UnreadableImageError(message) from error


def _on_white(image: Image) -> Image:
    from PIL import Image

    if image.mode in {"I;16", "I;16L", "I;16B", "I", "F"}:  # 16 bit: Pillow would clip at 255
        values = np.asarray(image, dtype=np.float64)
        sixteen_bits = image.mode.startswith("I;16") or values.max(initial=0) > 255
        top = 65535.0 if sixteen_bits else 255.0
        return Image.fromarray((values * (255.0 / top)).round().clip(0, 255).astype(np.uint8)).convert("RGB")
    if image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(white, layer).convert("RGB")
    return image.convert("RGB")
