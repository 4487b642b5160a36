"""Alignment Accuracy of AU probability Distributions (AAAD), with all that is needed to read it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from zoo.facs import AUS
from zoo.images import check_unit
from zoo.metrics.au_alignment import Alignment, AlignmentReading, alignment, cosines
from zoo.metrics.bootstrap import bootstrap_over_subjects
from zoo.metrics.indexed import Frames, IndexedMetric
from zoo.shapes import Probability


class AAAD(IndexedMetric):
    """Alignment Accuracy of AU probability Distributions (equation 7 and Appendix F.4 of the paper). Higher is better.

    The mean cosine of what a recogniser sees in generated images and what is told of their descriptions, on a scale
    from Cmin (the smallest cosine of shuffled real pairs) to Cmax (the largest one of true real pairs). The defaults
    read the paper by its letter; :class:`zoo.metrics.au_alignment.AlignmentReading` has the other readings.

    ``compute`` gives a dictionary:

    - ``aaad``; ``aaad_low`` and ``aaad_high``, an interval by resampling subjects with Cmin and Cmax held.
    - ``cosine`` (C), ``cosine_low``, ``cosine_high``, ``cosine_max`` (Cmax), ``cosine_min`` (Cmin).
    - What C and AAAD are for real images (``cosine_real``, ``aaad_real``: the ceiling), real images with the
      descriptions of others (``..._shuffled``: chance), one constant face, the mean of the real ones
      (``..._constant``: chance too, which can lie high), and generated images with the descriptions of others
      (``..._mismatched``: what is left when descriptions are ignored). ``cosine_gain`` is C less the last one, what
      following descriptions brought, with an interval.
    - ``aaad_means``, with an interval: (C - mean of shuffled) / (mean of real - mean of shuffled), ends that depend
      neither on the number of frames nor much on the seed.
    - ``num_frames``, ``num_real``, and ``num_zero``: frames whose generated image or description is all zeros. Such a
      vector has no direction; its cosine is 0.
    - Where known labels are given, all of these again with ``_labels`` behind: labels instead of descriptions, and
      ends from labels too.

    A figure is NaN where what it stands on isn't there: Cmin and Cmax without real images or with fewer than two
    frames, and AAAD where Cmax isn't above Cmin. Duplicates are dropped by ``index``, and frames sorted by it, so
    figures are the same however many processes saw the frames, in whatever order. All is done in float64 on the CPU.

    Args:
        shuffle_seed: Decides the shuffled pairs.
        num_shuffles: How many times pairs are shuffled.
        pairs: ``shuffled``, or ``all`` pairs of a face with another's description.
        ends: What Cmax and Cmin are: ``extremes``, ``percentiles`` (99th and 1st) or ``means``.
        ends_from: Whose pairs they are taken from, ``real`` or ``generated`` images'.
        averaged: Whether C is the mean of ``cosines`` or the cosine of mean ``vectors``.
        centred: Whether means over the test set are taken away first.
        bounds: Cmin and Cmax from elsewhere: one pair for a whole table, or for a test set that has no real images.
        label_bounds: The same for labels in the place of descriptions.
        num_aus: Length of the vectors.
        num_resamples: How often subjects are drawn for the intervals.
        level: Share of resamples inside the intervals.
        **options: As for every ``torchmetrics.Metric``.

    Example:
        >>> metric = AAAD(num_aus=2)
        >>> described = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
        >>> metric.update(torch.tensor([[1.0, 0.0], [1.0, 1.0]]), described, described, index=[0, 1])
        >>> result = metric.compute()
        >>> [round(float(result[name]), 4) for name in ("cosine", "cosine_min", "cosine_max", "aaad")]
        [0.8536, 0.0, 1.0, 0.8536]
    """

    higher_is_better = True

    generated: list[Tensor]
    described: list[Tensor]
    real: list[Tensor]
    labels: list[Tensor]

    def __init__(
        self,
        *,
        shuffle_seed: int = 0,
        num_shuffles: int = 1,
        pairs: Literal["shuffled", "all"] = "shuffled",
        ends: Literal["extremes", "percentiles", "means"] = "extremes",
        ends_from: Literal["real", "generated"] = "real",
        averaged: Literal["cosines", "vectors"] = "cosines",
        centred: bool = False,
        bounds: tuple[float, float] | None = None,
        label_bounds: tuple[float, float] | None = None,
        num_aus: int = len(AUS),
        num_resamples: int = 1000,
        level: float = 0.95,
        **options: Any,
    ) -> None:
        row = (num_aus,)
        super().__init__({"generated": row, "described": row, "real": row, "labels": row}, **options)
        self.reading = AlignmentReading(shuffle_seed, num_shuffles, pairs, ends, ends_from, averaged, centred)
        for name, given in (("bounds", bounds), ("label_bounds", label_bounds)):
            if given is not None and not given[0] < given[1]:
                message = f"AAAD: {name} must be (Cmin, Cmax) with Cmin below Cmax, got {tuple(given)}."
                raise ValueError(message)
        self.bounds, self.label_bounds = bounds, label_bounds
        self.num_resamples, self.level = num_resamples, level

    def update(
        self,
        generated: Probability,
        described: Probability,
        real: Probability | None = None,
        *,
        index: Int[Tensor, " batch"] | Sequence[int] | None = None,
        subject: Sequence[str] | None = None,
        labels: Bool[Tensor, "batch au"] | Float[Tensor, "batch au"] | None = None,
        known: Bool[Tensor, "batch au"] | None = None,
    ) -> None:
        """Keep one batch.

        Args:
            generated: Probabilities of AUs, in [0, 1], that a recogniser gives for the generated images.
            described: Probabilities that a recogniser of texts gives for their descriptions.
            real: Probabilities for the real images of the pairs; None, or rows of NaN, where there are none.
            index: Number of each frame in its data set.
            subject: Who each frame shows.
            labels: The AUs that were asked for: occurrence, or intensity divided by the largest one.
            known: Which labels are known; None stands for all.

        Raises:
            ValueError: A value is no probability.
        """
        check_probabilities(generated, "generated")
        check_probabilities(described, "described")
        absent = torch.full_like(generated, torch.nan)
        real = absent if real is None else real
        check_probabilities(real[~real.isnan().all(dim=1)], "real")
        if labels is None:
            told = absent
        else:
            told = labels.to(generated.dtype)
            told = told if known is None else torch.where(known, told, torch.nan)
            check_probabilities(told.nan_to_num(), "labels")
        rows = {
            "generated": generated,
            "described": described,
            "real": real,
            "labels": told,
        }
        self._keep(rows, index=index, subject=subject)

    def compute(self) -> dict[str, Tensor]:
        """Give all figures.

        Raises:
            ValueError: Nothing was measured.
        """
        frames = self._frames()
        figures = self._figures(frames, frames.columns["described"], None, self.bounds)
        known = ~frames.columns["labels"].isnan()
        some = known.any(dim=1)
        if some.any():
            chosen = Frames(
                {name: rows[some] for name, rows in frames.columns.items()},
                [person for person, is_known in zip(frames.subjects, some.tolist(), strict=True) if is_known],
                frames.index[some],
                frames.has_subjects,
            )
            by_labels = self._figures(chosen, chosen.columns["labels"].nan_to_num(), known[some], self.label_bounds)
            figures |= {f"{name}_labels": figure for name, figure in by_labels.items()}
        return {name: torch.tensor(figure, dtype=torch.double) for name, figure in figures.items()}

    def _figures(
        self, frames: Frames, told: Tensor, known: Tensor | None, bounds: tuple[float, float] | None
    ) -> dict[str, float]:
        """Give the figures of images against what is told of them."""
        generated, real = frames.columns["generated"], frames.columns["real"]
        found = alignment(generated, told, real, known=known, bounds=bounds, reading=self.reading)
        if self.reading.averaged == "vectors":
            shown = generated if known is None else generated * known
            low, high = self._interval(frames, torch.cat([shown, told], dim=1), _cosine_of_sums)
        else:
            low, high = self._interval(frames, _with_ones(found.own), _mean_of_sums)
        figures = {
            "aaad": found.normalised(found.average),
            "aaad_low": found.normalised(low),
            "aaad_high": found.normalised(high),
            "cosine": found.average,
            "cosine_low": low,
            "cosine_high": high,
            "cosine_max": found.high,
            "cosine_min": found.low,
        }
        gain = found.own - found.mismatched
        low, high = self._interval(frames, _with_ones(gain), _mean_of_sums)
        figures |= {"cosine_gain": float(gain.mean()), "cosine_gain_low": low, "cosine_gain_high": high}
        for name in ("real", "shuffled", "constant", "mismatched"):
            mean = float(getattr(found, name).nanmean())
            figures |= {f"cosine_{name}": mean, f"aaad_{name}": found.normalised(mean)}
        return figures | self._by_means(frames, found) | _counts(generated, told, real)

    def _by_means(self, frames: Frames, found: Alignment) -> dict[str, float]:
        """Give C on the scale from the mean of shuffled to the mean of true real pairs."""
        has_real = ~found.shuffled.isnan()
        if not has_real.any():
            return dict.fromkeys(("aaad_means", "aaad_means_low", "aaad_means_high"), float("nan"))
        ceiling, chance = found.real.nan_to_num() * has_real, found.shuffled.nan_to_num()
        contributions = torch.stack([found.own, torch.ones_like(found.own), ceiling, chance, has_real.double()], dim=1)
        low, high = self._interval(frames, contributions, _scaled_by_means)
        value = float(_scaled_by_means(contributions.sum(dim=0, keepdim=True)))
        return {"aaad_means": value, "aaad_means_low": low, "aaad_means_high": high}

    def _interval(
        self, frames: Frames, contributions: Tensor, statistic: Callable[[Tensor], Tensor]
    ) -> tuple[float, float]:
        return bootstrap_over_subjects(
            contributions, frames.subjects, statistic, num_resamples=self.num_resamples, level=self.level
        )


def check_probabilities(values: Probability, name: str) -> None:
    """Raise ``ValueError`` unless all values are finite and in [0, 1], within rounding."""
    try:
        check_unit(values, name)
    except ValueError as error:
        message = f"AAAD: {str(error).partition(' Convert')[0]} Recognisers give probabilities; logits need a sigmoid."
        raise ValueError(message) from None


def _counts(generated: Tensor, told: Tensor, real: Tensor) -> dict[str, float]:
    return {
        "num_frames": float(len(generated)),
        "num_real": float((~real.isnan().any(dim=1)).sum()),
        "num_zero": float(((generated == 0).all(dim=1) | (told == 0).all(dim=1)).sum()),
    }


def _with_ones(values: Tensor) -> Tensor:
    return torch.stack([values, torch.ones_like(values)], dim=1)


def _mean_of_sums(sums: Tensor) -> Tensor:
    return sums[:, 0] / sums[:, 1]


def _cosine_of_sums(sums: Tensor) -> Tensor:
    images, texts = sums.chunk(2, dim=1)
    return cosines(images, texts)


def _scaled_by_means(sums: Tensor) -> Tensor:
    own, frames, ceiling, chance, pairs = sums.unbind(dim=1)
    return (own / frames - chance / pairs) / (ceiling / pairs - chance / pairs)
