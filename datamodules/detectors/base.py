"""What every face detector has in common, and how one is chosen by name."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONGEST_SIDE = 720
"""Larger images are reduced to this many pixels before faces are searched: enough for faces that fill them."""


@dataclass(frozen=True)
class DetectedFace:
    """A face in an image; positions in pixels, the centre of the top-left pixel is (0.5, 0.5).

    Attributes:
        box: Left, top, right and bottom.
        landmarks: Image-left eye, image-right eye, nose tip, image-left and image-right mouth corner, (5, 2); or None.
        score: How sure the detector is, in [0, 1].
    """

    box: tuple[float, float, float, float]
    landmarks: NDArray[np.float64] | None
    score: float

    @property
    def area(self) -> float:
        """Area of the box."""
        return (self.box[2] - self.box[0]) * (self.box[3] - self.box[1])

    def scaled(self, factor: float) -> DetectedFace:
        """Give the face in an image of another size."""
        left, top, right, bottom = (value * factor for value in self.box)
        points = None if self.landmarks is None else self.landmarks * factor
        return replace(self, box=(left, top, right, bottom), landmarks=points)


class FaceDetector(ABC):
    """Find faces. What it needs is loaded at the first image, so that an unused one can be sent to other processes.

    Attributes:
        needs_weights: Whether a file of weights must be given.

    Args:
        weights: File of the detector's weights, where it needs one.
    """

    needs_weights: ClassVar[bool] = False

    def __init__(self, weights: str | Path | None = None) -> None:
        if weights is not None and not self.needs_weights:
            message = (
                f"{type(self).__name__}: weights must not be given, got {str(weights)!r}; it brings or needs none."
            )
            raise ValueError(message)
        self.weights = None if weights is None else Path(weights)

    @property
    @abstractmethod
    def record(self) -> dict[str, Any]:
        """What decides its findings, as plain data for a data set's metadata."""

    @abstractmethod
    def detect(self, pixels: NDArray[np.uint8]) -> list[DetectedFace]:
        """Find all faces in an RGB image, (height, width, 3)."""

    @abstractmethod
    def prepare(self) -> None:
        """Load what is needed.

        Raises:
            ModuleNotFoundError: A package is missing.
            FileNotFoundError: The weights are missing.
        """

    def find(self, pixels: NDArray[np.uint8]) -> DetectedFace | None:
        """Find the largest face in an RGB image; None where there is no face."""
        from PIL import Image

        factor = max(pixels.shape[:2]) / LONGEST_SIDE
        if factor > 1:
            size = round(pixels.shape[1] / factor), round(pixels.shape[0] / factor)
            pixels = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))
        faces = self.detect(pixels)
        return max(faces, key=lambda face: face.area).scaled(max(factor, 1.0)) if faces else None


def detectors() -> list[str]:
    """Name the detectors there are: the files of this folder."""
    return sorted(file.stem for file in Path(__file__).parent.glob("*.py") if file.stem not in ("__init__", "base"))


def face_detector(name: str, *, weights: str | Path | None = None) -> FaceDetector:
    """Choose a detector by its name.

    Raises:
        ValueError: There is none of this name.
    """
    if name not in detectors():
        message = f"face_detector: name must be one of {', '.join(detectors())}, got {name!r}."
        raise ValueError(message)
    module = importlib.import_module(f"datamodules.detectors.{name}")
    # a file has one detector
    cls = next(
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, FaceDetector) and value.__module__ == module.__name__
    )
    detector: FaceDetector = cls(weights)
    return detector
