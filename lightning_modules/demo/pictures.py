"""Pictures that come and go: the face in a visitor's picture, PNG files of results, and maps of differences."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from lightning_modules.cli.synthesis_references import signed
from lightning_modules.demo.requests import RequestError
from zoo.images import to_uint8

if TYPE_CHECKING:
    from torch import Tensor

FORMATS = ("PNG", "JPEG", "WEBP")
LARGEST_FILE = 1_500_000
"""Bytes of a picture: the page sends the face alone, at most 512 pixels a side."""
MOST_PIXELS = 20_000_000
FULL_DIFFERENCE = 0.5
"""What the brightest colour of a map stands for, as a share of the range of a pixel."""
# black, violet, red, orange, pale yellow: brighter is always more, for those who see no colours, too
_COLOURS = np.array([[0, 0, 0], [72, 22, 110], [186, 54, 85], [249, 140, 10], [252, 255, 190]], dtype=np.float64)

# "made by a trained algorithm", in the words of the IPTC that photo software and platforms look for
_XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
    'Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"/>'
    "</rdf:RDF></x:xmpmeta>"
)


def read_face(file: bytes, *, size: int) -> Tensor:
    """Read the square at the centre of a picture, (3, size, size) in [-1, 1], as ``synthesize`` reads references.

    Args:
        file: A PNG, JPEG or WebP file.
        size: Height and width in pixels.

    Raises:
        RequestError: It is none of these, too large, too small or of one colour.
    """
    from datamodules.alignment import FaceAligner

    pixels = _decoded(file)
    height, width = pixels.shape[:2]
    if min(height, width) < size // 2:
        message = f"The picture must have at least {size // 2} pixels a side, got {width} x {height}."
        raise RequestError(message)
    if pixels.std(axis=(0, 1)).max() < 2:
        message = "The picture must show a face, and it has one colour nearly everywhere."
        raise RequestError(message)
    side = min(height, width)
    left, top = (width - side) // 2, (height - side) // 2
    return signed(FaceAligner(size).crop(pixels, (left, top, left + side, top + side)).pixels)


def _decoded(file: bytes) -> np.ndarray:
    import warnings

    from PIL import Image, ImageOps

    if len(file) > LARGEST_FILE:
        message = (
            f"The picture must have at most {LARGEST_FILE / 1e6:g} MB, got {len(file) / 1e6:.1f} MB. Make it smaller."
        )
        raise RequestError(message)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a file that is odd and can be read
            with Image.open(io.BytesIO(file), formats=FORMATS) as image:
                width, height = image.size
                if width * height > MOST_PIXELS:
                    message = (
                        f"The picture must have at most {MOST_PIXELS // 1_000_000} million pixels, "
                        f"got {width} x {height}. Make it smaller."
                    )
                    raise RequestError(message)
                image.load()
                layer = ImageOps.exif_transpose(image).convert("RGBA")
                white = Image.new("RGBA", layer.size, "white")
                return np.array(Image.alpha_composite(white, layer).convert("RGB"))
    except RequestError:
        raise
    except Exception as error:  # Pillow raises many kinds on files that are none
        message = (
            f"The picture must be a whole {', '.join(FORMATS[:-1])} or {FORMATS[-1]} file, and this can't be read."
        )
        raise RequestError(message) from error


def png(image: Tensor, *, notes: Mapping[str, Any] | None = None) -> bytes:
    """Give the PNG file of an image in [-1, 1].

    Args:
        image: (3, height, width).
        notes: Written into the file, so that what was synthesised can be known as such.
    """
    return _encoded(to_uint8(image.float().cpu()).permute(1, 2, 0).numpy(), notes)


def synthetic_png(image: Tensor, notes: Mapping[str, Any]) -> bytes:
    """Give the PNG file of a synthesised image in [-1, 1], which says so inside, with what else is noted."""
    return png(image, notes={"synthetic": "true", "software": "AUFace Zoo", "XML:com.adobe.xmp": _XMP, **notes})


def difference(one: Tensor, other: Tensor) -> bytes:
    """Give the PNG file of a map of where two images differ, by the colour that differs most; black where none does."""
    share = (one.float().cpu() - other.float().cpu()).abs().amax(0).div(2 * FULL_DIFFERENCE).clamp(0, 1).numpy()
    places = np.linspace(0, 1, len(_COLOURS))
    colours = np.stack([np.interp(share, places, _COLOURS[:, channel]) for channel in range(3)], axis=-1)
    return _encoded(colours.round().astype(np.uint8), None)


def mean_difference(one: Tensor, other: Tensor) -> float:
    """Give the mean absolute difference of two images, as a share of the range of a pixel."""
    with torch.no_grad():
        return float((one.float().cpu() - other.float().cpu()).abs().mean()) / 2


def data_uri(file: bytes) -> str:
    """Give a PNG file as a page takes it."""
    return "data:image/png;base64," + base64.b64encode(file).decode("ascii")


def _encoded(pixels: np.ndarray, notes: Mapping[str, Any] | None) -> bytes:
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    information = PngInfo()
    for name, value in (notes or {}).items():
        information.add_itxt(name, value if isinstance(value, str) else json.dumps(value))
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="PNG", pnginfo=information if notes else None)
    return stream.getvalue()
