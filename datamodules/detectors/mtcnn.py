"""MTCNN of the package facenet-pytorch, which brings its weights."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np

from datamodules.detectors.base import DetectedFace, FaceDetector

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SMALLEST = 40  # pixels of a face, after the image was reduced


class MTCNNDetector(FaceDetector):
    """Find faces and five points by three small networks (Zhang et al. 2016), on the CPU."""

    _network: Any = None

    @property
    def record(self) -> dict[str, Any]:
        """The package and its version; the weights are part of it."""
        from importlib.metadata import version

        self.prepare()
        return {"name": "mtcnn", "package": "facenet-pytorch", "version": version("facenet-pytorch")}

    def prepare(self) -> None:
        """Build the networks.

        Raises:
            ModuleNotFoundError: The package is missing.
        """
        if self._network is not None:
            return
        try:
            package = importlib.import_module("facenet_pytorch")
        except ModuleNotFoundError as error:
            # its own bounds ask for old releases of torch and NumPy, which it doesn't need
            message = (
                f"MTCNNDetector: the package facenet-pytorch must be installed, but {error.name} is missing. Install "
                "it: pip install --no-deps facenet-pytorch && pip install requests"
            )
            raise ModuleNotFoundError(message) from error
        self._network = package.MTCNN(keep_all=True, device="cpu", min_face_size=_SMALLEST, post_process=False)

    def detect(self, pixels: NDArray[np.uint8]) -> list[DetectedFace]:
        """Find all faces in an RGB image, (height, width, 3)."""
        self.prepare()
        boxes, scores, landmarks = self._network.detect(np.ascontiguousarray(pixels), landmarks=True)
        if boxes is None:
            return []
        # with NumPy 2 the package gives arrays of objects
        half = 0.5  # its pixels' centres have whole numbers
        return [
            DetectedFace(
                tuple(float(value) + half for value in box),  # type: ignore[arg-type]
                np.asarray(points, dtype=np.float64) + half,
                float(score),
            )
            for box, score, points in zip(boxes, scores, landmarks, strict=True)
        ]

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_network"}
