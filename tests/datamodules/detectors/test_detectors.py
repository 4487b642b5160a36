"""Finding faces: our side of the detectors of others, and those where they are installed."""

import pickle
import sys
import types

import numpy as np
import pytest
import torch

from datamodules.alignment import five_points
from datamodules.detectors.base import DetectedFace, FaceDetector, detectors, face_detector
from datamodules.detectors.mtcnn import MTCNNDetector
from datamodules.detectors.yunet import YuNetDetector
from zoo.faces import FaceRenderer, sample_faces
from zoo.images import to_uint8


def test_detectors_are_chosen_by_the_names_of_their_files():
    assert detectors() == ["mtcnn", "whole_image", "yunet"]
    assert isinstance(face_detector("mtcnn"), MTCNNDetector)
    with pytest.raises(ValueError, match="name must be one of mtcnn, whole_image, yunet"):
        face_detector("viola")
    with pytest.raises(ValueError, match="weights must not be given"):
        face_detector("whole_image", weights="x")


def test_a_whole_image_is_its_central_square():
    face = face_detector("whole_image").find(np.zeros((2000, 1000, 3), np.uint8))
    assert face.box == (0, 500, 1000, 1500)
    assert face.landmarks is None


class _Spots(FaceDetector):
    """Takes every bright spot for a face."""

    record = None

    def prepare(self):
        pass

    def detect(self, pixels):
        rows, columns = np.nonzero(pixels[..., 0] > 100)
        return [
            DetectedFace((x, y, x + 1.0 + place, y + 1.0), np.full((5, 2), (x + 0.5, y + 0.5)), 0.9)
            for place, (x, y) in enumerate(zip(columns, rows, strict=True))
        ]


def test_faces_of_a_reduced_image_are_given_where_they_are_in_the_original():
    pixels = np.zeros((2160, 1440, 3), np.uint8)
    pixels[300:303, 600:603] = 255
    pixels[900:903, 30:33] = 255  # the later one has the larger box
    face = _Spots().find(pixels)
    assert face.landmarks == pytest.approx(np.full((5, 2), (31.5, 901.5)))
    assert face.box == pytest.approx((30, 900, 36, 903))
    assert _Spots().find(np.zeros((10, 10, 3), np.uint8)) is None


def test_missing_packages_are_named_with_the_line_that_installs_them(monkeypatch, tmp_path):
    for name in ("facenet_pytorch", "cv2"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ModuleNotFoundError, match="pip install --no-deps facenet-pytorch"):
        MTCNNDetector().prepare()
    (tmp_path / "weights.onnx").write_bytes(b"")
    with pytest.raises(ModuleNotFoundError, match="pip install opencv-python-headless"):
        YuNetDetector(tmp_path / "weights.onnx").prepare()


def test_missing_weights_are_named_with_their_place(tmp_path):
    for weights in (None, tmp_path / "none.onnx"):
        with pytest.raises(FileNotFoundError, match=r"face_detection_yunet_2023mar\.onnx.*opencv_zoo.*--detector-weig"):
            YuNetDetector(weights)


def test_rows_of_yunet_become_faces(monkeypatch, tmp_path):
    seen = {}

    class Network:
        def setInputSize(self, size):  # noqa: N802
            seen["size"] = size

        def detect(self, pixels):
            seen["first"] = pixels[0, 0].tolist()
            return 1, np.array([[10, 20, 30, 40, *range(100, 110), 0.75]], np.float32)

    cv2 = types.ModuleType("cv2")
    cv2.FaceDetectorYN = types.SimpleNamespace(create=lambda model, config, size: Network())
    cv2.error, cv2.__version__ = RuntimeError, "0"
    monkeypatch.setitem(sys.modules, "cv2", cv2)
    (tmp_path / "weights.onnx").write_bytes(b"weights")
    detector = YuNetDetector(tmp_path / "weights.onnx")
    pixels = np.zeros((50, 70, 3), np.uint8)
    pixels[0, 0] = (1, 2, 3)
    (face,) = pickle.loads(pickle.dumps(detector)).detect(pixels)
    assert seen == {"size": (70, 50), "first": [3, 2, 1]}
    assert face.box == (10.5, 20.5, 40.5, 60.5)
    assert face.landmarks.tolist() == (np.arange(100, 110).reshape(5, 2) + 0.5).tolist()
    assert face.score == 0.75
    assert len(detector.record["weights_sha256"]) == 64


@pytest.mark.slow
def test_mtcnn_finds_procedural_faces():
    pytest.importorskip("facenet_pytorch")
    seeds = torch.arange(3)
    rendered = FaceRenderer(256)(sample_faces(seeds, seeds, seeds, nuisance=False))
    detector = MTCNNDetector()
    for pixels, landmarks in zip(to_uint8(rendered.images), rendered.landmarks.double().numpy(), strict=True):
        photograph = np.full((1040, 880, 3), 90, np.uint8)
        photograph[400:656, 160:416] = pixels.permute(1, 2, 0).numpy()
        face = detector.find(photograph)
        assert np.abs(face.landmarks - five_points(landmarks) - (160, 400)).max() < 0.06 * 256
    assert detector.find(np.full((300, 300, 3), 90, np.uint8)) is None
    assert detector.record["version"]
