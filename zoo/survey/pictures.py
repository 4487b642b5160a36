"""Pictures as the page holds them: all of one size, without metadata, as data URIs."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import UInt8
from PIL import Image

Fit = Literal["crop", "pad"]


@dataclass(frozen=True)
class PictureSizes:
    """How large the pictures of the systems were.

    Attributes:
        smallest: Shorter side of the smallest, in pixels.
        largest: Longer side of the largest, in pixels.
        num_oblong: How many are not square.
    """

    smallest: int
    largest: int
    num_oblong: int


class PictureEncoder:
    """Make pictures of different systems alike in everything but what they show.

    All get one size and one format, re-encoded from their pixels: neither metadata nor sizes tell where one is from.

    Args:
        read: Reads a file as RGB, uint8, ``height width 3``; raises where it is no picture.
        size: Side of the pictures on the page, in pixels, at most.
        fit: Whether an oblong picture is cropped at its centre, or laid on grey.
        equal_sharpness: Whether all are first scaled down to the smallest of them, so that sharpness tells nothing.
    """

    def __init__(
        self,
        read: Callable[[Path], np.ndarray],
        *,
        size: int = 384,
        fit: Fit = "crop",
        equal_sharpness: bool = False,
    ) -> None:
        if size < 32:
            message = f"PictureEncoder: size must be at least 32 pixels, got {size}. A face needs more to be judged."
            raise ValueError(message)
        self.read = read
        self.size = size
        self.fit = fit
        self.equal_sharpness = equal_sharpness

    def measured(self, files: Sequence[Path]) -> PictureSizes:
        """Read every file once, which finds those that are no pictures, and give their sizes."""
        shapes = [self.read(file).shape[:2] for file in files]
        return PictureSizes(
            smallest=min(map(min, shapes)),
            largest=max(map(max, shapes)),
            num_oblong=sum(height != width for height, width in shapes),
        )

    def encoded(self, file: Path, *, sizes: PictureSizes) -> str:
        """Give a picture as a data URI.

        Args:
            file: The picture.
            sizes: Of all pictures on the page.
        """
        square = self._square(self.read(file))
        side = min(self.size, sizes.largest)
        if self.equal_sharpness:
            low = min(side, sizes.smallest)
            square = square.resize((low, low), Image.Resampling.LANCZOS)
        square = square.resize((side, side), Image.Resampling.LANCZOS)
        stream = io.BytesIO()
        # Full colour resolution and little loss: wrinkles are what raters look for. Without optimize, with which Pillow
        # refuses pictures that compress badly.
        square.save(stream, format="JPEG", quality=94, subsampling=0)
        return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode("ascii")

    def _square(self, pixels: UInt8[np.ndarray, "height width 3"]) -> Image.Image:
        picture = Image.fromarray(pixels)
        width, height = picture.size
        if self.fit == "crop":
            side = min(width, height)
            left, top = (width - side) // 2, (height - side) // 2
            return picture.crop((left, top, left + side, top + side))
        side = max(width, height)
        sheet = Image.new("RGB", (side, side), (127, 127, 127))
        sheet.paste(picture, ((side - width) // 2, (side - height) // 2))
        return sheet
