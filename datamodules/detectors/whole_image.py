"""Images that are cropped already: the face is the whole image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from datamodules.detectors.base import DetectedFace, FaceDetector

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class WholeImageDetector(FaceDetector):
    """Take the largest square at the centre of an image for the face. No image is turned or shifted."""

    @property
    def record(self) -> dict[str, Any]:
        """Only its name: it depends on nothing."""
        return {"name": "whole_image"}

    def prepare(self) -> None:
        """Load nothing."""

    def find(self, pixels: NDArray[np.uint8]) -> DetectedFace:
        """Give the square, in the image as it is."""
        return self.detect(pixels)[0]

    def detect(self, pixels: NDArray[np.uint8]) -> list[DetectedFace]:
        """Give the square."""
        height, width = pixels.shape[:2]
        side = min(height, width)
        left, top = (width - side) // 2, (height - side) // 2
        return [DetectedFace((left, top, left + side, top + side), None, 1.0)]
