"""The networks that judge pictures, and what they say of each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from lightning_modules.cli.studio import weights_sha256
from zoo import bundles
from zoo.face_encoders.base import FaceEncoder
from zoo.recognizers.base import Recognizer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

    from lightning_modules.evaluation.evaluation_set import EvaluationSet

    ImageSource = Callable[[list[int], dict[str, Any]], Tensor]
    """Gives the pictures to judge, in [-1, 1], for places in the set and the batch of these frames."""


@dataclass(frozen=True)
class Judges:
    """Who judges; none of them may have taken part in training what is judged.

    Attributes:
        recognizer: Of AUs.
        identity: Of faces.
        records: Where each comes from and its weights' checksum, or why there is none.
    """

    recognizer: Recognizer | None
    identity: FaceEncoder | None
    records: dict[str, dict[str, Any]]

    @classmethod
    def load(cls, paths: dict[str, str | None], *, device: torch.device) -> Judges:
        """Load the judges.

        Args:
            paths: Path of ``recognizer`` and ``identity``; None, or a path where nothing is, leaves it out.
            device: Where they work.

        Raises:
            ValueError: A path holds something else.
        """
        kinds: dict[str, Any] = {"recognizer": Recognizer, "identity": FaceEncoder}
        found: dict[str, Any] = {}
        records = {}
        for name, kind in kinds.items():
            path = paths.get(name)
            found[name] = None
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
                    f"evaluate: {name} must be a {kind.__name__}, got {path!r}, which holds a "
                    f"{type(component).__name__}."
                )
                raise ValueError(message)
            found[name] = component
            records[name] = {"path": path, "weights_sha256": weights_sha256(path)}
        return cls(found["recognizer"], found["identity"], records)


@dataclass(frozen=True)
class Judgement:
    """What the judges say of the pictures of one source, one row for each frame; None where nobody judges it.

    Attributes:
        probability: Of each AU, in the order of the recogniser's ``aus``.
        embedding: Direction of the face's identity.
        distances: Of each kind, to the true image, NaN where there is none.
    """

    probability: Tensor | None
    embedding: Tensor | None
    distances: dict[str, Tensor]


@torch.no_grad()
def judge(
    source: ImageSource,
    frames: EvaluationSet,
    judges: Judges,
    *,
    batch_size: int,
    advance: Callable[[int], None],
) -> Judgement:
    """Have every picture of a source judged."""
    probability, embedding = [], []
    distances: dict[str, list[Tensor]] = {}
    for places, batch in frames.batches(batch_size):
        images = source(places, batch)
        if judges.recognizer is not None:
            probability.append(judges.recognizer(images).probability.float().cpu())
        if judges.identity is not None:
            # several vectors of a face count as their mean
            embedding.append(functional.normalize(judges.identity(images).float().mean(1), dim=-1).cpu())
        for name, values in _distances(images, true_image(batch)).items():
            distances.setdefault(name, []).append(values.cpu())
        advance(len(places))
    return Judgement(
        torch.cat(probability) if probability else None,
        torch.cat(embedding) if embedding else None,
        {name: torch.cat(values) for name, values in distances.items()},
    )


def true_image(batch: dict[str, Any]) -> Tensor | None:
    """Give what should have come out: the true face where the data knows it, else the frame, else None."""
    found: Tensor | None = batch.get("truth", batch.get("image"))
    return found


def from_files(files: list[Any], frames: EvaluationSet) -> ImageSource:
    """Take pictures from files, one for each frame."""
    from lightning_modules.evaluation.pictures import read_pictures
    from zoo.images import from_uint8

    def source(places: list[int], batch: dict[str, Any]) -> Tensor:
        some = [files[place] for place in places]
        return from_uint8(torch.stack(list(read_pictures(some, size=frames.image_size)))).to(frames.device)

    return source


def anchor_sources(codecs: dict[str, Any]) -> Iterator[tuple[str, ImageSource]]:
    """Give what stands beside every table: the copied reference, the true image, and what codecs make of that.

    Args:
        codecs: By the name of their row.
    """
    yield "copied reference", lambda places, batch: batch["reference"]
    yield "true image", lambda places, batch: _required(true_image(batch))
    for name, codec in codecs.items():
        yield name, partial(_reconstructed, codec)


def _reconstructed(codec: Any, places: list[int], batch: dict[str, Any]) -> Tensor:
    return codec.detokenize(codec.tokenize(_required(true_image(batch)))).float()


def _required(images: Tensor | None) -> Tensor:
    assert images is not None
    return images


def _distances(images: Tensor, truth: Tensor | None) -> dict[str, Tensor]:
    from torchmetrics.functional.image import structural_similarity_index_measure

    from zoo.images import to_unit

    if truth is None:
        return {}
    images = images.clamp(-1, 1)
    squared = (to_unit(images) - to_unit(truth)).square().mean((1, 2, 3))
    similarity = structural_similarity_index_measure(to_unit(images), to_unit(truth), data_range=1.0, reduction="none")
    return {
        "l1": (images - truth).abs().mean((1, 2, 3)),
        # 60 dB is finer than what eight bits can say
        "psnr": -10 * squared.clamp_min(1e-6).log10(),
        "ssim": similarity.reshape(len(images)),
    }
