"""How near a system's pictures are to the true images as a set: FID and its kin, by the names of what they stand on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.metrics.feature_distances import frechet_distances, inception_score, kernel_distance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lightning_modules.evaluation.judging import Judgement

_STANDARD = {
    "inception": ("fid", "kid", "inception_score"),
    "clean_inception": ("clean_fid", "clean_kid", "clean_inception_score"),
}


def set_figures(
    judgements: Sequence[Judgement], true: Judgement, *, network: str, subjects: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Give each distance as a mean over models, with the mean of their intervals where there are any.

    A system of one model has its own interval. That of a Fréchet distance isn't given: resampling frames repeats some,
    which alone makes it larger; ``floor`` is what two halves of the true images have, ``extrapolated`` what sets of
    infinite size would.

    Args:
        judgements: Of each model of a system.
        true: Of the true images.
        network: Name of the network whose features are compared.
        subjects: Who each frame shows.
    """
    if true.features is None or any(each.features is None for each in judgements):
        return {}
    people = list(subjects)
    frechet_name, kernel_name, score_name = _STANDARD.get(
        network, (f"frechet_distance_{network}_features", f"kernel_distance_{network}_features", "")
    )
    found: dict[str, list[dict[str, float]]] = {}
    for each in judgements:
        assert each.features is not None
        frechet = frechet_distances(each.features, true.features)
        found.setdefault(frechet_name, []).append(
            {"value": frechet.whole, "extrapolated": frechet.extrapolated, "floor": frechet.floor}
        )
        kernel = kernel_distance(each.features, true.features, first_subjects=people, second_subjects=people)
        found.setdefault(kernel_name, []).append({"value": kernel.value, "low": kernel.low, "high": kernel.high})
        if score_name and each.logits is not None:
            found.setdefault(score_name, []).append({"value": inception_score(each.logits)[0]})
    return {name: _averaged(values) for name, values in found.items()}


def _averaged(values: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    means = {name: sum(each[name] for each in values) / len(values) for name in values[0]}
    return {"low": None, "high": None, **means, "members": [each["value"] for each in values]}
