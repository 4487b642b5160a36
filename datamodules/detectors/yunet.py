"""YuNet, run by OpenCV, from a file of weights that OpenCV publishes."""

from __future__ import annotations

import hashlib
import importlib
from typing import TYPE_CHECKING, Any

import numpy as np

from datamodules.detectors.base import DetectedFace, FaceDetector

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_FILE = "face_detection_yunet_2023mar.onnx"


class YuNetDetector(FaceDetector):
    """Find faces and five points by one small network (Wu, Peng and Yu 2023), on the CPU.

    Args:
        weights: The ONNX file.
    """

    needs_weights = True
    _network: Any = None

    def __init__(self, weights: str | Path | None = None) -> None:
        super().__init__(weights)
        if self.weights is None or not self.weights.is_file():
            got = "no file" if self.weights is None else f"{str(self.weights)!r}, which is no file"
            message = (
                f"YuNetDetector: weights must be the file {_FILE}, got {got}. Get it from the folder "
                "models/face_detection_yunet of github.com/opencv/opencv_zoo (MIT licence), put it anywhere, and give "
                "its path: --detector-weights PATH"
            )
            raise FileNotFoundError(message)

    @property
    def record(self) -> dict[str, Any]:
        """The package, its version, and the weights' checksum."""
        cv2 = _import_cv2()
        assert self.weights is not None
        checksum = hashlib.sha256(self.weights.read_bytes()).hexdigest()
        return {"name": "yunet", "package": "opencv", "version": cv2.__version__, "weights_sha256": checksum}

    def prepare(self) -> None:
        """Load the network.

        Raises:
            ModuleNotFoundError: OpenCV is missing.
            ValueError: The weights can't be read.
        """
        if self._network is not None:
            return
        cv2 = _import_cv2()
        try:
            self._network = cv2.FaceDetectorYN.create(str(self.weights), "", (320, 320))
        except cv2.error as error:
            message = f"YuNetDetector: weights must be {_FILE}, which OpenCV can read, got {self.weights}: {error.err}"
            raise ValueError(message) from error

    def detect(self, pixels: NDArray[np.uint8]) -> list[DetectedFace]:
        """Find all faces in an RGB image, (height, width, 3)."""
        self.prepare()
        self._network.setInputSize((pixels.shape[1], pixels.shape[0]))
        _, rows = self._network.detect(np.ascontiguousarray(pixels[..., ::-1]))  # OpenCV's colours are BGR
        faces = []
        for row in [] if rows is None else np.asarray(rows, dtype=np.float64):
            left, top = row[:2] + 0.5  # its pixels' centres have whole numbers
            width, height = row[2:4]
            # its eyes and corners are the person's right ones first: those on the image's left
            faces.append(
                DetectedFace((left, top, left + width, top + height), row[4:14].reshape(5, 2) + 0.5, float(row[14]))
            )
        return faces

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_network"}


def _import_cv2() -> Any:
    try:
        return importlib.import_module("cv2")
    except ModuleNotFoundError as error:
        message = (
            "YuNetDetector: OpenCV must be installed, but it is not. Install it: pip install opencv-python-headless"
        )
        raise ModuleNotFoundError(message) from error
