"""Which faces a store, or rendering on the fly, holds: seeds from parameters, faces from seeds."""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING

import numpy as np
import torch

from zoo.facs import AUS
from zoo.randomness import mix, seeds, uniform

if TYPE_CHECKING:
    from collections.abc import Iterable

    from datamodules.face_store import FaceStoreParameters
    from zoo.faces import FaceParameters

PRESENT = 2
"""Intensity (B) from which an AU counts as present."""
_VIEW, _ACTION, _HELD_OUT = 1, 2, 3  # what a seed is for


def shot_seeds(parameters: FaceStoreParameters, frames: np.ndarray, *, epoch: int = 0) -> np.ndarray:
    """Give the seeds of identity, view and action of frames, ``frame 3``.

    Identities take turns; a shot's frames share identity and view; actions differ in every frame. They also
    differ in every epoch, for rendering on the fly.
    """
    from zoo.faces import IDENTITY_RANGES

    identities = IDENTITY_RANGES[parameters.split]
    stream = int(mix(parameters.seed, list(IDENTITY_RANGES).index(parameters.split)) >> np.uint64(1))
    shots = frames // parameters.frames_per_shot
    identity = identities.start + shots % parameters.num_identities
    assert identities.start <= identity.min(initial=identities.stop)
    assert identity.max(initial=identities.start) < identities.stop
    view = seeds(stream, _VIEW, shots)
    action = seeds(stream, _ACTION, frames, epoch)
    return np.stack([identity.astype(np.int64), view, action], axis=1)


def sample_frames(parameters: FaceStoreParameters, seeds_of_frames: np.ndarray) -> FaceParameters:
    """Turn seeds into faces; each depends on its own seeds alone."""
    from zoo.faces import sample_faces

    identity, view, action = (torch.from_numpy(column.copy()) for column in seeds_of_frames.T)
    unseen = parameters.aus == "unseen"
    faces = sample_faces(
        identity,
        view,
        action,
        held_out=() if unseen else parameters.held_out,
        trace=parameters.trace and not unseen,
        nuisance=parameters.nuisance,
    )
    return faces.with_activation(_unseen(parameters, seeds_of_frames[:, 2])) if unseen else faces


def sample_shots(parameters: FaceStoreParameters, shots: range) -> tuple[FaceParameters, np.ndarray]:
    """Give the frames of some shots, and their seeds."""
    stop = min(shots.stop * parameters.frames_per_shot, parameters.num_frames)
    frames = np.arange(shots.start * parameters.frames_per_shot, stop)
    seeds_of_frames = shot_seeds(parameters, frames)
    return sample_frames(parameters, seeds_of_frames), seeds_of_frames


def label(faces: FaceParameters) -> tuple[np.ndarray, np.ndarray]:
    """Give occurrence (bool) and intensity (0 to 5) of each AU, ``frame au``; the sides of a face differ a little."""
    from zoo.faces import intensity_of

    intensity = intensity_of(faces.activation.mean(1))
    return (intensity >= PRESENT).cpu().numpy(), intensity.cpu().numpy()


def truth_of(faces: FaceParameters) -> FaceParameters:
    """Leave out what is not labelled: nuisances, and AUs below the intensity of presence."""
    present = torch.from_numpy(label(faces)[0]).to(faces.activation.device)
    return faces.without_nuisance().with_activation(faces.activation * present[:, None])


@functools.cache
def parameter_names() -> tuple[str, ...]:
    """Name the numbers of pose, light and nuisance, such as ``yaw`` or ``light.0``."""
    from zoo.faces import sample_faces

    return sample_faces(*(torch.zeros(1, dtype=torch.int64) for _ in range(3))).table()[0]


@functools.cache
def held_out_sets(share: float) -> tuple[tuple[int, ...], ...]:
    """Choose a share of all sets of two AUs or more, by a hash of the set, to be kept out of training.

    Example:
        >>> (6, 12) in held_out_sets(0.0), len(held_out_sets(0.1)) < len(held_out_sets(0.2))
        (False, True)
    """
    if not 0 <= share < 1:
        message = f"held_out_sets: share must be at least 0 and below 1, got {share}."
        raise ValueError(message)
    sets = [each for size in range(2, len(AUS) + 1) for each in itertools.combinations(AUS, size)]
    return tuple(each for each in sets if uniform(*each, count=1)[0] < share)


def occurrence_of(sets: Iterable[tuple[int, ...]]) -> np.ndarray:
    """Turn sets of AU numbers into rows of the ``au`` axis, bool."""
    return np.array([[au in each for au in AUS] for each in sets], dtype=bool)


def _unseen(parameters: FaceStoreParameters, action: np.ndarray) -> torch.Tensor:
    """Draw one of the held-out sets for each frame, at intensities from B to E."""
    sets = occurrence_of(parameters.held_out)
    chosen = sets[(mix(action, _HELD_OUT) % np.uint64(len(sets))).astype(np.int64)]
    level = 0.35 + 0.65 * uniform(action, _HELD_OUT, count=len(AUS))
    return torch.from_numpy(np.where(chosen, level, 0.0).astype(np.float32))
