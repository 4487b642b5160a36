"""The networks that judge pictures: which there are, which are missing, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lightning_modules.cli.studio import weights_sha256
from zoo import bundles
from zoo.face_encoders.base import FaceEncoder
from zoo.recognizers.base import Recognizer
from zoo.text_recognizers.base import TextRecognizer

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from zoo.metrics.feature_networks import FeatureNetwork
    from zoo.metrics.pair_distances import PairDistance

KINDS: dict[str, Any] = {"recognizer": Recognizer, "identity": FaceEncoder, "text_recognizer": TextRecognizer}
"""The judges that are given as paths."""
AUTO = "auto"
_TRAINED_HERE = "models/perceptual"


@dataclass(frozen=True)
class Judges:
    """Who judges; recogniser and identity should have taken no part in training what is judged.

    Attributes:
        recognizer: Of AUs in faces.
        identity: Of faces.
        text_recognizer: Of AUs in texts; with the recogniser it gives AAAD.
        features: Whose features compare sets of images.
        distance: The perceptual distance of two images.
        records: Where each comes from and its weights' checksum, or why there is none.
    """

    recognizer: Recognizer | None = None
    identity: FaceEncoder | None = None
    text_recognizer: TextRecognizer | None = None
    features: FeatureNetwork | None = None
    distance: PairDistance | None = None
    records: dict[str, dict[str, Any]] = field(default_factory=dict)


def load_judges(paths: Mapping[str, str | None], *, features: str | None, device: torch.device) -> Judges:
    """Load the judges.

    Args:
        paths: Path of each of ``KINDS``; None leaves one out, as does a path where nothing is.
        features: ``auto``, a network that was trained here, or None for none; see :func:`feature_judges`.
        device: Where they work.

    Raises:
        ValueError: A path holds something else.
    """
    found: dict[str, Any] = {}
    records: dict[str, dict[str, Any]] = {}
    for name, kind in KINDS.items():
        path = paths.get(name)
        if path is None:
            records[name] = {"path": None, "missing": "left out"}
            continue
        try:
            bundles.find(path)
        except bundles.WeightsNotFoundError:
            records[name] = {"path": path, "missing": "it is not there"}
            continue
        component = bundles.load(path, device=device)
        if not isinstance(component, kind):
            message = (
                f"evaluate: {name} must be a {kind.__name__}, got {path!r}, which holds a {type(component).__name__}."
            )
            raise ValueError(message)
        found[name] = component
        records[name] = {"path": path, "weights_sha256": weights_sha256(path)}
    network, distance = feature_judges(features)
    for name, judge in (("features", network), ("distance", distance)):
        records[name] = {"missing": "left out"} if judge is None else {"name": judge.name}
    return Judges(**found, features=network, distance=distance, records=records)


def feature_judges(choice: str | None) -> tuple[FeatureNetwork | None, PairDistance | None]:
    """Choose what compares images by features: sets of them, and pairs.

    Args:
        choice: ``auto`` takes Inception and LPIPS where their published weights are at hand, else a network that was
            trained here, whose figures have other names; a path takes that network; None takes none.
    """
    from zoo.metrics.feature_networks import InceptionFeatures, TrainedFeatures
    from zoo.metrics.pair_distances import LPIPSDistance, TrainedDistance

    if choice is None:
        return None, None
    if choice != AUTO:
        return TrainedFeatures(choice), TrainedDistance(choice)
    network: FeatureNetwork
    distance: PairDistance
    try:
        network = InceptionFeatures()
        network.check()
    except bundles.WeightsNotFoundError:
        network = TrainedFeatures(_TRAINED_HERE)
    try:
        distance = LPIPSDistance()
        distance.check()
    except bundles.WeightsNotFoundError:
        distance = TrainedDistance(_TRAINED_HERE)
    return network, distance
