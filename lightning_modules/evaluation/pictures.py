"""The pictures of a model: made once, kept on disk, found again by the model, the sampling and the request.

The folder of a model holds one PNG for each request. Its name says the frame and a checksum of all that was asked
(reference, prompt, labels, seed), so that test sets of other sizes share pictures, and one that was interrupted goes
on where it stopped.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from lightning_modules.callbacks.grids import save_png
from zoo.files import save_json
from zoo.images import to_uint8

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor

    from lightning_modules.evaluation.evaluation_set import EvaluationSet
    from zoo.pipelines.base import Pipeline
    from zoo.sampling import Sampling

FORMAT_VERSION = 1
_KEY = 12


def pictures_folder(root: Path, *, label: str, weights: str, sampling: Sampling, precision: str) -> Path:
    """Name the folder of a model's pictures, and say in it what they are made with.

    Args:
        root: Folder of all pictures.
        label: What the folder's name starts with, for people.
        weights: Checksum of the model's weights.
        sampling: How tokens are drawn.
        precision: In which numbers.
    """
    made_with = {
        "format_version": FORMAT_VERSION,
        "weights_sha256": weights,
        "sampling": vars(sampling),
        "precision": precision,
    }
    key = _checksum(made_with)
    safe = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in label)
    # the key alone tells: a model that was called otherwise before keeps its pictures
    folder = next(iter(sorted(root.glob(f"*-{key}"))), root / f"{safe}-{key}")
    if not (folder / "made_with.json").is_file():
        save_json(made_with, folder / "made_with.json")
    return folder


def requested_files(folder: Path, frames: EvaluationSet, prompts: Sequence[str]) -> list[Path]:
    """Name the picture of each frame."""
    labels = frames.labels
    occurrence, intensity = labels.occurrence.int().tolist(), labels.intensity.tolist()
    found = []
    for place, index in enumerate(labels.index.tolist()):
        # NaN is no JSON, and differs from itself
        strength = [None if value != value else round(value, 4) for value in intensity[place]]
        asked = [labels.reference[place], prompts[place], occurrence[place], strength, index]
        found.append(folder / f"{index:06d}-{_checksum(asked)}.png")
    return found


def make_pictures(
    load: Callable[[], Pipeline],
    frames: EvaluationSet,
    prompts: Sequence[str],
    files: Sequence[Path],
    *,
    sampling: Sampling,
    precision: str,
    batch_size: int,
    share: tuple[int, int] = (0, 1),
    advance: Callable[[int], None],
) -> int:
    """Make the pictures that are not there yet; give how many.

    Args:
        load: Gives the model; called only where there is something to do.
        frames: What is asked.
        prompts: The description of each frame, as the model wants it.
        files: Where the picture of each frame goes.
        sampling: How tokens are drawn.
        precision: ``float32``, or ``bfloat16`` for matrix products.
        batch_size: Pictures at once.
        share: Which part of how many is made.
        advance: Told how many more are there.
    """
    part, parts = share
    missing = [place for place, file in enumerate(files) if place % parts == part and not file.is_file()]
    advance(len(files) - len(missing) if parts == 1 else 0)
    if not missing:
        return 0
    pipeline = load()
    for places, batch in frames.batches(batch_size, missing):
        with torch.autocast(frames.device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            made = pipeline.synthesize(
                batch["reference"],
                [prompts[place] for place in places],
                occurrence=batch["occurrence"],
                intensity=batch["intensity"],
                seeds=batch["index"],
                sampling=sampling,
            )
        for place, pixels in zip(places, to_uint8(made.images.float()).cpu(), strict=True):
            _save(pixels, files[place])
        advance(len(places))
    return len(missing)


def read_pictures(files: Sequence[Path], *, size: int) -> Iterator[Tensor]:
    """Give pictures as pixels, 3 by size by size; those of another size are scaled."""
    from datamodules.face_images import read_image

    for file in files:
        pixels = read_image(file, size=size)
        yield torch.from_numpy(pixels.transpose(2, 0, 1).copy())


def _save(pixels: Tensor, file: Path) -> None:
    from PIL import Image

    # without waiting for the disk: what a power failure takes is made again
    save_png(Image.fromarray(pixels.permute(1, 2, 0).numpy()), file, sync=False)


def _checksum(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_KEY]
