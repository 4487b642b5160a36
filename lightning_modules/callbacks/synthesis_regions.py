"""Where on a face the AUs that were asked for act, as pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn import functional

from zoo.metrics.au_regions import au_regions

if TYPE_CHECKING:
    from jaxtyping import Bool
    from torch import Tensor

    from zoo.shapes import Landmarks, Occurrence

NUM_LANDMARKS = 68
_SHARE = 16
"""Regions are grown by this part of the picture's side: then they hold 81 % (AU6) to 100 % (AU7) of what an AU alone
changes on rendered faces of 64 px, on 11 to 23 % of the picture; as they are, for attention, 51 to 89 % on 4 to 9 %."""


def acting_pixels(
    occurrence: Occurrence, landmarks: Landmarks, *, image_size: int
) -> Bool[Tensor, "batch height width"]:
    """Say where the AUs of each face act: in their regions, and a sixteenth of the picture's side around these.

    Args:
        occurrence: The AUs; where there are none, they act nowhere.
        landmarks: 68 points in pixels.
        image_size: Height and width of the picture in pixels.
    """
    regions = au_regions(landmarks, image_size=image_size, side=image_size)
    acting = (regions & occurrence[..., None, None]).any(1, keepdim=True)
    reach = image_size // _SHARE
    return functional.max_pool2d(acting.float(), 2 * reach + 1, stride=1, padding=reach)[:, 0] > 0
