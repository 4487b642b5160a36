"""Pictures of many faces with a caption beside each row, and files that are written whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from einops import rearrange

from zoo.images import to_uint8

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image
    from torch import Tensor

_GAP = 2
_SMALLEST_SIDE = 64


def grid(rows: Mapping[str, Tensor]) -> Image:
    """Draw rows of equally many images in [-1, 1] below each other, each behind its caption.

    Images smaller than 64 px are enlarged by whole numbers, so that one sees their pixels.
    """
    from PIL import Image, ImageDraw, ImageFont

    first = next(iter(rows.values()))
    enlarge = max(1, -(-_SMALLEST_SIDE // first.shape[-1]))
    height, width = (side * enlarge for side in first.shape[-2:])
    font = ImageFont.load_default()
    margin = 2 * _GAP + int(max(font.getlength(caption) for caption in rows))
    size = (margin + len(first) * (width + _GAP), len(rows) * (height + _GAP))
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    for row, (caption, images) in enumerate(rows.items()):
        top = row * (height + _GAP)
        draw.text((_GAP, top + height // 2), caption, fill="black", font=font, anchor="lm")
        for column, pixels in enumerate(rearrange(to_uint8(images.cpu()), "b c h w -> b h w c").numpy()):
            face = Image.fromarray(pixels).resize((width, height), Image.Resampling.NEAREST)
            sheet.paste(face, (margin + column * (width + _GAP), top))
    return sheet


def as_array(sheet: Image) -> NDArray[np.uint8]:
    """Give the pixels of a picture, height by width by RGB."""
    import numpy as np

    return np.asarray(sheet)


def save_png(sheet: Image, file: Path) -> Path:
    """Write a picture."""
    return write_whole(file, lambda temporary: sheet.save(temporary, format="PNG"))


def save_json(content: Mapping[str, Any], file: Path) -> Path:
    """Write plain data."""
    return save_text(json.dumps(content, indent=2) + "\n", file)


def save_text(text: str, file: Path) -> Path:
    """Write text."""
    return write_whole(file, lambda temporary: temporary.write_text(text, encoding="utf-8"))


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


def write_whole(file: Path, write: Callable[[Path], Any]) -> Path:
    """Write a file beside its name and move it there: whole, or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    os.close(descriptor)
    temporary = Path(name)
    try:
        write(temporary)
        temporary.chmod(0o644)
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)
    return file
