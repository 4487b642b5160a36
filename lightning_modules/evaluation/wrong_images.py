"""A check of the figures themselves: true images, of which ever more are exchanged for somebody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from lightning_modules.evaluation.alignment import Alignments
from lightning_modules.evaluation.contributions import Tally
from lightning_modules.evaluation.figures import Measured, in_order, value_of
from lightning_modules.evaluation.judging import Judgement, true_image
from lightning_modules.evaluation.set_distances import set_figures
from zoo.facs import AUS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from lightning_modules.evaluation.evaluation_set import EvaluationSet
    from lightning_modules.evaluation.judges import Judges
    from lightning_modules.evaluation.judging import ImageSource


def true_source(places: list[int], batch: dict[str, Any]) -> Tensor:
    """Give the true images."""
    found = true_image(batch)
    assert found is not None
    return found


def wrong_source(frames: EvaluationSet) -> ImageSource:
    """Give for each frame the true image of one that shows somebody else."""
    strangers = frames.strangers()

    def source(places: list[int], batch: dict[str, Any]) -> Tensor:
        others = strangers[places].tolist()
        ((_, found),) = frames.batches(len(others), others)
        return true_source(others, found)

    return source


def wrong_path(
    frames: EvaluationSet,
    judges: Judges,
    *,
    true: Judgement,
    wrong: Judgement,
    copied: Judgement,
    told: Tensor | None,
    shares: Sequence[float],
) -> dict[str, list[float]]:
    """Give every figure for each share of wrong images; a larger share has the same ones and more.

    Args:
        frames: The set.
        judges: Who judged.
        true: What they say of the true images.
        wrong: What they say of the images of others.
        copied: What they say of the references.
        told: AU probabilities of the descriptions; None where nobody reads texts.
        shares: From 0 to 1.
    """
    tally = Tally(
        frames,
        copied=copied,
        true=true,
        aus=AUS if judges.recognizer is None else judges.recognizer.aus,
        told=told,
        bounds=Alignments().bounds(frames, true, told),
    )
    order = torch.randperm(len(frames), generator=torch.Generator().manual_seed(0))
    network = None if judges.features is None else judges.features.name
    found: dict[str, list[float]] = {}
    for share in shares:
        shown = mixed(true, wrong, order[: round(share * len(frames))])
        row = Measured("mixed", [tally.contributions(shown)])
        values = {name: value_of(row, name, tally.subjects) for name in in_order(row.members[0])}
        if network is not None:
            values |= set_figures([shown], true, network=network, subjects=tally.subjects)
        for name, value in values.items():
            if value is not None:
                found.setdefault(name, []).append(value["value"])
    return {name: values for name, values in found.items() if len(values) == len(shares)}


def mixed(true: Judgement, wrong: Judgement, places: Tensor) -> Judgement:
    """Give judgements of true images, but for those of some places."""

    def mix(one: Tensor | None, other: Tensor | None) -> Tensor | None:
        if one is None or other is None:
            return None
        together = one.clone()
        together[places] = other[places]
        return together

    distances = {name: mix(values, wrong.distances[name]) for name, values in true.distances.items()}
    return Judgement(
        probability=mix(true.probability, wrong.probability),
        embedding=mix(true.embedding, wrong.embedding),
        features=mix(true.features, wrong.features),
        logits=mix(true.logits, wrong.logits),
        distances={name: values for name, values in distances.items() if values is not None},
    )
