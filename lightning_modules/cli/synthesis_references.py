"""The reference faces of cases: pictures cropped as in training, or procedural faces."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from zoo.images import from_uint8

if TYPE_CHECKING:
    from datamodules.detectors.base import FaceDetector
    from lightning_modules.cli.synthesis_cases import SynthesisCase


class References:
    """Give reference faces, (3, size, size) in [-1, 1].

    Args:
        size: Height and width in pixels.
        detector: Name of what finds faces in pictures.
        detector_weights: Its file, where it needs one.
    """

    def __init__(self, size: int, *, detector: str = "whole_image", detector_weights: str | None = None) -> None:
        from datamodules.detectors.base import face_detector

        self.size = size
        self.detector: FaceDetector = face_detector(detector, weights=detector_weights)

    def of(self, case: SynthesisCase) -> torch.Tensor:
        """Give the reference of a case; see :meth:`photo` for what is refused."""
        if case.reference is not None:
            return self.photo(case.reference)
        return procedural_reference(case.reference_seed, size=self.size)

    def photo(self, path: str) -> torch.Tensor:
        """Find the face in a picture, and crop and turn it as the builders of data sets do.

        Raises:
            ValueError: No face is to be found, or the picture is unfit.
            OSError: It can't be read.
        """
        from datamodules.alignment import FaceAligner
        from datamodules.face_images import read_image

        if not Path(path).is_file():
            message = f"synthesize: reference must be a picture, got {path!r}, which is no file."
            raise FileNotFoundError(message)
        pixels = read_image(path)
        if min(pixels.shape[:2]) < self.size // 2 or pixels.std() < 2:
            message = (
                f"synthesize: {path} must show a face, got a picture of {pixels.shape[1]} x {pixels.shape[0]} pixels "
                f"and contrast {pixels.std():.1f}. It needs at least {self.size // 2} pixels a side."
            )
            raise ValueError(message)
        face = self.detector.find(pixels)
        if face is None:
            message = (
                f"synthesize: {path} must show a face, and {self.detector.record['name']} finds none. Choose another "
                "picture, or crop it to the face and use --detector whole_image."
            )
            raise ValueError(message)
        aligner = FaceAligner(self.size)
        aligned = aligner.crop(pixels, face.box) if face.landmarks is None else aligner.align(pixels, face.landmarks)
        return signed(aligned.pixels)


def procedural_reference(seed: int, *, size: int) -> torch.Tensor:
    """Render the neutral face of a person of the test range, in a view of its own."""
    from zoo.faces import IDENTITY_RANGES, FaceRenderer, sample_faces

    people = IDENTITY_RANGES["test"]
    numbers = torch.tensor([people[seed % len(people)]])
    faces = sample_faces(numbers, torch.tensor([seed]), torch.tensor([seed]))
    with torch.no_grad():
        return FaceRenderer(size)(faces.neutral()).images[0]


def signed(pixels: np.ndarray) -> torch.Tensor:
    """Turn the pixels of a file, height by width by RGB, into an image in [-1, 1]."""
    return from_uint8(torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1))))
