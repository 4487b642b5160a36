"""Procedural faces as data sets: read from a store, or given as parameters that a device renders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import Dataset

from datamodules.face_sampling import label, sample_frames, shot_seeds
from datamodules.reference_landmarks import ReferenceLandmarks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from datamodules.face_store import FaceStore
    from datamodules.face_store_parameters import FaceStoreParameters
    from datamodules.labelling import Labelling
    from datamodules.loading import Request


class StoredFaces(Dataset[dict[str, Any]]):
    """Read batches from a store.

    Args:
        store: The store.
        labelling: Labels the frames.
        reference_landmarks: Whether to give the points of the references, too.
    """

    def __init__(self, store: FaceStore, *, labelling: Labelling, reference_landmarks: bool = False) -> None:
        self.store = store
        self.labelling = labelling
        self.reference_landmarks = ReferenceLandmarks(store) if reference_landmarks else None

    def __len__(self) -> int:
        return len(self.store)

    @property
    def subjects(self) -> list[str]:
        """Who is in it."""
        return [f"faces/{person}" for person in np.unique(self.store.array("identity")).tolist()]

    @property
    def num_aus(self) -> NDArray[np.int64]:
        """How many AUs each sample's text states."""
        return self.store.occurrence().sum(-1)

    def __getitem__(self, request: Request) -> dict[str, Any]:
        store, frames = self.store, np.asarray(request.indices, dtype=np.int64)
        occurrence = store.occurrence(frames)
        intensity = store.array("intensity")[frames].astype(np.float32)
        identity = np.array(store.array("identity")[frames])
        parameters = store.metadata["parameters"]
        batch = {
            "image": store.read("images", frames),
            "reference": store.read("references", frames // parameters["frames_per_shot"]),
            **self.labelling(occurrence, intensity=intensity, index=frames, epoch=request.epoch),
            **_names(identity, frames, split=parameters["split"]),
            **{name: store.read(name, frames) for name in ("landmarks", "visible", "regions", "parameters")},
        }
        if "truth" in store:
            batch["truth"] = store.read("truth", frames)
        if self.reference_landmarks is not None:
            batch["reference_landmarks"] = self.reference_landmarks(frames)
        return batch


class SampledFaces(Dataset[dict[str, Any]]):
    """Give the parameters of faces that are to be rendered on the device.

    Args:
        parameters: Which faces.
        fresh: Whether every epoch has AUs of its own.
        labelling: Labels the frames.
    """

    def __init__(self, parameters: FaceStoreParameters, *, fresh: bool, labelling: Labelling) -> None:
        self.parameters = parameters
        self.fresh = fresh
        self.labelling = labelling

    def __len__(self) -> int:
        return self.parameters.num_frames

    @property
    def subjects(self) -> list[str]:
        """Who is in it."""
        identity = shot_seeds(self.parameters, np.arange(self.parameters.num_frames))[:, 0]
        return [f"faces/{person}" for person in np.unique(identity).tolist()]

    def __getitem__(self, request: Request) -> dict[str, Any]:
        frames = np.asarray(request.indices, dtype=np.int64)
        seeds = shot_seeds(self.parameters, frames, epoch=request.epoch if self.fresh else 0)
        faces = sample_frames(self.parameters, seeds)
        occurrence, intensity = label(faces)
        return {
            "faces": {
                "identity": faces.identity,
                "view": faces.view,
                "activation": faces.activation,
                "nuisance": faces.nuisance,
            },
            "with_truth": self.parameters.truth,
            **self.labelling(occurrence, intensity=intensity, index=frames, epoch=request.epoch),
            **_names(seeds[:, 0], frames, split=self.parameters.split),
            "parameters": faces.table()[1],
        }


def _names(identity: NDArray[np.int64], frames: NDArray[np.int64], *, split: str) -> dict[str, Any]:
    return {
        "subject": [f"faces/{person}" for person in identity.tolist()],
        "source": [f"faces/{split}/{frame}" for frame in frames.tolist()],
        "identity": torch.from_numpy(identity),
    }
