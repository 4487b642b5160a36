"""A small AU text folder made by code: people in flat colours, labels by chance."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from datamodules.au_text_folder import write_tables
from datamodules.au_text_tables import FaceTable
from datamodules.image_storage import ImagePlaces
from zoo.facs import AUS
from zoo.facs.composer import Composer

SPLIT_OF_PERSON = ("train", "train", "train", "validation", "test", "test")


def colour_of(place):
    """The grey value of a frame's image, at 16 pixels a slope from the left to the right."""
    return 20 + 3 * (place % 60)


def write_folder(path, *, name="mine", frames=48, people=6, size=32, storage="files", seed=0, sides=False, points=None):
    """Write a folder, and give its table of frames."""
    generator = np.random.default_rng(seed)
    occurrence = (generator.random((frames, len(AUS))) < 0.25).astype(np.int8)
    occurrence[:, 6] |= ~occurrence.any(1)  # as in all such folders, an AU is active
    occurrence[(generator.random(occurrence.shape) < 0.05) & (occurrence == 0)] = 9
    intensity = np.where(occurrence == 1, generator.integers(1, 6, occurrence.shape), 0).astype(np.float32)
    intensity[:, ::2] = np.nan
    intensity[occurrence == 9] = np.nan
    person = np.arange(frames) % people
    path.mkdir(parents=True, exist_ok=True)
    side = None
    if sides:
        side = np.where(occurrence == 1, generator.choice(np.array(["", "L", "R"], dtype=object), occurrence.shape), "")
        side = side.astype(object)
    landmarks = None
    if points:
        landmarks = generator.uniform(0, size, (frames, points, 2)).astype(np.float32)
    table = FaceTable(
        source=_texts(f"{name}/P{who}/T1/{place}" for place, who in enumerate(person)),
        subject=_texts(f"{name}/P{who}" for who in person),
        sequence=_texts("T1" for _ in person),
        frame=np.arange(frames),
        occurrence=occurrence,
        intensity=intensity,
        places=_write_images(path, [f"images/{place}.png" for place in range(frames)], size),
        side=side,
        split=_texts(SPLIT_OF_PERSON[who % 6] for who in person),
        reference=person.astype(np.int64),
        constructs=_texts("" for _ in person),
        description=_texts(Composer(unknown="resolve").prompts(occurrence)),
        landmarks=landmarks,
    )
    references = FaceTable(
        source=_texts(f"{name}/P{who}/T1/{1000 + who}" for who in range(people)),
        subject=_texts(f"{name}/P{who}" for who in range(people)),
        sequence=_texts("T1" for _ in range(people)),
        frame=1000 + np.arange(people),
        occurrence=np.zeros((people, len(AUS)), dtype=np.int8),
        intensity=np.full((people, len(AUS)), np.nan, dtype=np.float32),
        places=_write_images(path, [f"references/{who}.png" for who in range(people)], size),
    )
    write_tables(path, frames=table, references=references, metadata={"name": name, "size": size, "storage": storage})
    return table


def _write_images(path, names, size):
    contents = []
    for place, name in enumerate(names):
        pixels = np.full((size, size, 3), colour_of(place), np.uint8)
        pixels[:, : size // 2] -= 20  # the left half is darker, so that a mirror shows
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_bytes(buffer.getvalue())
        contents.append(len(buffer.getvalue()))
    return ImagePlaces(_texts(names), np.array(contents), None, np.zeros(len(names), np.int64))


def _texts(values):
    values = list(values)
    texts = np.empty(len(values), dtype=object)
    texts[:] = values
    return texts
