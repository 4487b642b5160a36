"""What the judges say of pictures, one row for each frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from zoo.images import from_uint8, to_uint8, to_unit
from zoo.metrics.pair_quality import ssim

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from torch import Tensor

    from lightning_modules.evaluation.evaluation_set import EvaluationSet
    from lightning_modules.evaluation.judges import Judges

    ImageSource = Callable[[list[int], dict[str, Any]], Tensor]
    """Gives the pictures to judge, in [-1, 1], for places in the set and the batch of these frames."""


@dataclass(frozen=True)
class Judgement:
    """What the judges say of the pictures of one source; None where nobody judges it.

    Attributes:
        probability: Of each AU, in the order of the recogniser's ``aus``.
        embedding: Direction of the face's identity.
        features: By which sets of images are compared.
        logits: Of the feature network; of length 0 where it has none.
        distances: Of each kind, to the true image; to the reference, and named so, where there is none.
    """

    probability: Tensor | None = None
    embedding: Tensor | None = None
    features: Tensor | None = None
    logits: Tensor | None = None
    distances: dict[str, Tensor] = field(default_factory=dict)


@torch.no_grad()
def judge(
    source: ImageSource,
    frames: EvaluationSet,
    judges: Judges,
    *,
    batch_size: int,
    advance: Callable[[int], None],
) -> Judgement:
    """Have every picture of a source judged, as a file with 8 bits would hold it."""
    said: dict[str, list[Tensor]] = {}
    distances: dict[str, list[Tensor]] = {}
    for places, batch in frames.batches(batch_size):
        pixels = to_uint8(source(places, batch))
        images = from_uint8(pixels)
        if judges.recognizer is not None:
            said.setdefault("probability", []).append(judges.recognizer(images).probability.float().cpu())
        if judges.identity is not None:
            # several vectors of a face count as their mean
            directions = functional.normalize(judges.identity(images).float().mean(1), dim=-1)
            said.setdefault("embedding", []).append(directions.cpu())
        if judges.features is not None:
            features, logits = judges.features(pixels)
            said.setdefault("features", []).append(features.cpu())
            said.setdefault("logits", []).append(logits.cpu())
        for name, values in _distances(images, batch, judges).items():
            distances.setdefault(name, []).append(values.cpu())
        advance(len(places))
    return Judgement(
        **{name: torch.cat(values) for name, values in said.items()},
        distances={name: torch.cat(values) for name, values in distances.items()},
    )


@torch.no_grad()
def described(frames: EvaluationSet, judges: Judges, *, batch_size: int = 256) -> Tensor | None:
    """Give the AU probabilities of the frames' descriptions; None where nobody reads texts."""
    if judges.text_recognizer is None:
        return None
    prompts = frames.plain_prompts()
    texts = list(dict.fromkeys(prompts))
    read = [
        judges.text_recognizer(texts[start : start + batch_size]).probability.float().cpu()
        for start in range(0, len(texts), batch_size)
    ]
    row = {text: place for place, text in enumerate(texts)}
    return torch.cat(read)[[row[text] for text in prompts]]


def true_image(batch: dict[str, Any]) -> Tensor | None:
    """Give what should have come out: the true face where the data knows it, else the frame, else None."""
    found: Tensor | None = batch.get("truth", batch.get("image"))
    return found


def from_files(files: Sequence[Path], frames: EvaluationSet) -> ImageSource:
    """Take pictures from files, one for each frame."""
    from lightning_modules.evaluation.pictures import read_pictures

    def source(places: list[int], batch: dict[str, Any]) -> Tensor:
        some = [files[place] for place in places]
        return from_uint8(torch.stack(list(read_pictures(some, size=frames.image_size)))).to(frames.device)

    return source


COPIED, TRUE = "copied reference", "true image"
"""Rows that every table has."""


def others(system: str) -> str:
    """Name the row of a system's pictures against the AUs of somebody else."""
    return f"{system}, AUs of others"


def anchor_sources(codecs: dict[str, Any], *, has_truth: bool = True) -> Iterator[tuple[str, ImageSource]]:
    """Give what systems are read against: the copied reference, the true image, and what codecs make of that.

    Args:
        codecs: By the name of their row.
        has_truth: Whether there are true images.
    """
    yield COPIED, lambda places, batch: batch["reference"]
    if not has_truth:
        return
    yield TRUE, lambda places, batch: _required(true_image(batch))
    for name, codec in codecs.items():
        yield name, partial(_reconstructed, codec)


def _reconstructed(codec: Any, places: list[int], batch: dict[str, Any]) -> Tensor:
    return codec.detokenize(codec.tokenize(_required(true_image(batch)))).float()


def _required(images: Tensor | None) -> Tensor:
    assert images is not None
    return images


def _distances(images: Tensor, batch: dict[str, Any], judges: Judges) -> dict[str, Tensor]:
    """To the true image; where there is none, to the reference, which says how little was changed, not how well."""
    truth = true_image(batch)
    target = from_uint8(to_uint8(batch["reference"] if truth is None else truth))
    one, other = to_unit(images).clamp(0, 1), to_unit(target).clamp(0, 1)
    squared = (one - other).square().mean((1, 2, 3))
    found = {
        "l1": (images - target).abs().mean((1, 2, 3)),
        # 60 dB is finer than what eight bits can say, and keeps equal images from making means infinite
        "psnr": -10 * squared.clamp_min(1e-6).log10(),
        "ssim": ssim(one, other),
    }
    if judges.distance is not None:
        found[judges.distance.name] = judges.distance(one, other)
    return found if truth is not None else {f"{name}_to_reference": values for name, values in found.items()}
