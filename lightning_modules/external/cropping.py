"""Crop what a system drew to its face, as the builders of data sets do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from datamodules.alignment import FaceAligner
from datamodules.detectors.base import face_detector
from lightning_modules.external.base import NoPictureError

if TYPE_CHECKING:
    from PIL.Image import Image

_SIDE = 256


class FaceCrop:
    """Find the face in a picture and cut it out, aligned.

    Args:
        detector: Name of what finds it.
        weights: The detector's file, where it needs one.
        size: Pixels of the crop; evaluate scales it to those of the test set.
    """

    def __init__(self, detector: str, *, weights: str | None = None, size: int = _SIDE) -> None:
        self.size = size
        self._detector = face_detector(detector, weights=weights)
        self._aligner = FaceAligner(size)

    @property
    def record(self) -> dict[str, Any]:
        """What decides the crop."""
        return {**self._detector.record, "size": self.size}

    def __call__(self, picture: Image) -> Image:
        """Crop a picture.

        Raises:
            NoPictureError: It shows no face.
        """
        from PIL import Image

        pixels = np.asarray(picture)
        face = self._detector.find(pixels)
        if face is None:
            message = f"its picture must show a face, and {self._detector.record['name']} finds none"
            raise NoPictureError(message)
        landmarks = face.landmarks
        aligned = self._aligner.crop(pixels, face.box) if landmarks is None else self._aligner.align(pixels, landmarks)
        return Image.fromarray(aligned.pixels)
