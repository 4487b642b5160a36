"""Pictures of many faces with a caption beside each row."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from einops import rearrange

from zoo.files import write_whole
from zoo.images import to_uint8

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image
    from torch import Tensor

_GAP = 2
_SMALLEST_SIDE = 64
READABLE_SIDE = 128
"""Pixels a side at which a person can read AUs off a face."""
_HEAD = 14


def grid(rows: Mapping[str, Tensor], *, columns: Sequence[str] = (), smallest_side: int = _SMALLEST_SIDE) -> Image:
    """Draw rows of equally many images in [-1, 1] below each other, each behind its caption.

    Args:
        rows: Images of each row, by its caption.
        columns: A caption for each column; one that is too long for it is cut, and ends in dots then.
        smallest_side: Smaller images are enlarged to it or beyond, by whole numbers, so that one sees their pixels.
    """
    from PIL import Image, ImageDraw, ImageFont

    first = next(iter(rows.values()))
    enlarge = max(1, -(-smallest_side // first.shape[-1]))
    height, width = (side * enlarge for side in first.shape[-2:])
    font = ImageFont.load_default()
    margin = 2 * _GAP + int(max(font.getlength(caption) for caption in rows))
    head = _HEAD if columns else 0
    size = (margin + len(first) * (width + _GAP), head + len(rows) * (height + _GAP))
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    for column, caption in enumerate(columns):
        middle = margin + column * (width + _GAP) + width // 2
        draw.text((middle, head // 2), _fitting(caption, width, font), fill="black", font=font, anchor="mm")
    for row, (caption, images) in enumerate(rows.items()):
        top = head + row * (height + _GAP)
        draw.text((_GAP, top + height // 2), caption, fill="black", font=font, anchor="lm")
        for column, pixels in enumerate(rearrange(to_uint8(images.cpu()), "b c h w -> b h w c").numpy()):
            face = Image.fromarray(pixels).resize((width, height), Image.Resampling.NEAREST)
            sheet.paste(face, (margin + column * (width + _GAP), top))
    return sheet


def _fitting(caption: str, width: int, font: Any) -> str:
    """Cut a caption after a whole word, since a set of AUs that lacks one, or half a number, would be another set."""
    if font.getlength(caption) <= width:
        return caption
    words = re.findall(r"[^+, ]+[+, ]*", caption)
    cuts = ["".join(words[:count]).rstrip("+, ") for count in range(len(words) - 1, 0, -1)]
    cuts += [words[0][:count] for count in range(len(words[0]) - 1, 0, -1)] if words else []
    return next((f"{cut}..." for cut in cuts if font.getlength(f"{cut}...") <= width), "")


def as_array(sheet: Image) -> NDArray[np.uint8]:
    """Give the pixels of a picture, height by width by RGB."""
    import numpy as np

    return np.asarray(sheet)


def save_png(sheet: Image, file: Path, *, sync: bool = True) -> Path:
    """Write a picture, whole or not at all; gives the file."""
    return write_whole(file, lambda temporary: sheet.save(temporary, format="PNG"), sync=sync)


def level_prefixes(num_levels: int) -> list[int]:
    """Give 1, 2, 4, ... and the number of levels itself."""
    powers = [2**exponent for exponent in range(num_levels.bit_length()) if 2**exponent < num_levels]
    return [*powers, num_levels]


def reconstruction_rows(codec: Any, images: Tensor) -> dict[str, Tensor]:
    """Give originals, reconstructions, and reconstructions from the first 1, 2, 4 ... levels, as rows of a grid."""
    with torch.no_grad():
        tokens = codec.tokenize(images)
        rows = {"original": images, "reconstruction": codec.detokenize(tokens)}
        for levels in level_prefixes(codec.quantizer.num_levels)[:-1]:
            caption = f"{levels} level" if levels == 1 else f"{levels} levels"
            rows[caption] = codec.detokenize(tokens[:, :levels])
    return rows
