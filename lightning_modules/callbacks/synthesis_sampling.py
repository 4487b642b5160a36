"""Synthesise the faces of a batch while a model of stage II is trained or measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from zoo.sampling import Sampling


@dataclass(frozen=True)
class SampledFaces:
    """What came out, and what it is compared with.

    Attributes:
        images: The synthesised faces.
        truth: What should have come out: the true face where the data knows it, else the frame.
        coded: What the codec makes of that; None for pipelines without one.
    """

    images: Tensor
    truth: Tensor
    coded: Tensor | None


@torch.no_grad()
def sampled_faces(
    trainer: Any, pl_module: Any, batch: Any, sampling: Sampling, *, progress: Callable[[int, int], None] | None = None
) -> SampledFaces:
    """Synthesise each face of a batch from its reference and its prompt, its index the seed, in training's precision.

    Args:
        trainer: Knows the precision.
        pl_module: Has the ``pipeline``.
        batch: A :class:`datamodules.batch.FaceBatch`.
        sampling: How tokens are drawn.
        progress: Told after each pass of the generator how many are done, and of how many.
    """
    pipeline = pl_module.pipeline
    truth = batch.get("truth", batch["image"])
    with trainer.precision_plugin.forward_context():
        made = pipeline.synthesize(
            batch["reference"],
            batch["prompt"],
            occurrence=batch["occurrence"],
            intensity=batch["intensity"],
            seeds=batch["index"],
            sampling=sampling,
            progress=progress,
        )
        codec = getattr(pipeline, "codec", None)
        coded = None if codec is None else codec.detokenize(codec.tokenize(truth)).float()
    return SampledFaces(made.images.float(), truth, coded)


def advancing(advance: Callable[[int], None], count: int) -> Callable[[int, int], None]:
    """Turn passes of the generator over a batch into faces of a progress bar.

    Args:
        advance: Told how many faces more are done.
        count: Faces in the batch.

    Example:
        >>> told = []
        >>> progress = advancing(told.append, 3)
        >>> for done in range(1, 5):
        ...     progress(done, 4)
        >>> told
        [0, 1, 1, 1]
    """
    shown = 0

    def progress(done: int, total: int) -> None:
        nonlocal shown
        now = count * done // total
        advance(now - shown)
        shown = now

    return progress
