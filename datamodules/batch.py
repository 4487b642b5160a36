"""The keys that every data set, cache and metric shares."""

from __future__ import annotations

from typing import TYPE_CHECKING, NotRequired, TypedDict

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int
    from torch import Tensor

    from zoo.shapes import Features, Images, Intensity, Landmarks, Occurrence, Regions, Tokens


IMAGES = ("image", "reference", "truth")
"""The keys that hold images."""
REFERENCE_FEATURES = ("appearance", "structure", "latent")
"""What face encoders give of a reference; a cache's batches have it under these names with ``_features``."""


class FaceBatch(TypedDict):
    """A batch of faces, as a training step receives it. A label that is absent is ``known = False``.

    Attributes:
        image: The faces.
        reference: A face of the same person without AUs, which gives the identity.
        occurrence: Whether each AU is present; False where unknown.
        known: Where occurrence is known.
        intensity: 0 to 5, NaN where unknown.
        prompt: The description of the AUs, as a mirrored image shows them.
        subject: Who it is, with the data set's name in front, such as ``faces/17`` or ``bp4d/F001``.
        source: Where the frame comes from, such as ``bp4d/F001/T1/2440``.
        index: A number of its own for each frame of a data set.
        side: The side of the person on which each AU acts: 1 left, 2 right, 0 both or unknown; only of data that
            knows sides.
    """

    image: Images
    reference: Images
    occurrence: Occurrence
    known: Bool[Tensor, "batch au"]
    intensity: Intensity
    prompt: list[str]
    subject: list[str]
    source: list[str]
    index: Int[Tensor, " batch"]
    side: NotRequired[Int[Tensor, "batch au"]]


class CachedFaceBatch(FaceBatch):
    """What a cache of stage II adds; in training without ``image`` and ``reference`` where nothing looks at them.

    Attributes:
        tokens: The frozen codec's, of the faces.
        appearance_features: What the frozen encoder of T_A gives of the references; likewise the next two.
        structure_features: Of T_S.
        latent_features: Of T_V.
        text_features: What the frozen text encoder gives of the prompts, where all of the batch are in the cache.
        text_mask: Where text features are real.
    """

    tokens: Tokens
    appearance_features: NotRequired[Features]
    structure_features: NotRequired[Features]
    latent_features: NotRequired[Features]
    text_features: NotRequired[Features]
    text_mask: NotRequired[Bool[Tensor, "batch length"]]


class ProceduralFaceBatch(FaceBatch):
    """What procedural faces know besides.

    Attributes:
        truth: The face that the reference shows when these AUs act, without nuisances: what synthesis
            should give. Always there in validation and test; in training only where ``train_truth`` asks for it.
        landmarks: 68 points in pixels, in the order of iBUG 300-W.
        visible: Which of the points are inside the frame and not under hair.
        regions: Region of each pixel, an index into ``zoo.faces.REGIONS``.
        identity: Seed of the identity.
        parameters: Pose, light and nuisances of each frame, in the order of the store's ``parameter_names``.
        reference_landmarks: The points of the reference; only where ``reference_landmarks`` asks for them.
    """

    truth: NotRequired[Images]
    landmarks: Landmarks
    visible: Bool[Tensor, "batch point"]
    regions: Regions
    identity: Int[Tensor, " batch"]
    parameters: Float[Tensor, "batch parameter"]
    reference_landmarks: NotRequired[Landmarks]
