"""From a frame of a data set to an encoded crop: read, find the face, align, encode."""

from __future__ import annotations

import functools
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from datamodules.alignment import AlignedFace, AlignmentError, FaceAligner
from datamodules.detectors.base import FaceDetector, face_detector
from datamodules.detectors.whole_image import WholeImageDetector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from datamodules.builders.sources.base import FrameImage

LARGEST_ERROR = 0.12
"""Landmarks that fit a face worse are no face's; see :attr:`datamodules.alignment.AlignedFace.error`."""
SMALLEST_INSIDE = 0.5
"""A crop must show at least this share of the original."""
IMAGE_FORMATS = ("jpg", "png")
ProblemFields = tuple[str, str, str]
"""Kind, place and detail of what was wrong."""


@dataclass(frozen=True)
class CropSettings:
    """All that decides a crop, apart from the image and its landmarks.

    Attributes:
        size: Height and width of the crop in pixels.
        margin: Room around the face, as a share of the crop.
        detector: Name of the face detector, for images without landmarks; None where there must be landmarks.
        detector_weights: File of its weights.
        image_format: ``jpg`` or ``png``.
        quality: Of a jpg, from 1 to 100; its colours are not subsampled.
    """

    size: int = 256
    margin: float = 0.0
    detector: str | None = None
    detector_weights: str | None = None
    image_format: str = "jpg"
    quality: int = 95

    def __post_init__(self) -> None:
        if self.image_format not in IMAGE_FORMATS:
            message = (
                f"CropSettings: image_format must be one of {', '.join(IMAGE_FORMATS)}, got {self.image_format!r}."
            )
            raise ValueError(message)
        if not 1 <= self.quality <= 100:
            message = f"CropSettings: quality must be from 1 to 100, got {self.quality}."
            raise ValueError(message)
        self.aligner()  # checks its arguments

    def aligner(self) -> FaceAligner:
        """Make the aligner."""
        return FaceAligner(self.size, margin=self.margin)

    def face_detector(self) -> FaceDetector | None:
        """Make the detector, where one is named."""
        return None if self.detector is None else face_detector(self.detector, weights=self.detector_weights)

    def record(self) -> dict[str, Any]:
        """Say all that decides a crop, as plain data for a data set's metadata."""
        from PIL import __version__

        detector = self.face_detector()
        encoding = {"quality": self.quality, "subsampling": "4:4:4"} if self.image_format == "jpg" else {}
        return {
            "aligner": self.aligner().record,
            "detector": None if detector is None else detector.record,
            "encoding": {"format": self.image_format, **encoding, "pillow": __version__},
        }


@dataclass(frozen=True)
class CropTask:
    """A frame to crop.

    Attributes:
        source: Its name.
        image: Its image, unread.
        landmarks: Points in pixels, where known.
        box: Box of the face in pixels, where known.
        cropped: Whether the image is a crop already.
    """

    source: str
    image: FrameImage
    landmarks: NDArray[np.float32] | None
    box: NDArray[np.float32] | None
    cropped: bool = False


@dataclass(frozen=True)
class Crop:
    """An encoded crop, or the reason why there is none.

    Attributes:
        content: The encoded image; empty where there is none.
        landmarks: Points of the crop in pixels, where known.
        quality: How well the face was found and cropped, see :class:`datamodules.au_text_tables.FaceTable`.
        problem: What was wrong; None where nothing was.
    """

    content: bytes = b""
    landmarks: NDArray[np.float32] | None = None
    quality: dict[str, float] = field(default_factory=dict)
    problem: ProblemFields | None = None


def crop_face(task: CropTask, settings: CropSettings) -> Crop:
    """Crop the face of a frame; what can't be done is said in the result.

    Raises:
        ModuleNotFoundError: A package that is needed to read images or to find faces is missing.
    """
    aligner, detector = _prepared(settings)
    try:
        pixels = task.image.read()
    except OSError as error:
        return _without("unreadable image", task, str(error))
    score = float("nan")
    try:
        if task.cropped:
            (whole,) = WholeImageDetector().detect(pixels)
            face = aligner.crop(pixels, whole.box, landmarks=task.landmarks)
        elif task.landmarks is not None:
            face = aligner.align(pixels, task.landmarks)
        elif task.box is not None:
            face = aligner.crop(pixels, task.box)
        elif detector is None:
            return _without("no landmarks", task, "the data set has none for this frame, and no detector was named")
        else:
            found = detector.find(pixels)
            if found is None:
                return _without("no face found", task, f"{settings.detector} found none")
            score = found.score
            points = found.landmarks
            face = aligner.crop(pixels, found.box) if points is None else aligner.align(pixels, points)
    except AlignmentError as error:
        return _without("face not aligned", task, str(error))
    if face.error > LARGEST_ERROR:
        detail = f"landmarks unlike those of a face: error {face.error:.3f}, at most {LARGEST_ERROR} is allowed"
        return _without("face not aligned", task, detail)
    if face.inside < SMALLEST_INSIDE:
        detail = f"only {face.inside:.0%} of the crop lies inside the image"
        return _without("face outside the image", task, detail)
    return Crop(
        _encode(face, settings),
        None if face.landmarks is None else face.landmarks.astype(np.float32),
        {
            "detector_score": score,
            "crop_scale": face.scale,
            "crop_inside": face.inside,
            "landmark_error": face.error,
        },
    )


def _without(kind: str, task: CropTask, detail: str) -> Crop:
    return Crop(problem=(kind, task.source, detail))


def _encode(face: AlignedFace, settings: CropSettings) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    image = Image.fromarray(face.pixels)
    if settings.image_format == "jpg":
        image.save(buffer, "JPEG", quality=settings.quality, subsampling=0)
    else:
        image.save(buffer, "PNG")
    return buffer.getvalue()


@functools.lru_cache(maxsize=2)
def _prepared(settings: CropSettings) -> tuple[FaceAligner, FaceDetector | None]:
    """Make the aligner and the detector once in a process."""
    return settings.aligner(), settings.face_detector()
