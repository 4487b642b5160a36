"""The landmarks of references, found again from a store's seeds: the store itself holds those of the frames alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from datamodules.face_store import FaceStore


class ReferenceLandmarks:
    """Give the 68 points of the references of a store.

    A reference is drawn once more when it is first asked for, and its points are kept: milliseconds for each at 64
    pixels, once, which spares every other reader of the store the space.

    Args:
        store: The store.
    """

    def __init__(self, store: FaceStore) -> None:
        self.store = store
        self._points: dict[int, Tensor] = {}

    def __call__(self, frames: NDArray[np.int64]) -> Tensor:
        """Give the points of the frames' references, in pixels, ``frame 68 2``."""
        shots = frames // self.store.metadata["parameters"]["frames_per_shot"]
        missing = [shot for shot in dict.fromkeys(shots.tolist()) if shot not in self._points]
        if missing:
            self._points |= dict(zip(missing, self._draw(missing), strict=True))
        return torch.stack([self._points[shot] for shot in shots.tolist()])

    @torch.no_grad()
    def _draw(self, shots: list[int]) -> Tensor:
        from zoo.faces import FaceRenderer, sample_faces

        parameters = self.store.metadata["parameters"]
        first = np.array(shots) * parameters["frames_per_shot"]
        seeds = np.array(self.store.array("seeds")[first])
        identity, view, action = (torch.from_numpy(column.copy()) for column in seeds.T)
        neutral = sample_faces(identity, view, action).neutral()
        return FaceRenderer(parameters["size"])(neutral).landmarks

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_points": {}}  # a loader's worker draws what it reads
