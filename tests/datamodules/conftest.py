"""Small stores of small faces; rendering is the costly part, so tests share one."""

from __future__ import annotations

import pytest

from datamodules.face_rendering import render_store
from datamodules.face_store import FaceStoreParameters


def small(**changes):
    """Parameters of 10 frames of 32 px, in 5 shots of 2, of 3 people."""
    values = {"split": "train", "size": 32, "num_frames": 10, "num_identities": 3, "frames_per_shot": 2, "truth": True}
    return FaceStoreParameters(**{**values, **changes})


@pytest.fixture(scope="session")
def store_root(tmp_path_factory):
    """A folder that has the store of ``small()``."""
    root = tmp_path_factory.mktemp("data")
    render_store(small(), root, num_workers=1)
    return root


def bytes_of(folder):
    """The content of every file of a folder."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
