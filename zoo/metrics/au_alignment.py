"""How well the AUs of images agree with the AUs of descriptions: the arithmetic of AAAD."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

_CHUNK = 1024
_PERCENTILE = 0.01
_ROUNDING = 1e-7


@dataclass(frozen=True)
class AlignmentReading:
    """How Appendix F.4 of the paper is read; the defaults are its letter.

    Attributes:
        shuffle_seed: Decides who is paired with whose description in the shuffled pairs.
        num_shuffles: How many times the pairs are shuffled; the paper says nothing of more than one.
        pairs: ``shuffled`` takes each face once per shuffle; ``all`` every face with every other face's description,
            which needs no seed.
        ends: ``extremes`` takes the largest and smallest cosine, ``percentiles`` the 99th and 1st percentile,
            ``means`` the means of true and shuffled pairs.
        ends_from: ``real`` takes the ends from real images, ``generated`` from generated ones.
        averaged: ``cosines`` takes the mean of the cosines as C, ``vectors`` the cosine of the mean vectors.
        centred: Whether the mean over the test set is taken from images and descriptions before cosines are taken;
            of images, it is the mean of real ones where there are any.
    """

    shuffle_seed: int = 0
    num_shuffles: int = 1
    pairs: Literal["shuffled", "all"] = "shuffled"
    ends: Literal["extremes", "percentiles", "means"] = "extremes"
    ends_from: Literal["real", "generated"] = "real"
    averaged: Literal["cosines", "vectors"] = "cosines"
    centred: bool = False

    def __post_init__(self) -> None:
        choices = {
            "pairs": ("shuffled", "all"),
            "ends": ("extremes", "percentiles", "means"),
            "ends_from": ("real", "generated"),
            "averaged": ("cosines", "vectors"),
        }
        for name, known in choices.items():
            if getattr(self, name) not in known:
                message = f"AAAD: {name} must be one of {', '.join(known)}, got {getattr(self, name)!r}."
                raise ValueError(message)
        if self.num_shuffles < 1:
            message = f"AAAD: num_shuffles must be at least 1, got {self.num_shuffles}."
            raise ValueError(message)
        if self.centred and self.averaged == "vectors":
            message = "AAAD: averaged must be 'cosines' where centred, got 'vectors'. A centred mean has no direction."
            raise ValueError(message)
        if self.pairs == "all" and self.ends == "percentiles":
            message = (
                "AAAD: ends must be 'extremes' or 'means' where pairs is 'all', got 'percentiles'. Shuffle instead."
            )
            raise ValueError(message)


@dataclass(frozen=True)
class Alignment:
    """Cosines between AUs of images and AUs of descriptions.

    Attributes:
        own: Of each generated image and its description.
        mismatched: Of generated images and the descriptions of others, a mean for each description.
        real: Of each real image and its description; NaN where there is no real image.
        shuffled: Of real images and the descriptions of others, a mean for each description; NaN likewise.
        constant: Of the mean real image and each description; NaN where there is no real image at all.
        average: C.
        low: Cmin.
        high: Cmax.
    """

    own: Float[Tensor, " frame"]
    mismatched: Float[Tensor, " frame"]
    real: Float[Tensor, " frame"]
    shuffled: Float[Tensor, " frame"]
    constant: Float[Tensor, " frame"]
    average: float
    low: float
    high: float

    def normalised(self, cosine: float) -> float:
        """Give (cosine - Cmin) / (Cmax - Cmin), equation 7's norm; NaN unless Cmax is above Cmin."""
        return (cosine - self.low) / (self.high - self.low) if self.high > self.low else float("nan")


def alignment(
    generated: Float[Tensor, "frame au"],
    described: Float[Tensor, "frame au"],
    real: Float[Tensor, "frame au"],
    *,
    known: Bool[Tensor, "frame au"] | None = None,
    bounds: tuple[float, float] | None = None,
    reading: AlignmentReading | None = None,
) -> Alignment:
    """Compare the AUs of images with the AUs of descriptions (equation 7 and Appendix F.4).

    C is the mean cosine of generated images and their descriptions, Cmax the largest cosine of real images and their
    descriptions, Cmin the smallest one of real images and others' descriptions, where the shuffle leaves no image with
    its own. All of it in float64.

    Args:
        generated: Probabilities that a recogniser gives for the generated images.
        described: Probabilities that a recogniser of texts gives for the descriptions, or known labels.
        real: Probabilities of the real images of the pairs; a row of NaN where there is none.
        known: Which AUs of ``described`` count; None stands for all.
        bounds: Cmin and Cmax of another test set, to be used instead.
        reading: How the paper is read.
    """
    reading = reading or AlignmentReading()
    generated, described, real = generated.double(), described.double(), real.double()
    known = torch.ones_like(described, dtype=torch.bool) if known is None else known
    has_real = ~real.isnan().any(dim=1)
    if reading.centred:
        middle = (real[has_real] if has_real.any() else generated).mean(dim=0)
        described = _settled(described - _known_mean(described, known))
        generated, real = _settled(generated - middle), _settled(real - middle)
    nan = torch.full((len(generated),), torch.nan, dtype=torch.double)
    own = cosines(generated, described, known=known)
    mismatched = _others(generated, described, known, reading).mean
    paired, shuffled, constant = nan, nan.clone(), nan
    low = high = float("nan")
    if has_real.any():
        faces, texts, shown = real[has_real], described[has_real], known[has_real]
        paired = nan.masked_scatter(has_real, cosines(faces, texts, known=shown))
        others = _others(faces, texts, shown, reading)
        shuffled = nan.masked_scatter(has_real, others.mean)
        mean_face = faces.mean(dim=0)
        constant = cosines(
            (_settled(mean_face) if reading.centred else mean_face).expand_as(described), described, known=known
        )
    if bounds is not None:
        low, high = bounds
    elif reading.ends_from == "generated":
        low, high = _ends(own, _others(generated, described, known, reading), reading)
    elif has_real.any():
        low, high = _ends(paired[has_real], others, reading)
    if reading.averaged == "vectors":
        average = float(cosines((generated * known).mean(0, keepdim=True), (described * known).mean(0, keepdim=True)))
    else:
        average = float(own.mean())
    return Alignment(own, mismatched, paired, shuffled, constant, average, low, high)


def cosines(
    first: Float[Tensor, "frame au"],
    second: Float[Tensor, "frame au"],
    *,
    known: Bool[Tensor, "frame au"] | None = None,
) -> Float[Tensor, " frame"]:
    """Give the cosine of each row with its counterpart, over known AUs; 0 where a row is all zeros.

    A vector of zeros has no direction, so no agreement can be claimed for it, not even with another such vector.
    """
    if known is not None:
        first, second = first * known, second * known
    lengths = first.norm(dim=1) * second.norm(dim=1)
    products = (first * second).sum(dim=1)
    return torch.where(lengths > 0, products / lengths, 0.0).clamp(-1.0, 1.0)


def partners(count: int, *, seed: int, num_shuffles: int = 1) -> Int[Tensor, "shuffle frame"]:
    """Give every frame another one, by random permutations that are one cycle each: nobody is left with himself.

    Empty where there are fewer than two frames.
    """
    if count < 2:
        return torch.empty(0, count, dtype=torch.long)
    generator = torch.Generator().manual_seed(seed)
    found = torch.empty(num_shuffles, count, dtype=torch.long)
    for row in found:
        order = torch.randperm(count, generator=generator)
        row[order] = order.roll(1)
    return found


@dataclass(frozen=True)
class _Others:
    """Cosines with others: a mean for each frame, the smallest of all, and all of them where they are few."""

    mean: Float[Tensor, " frame"]
    smallest: float
    every: Float[Tensor, " pair"]


def _others(faces: Tensor, texts: Tensor, known: Tensor, reading: AlignmentReading) -> _Others:
    """Compare faces with the descriptions of others."""
    count = len(faces)
    if count < 2:
        return _Others(torch.full((count,), torch.nan, dtype=torch.double), float("nan"), texts.new_zeros(0))
    if reading.pairs == "all":
        return _all_others(faces, texts, known)
    found = torch.stack(
        [
            cosines(faces[other], texts, known=known)
            for other in partners(count, seed=reading.shuffle_seed, num_shuffles=reading.num_shuffles)
        ]
    )
    return _Others(found.mean(dim=0), float(found.min()), found.flatten())


def _all_others(faces: Tensor, texts: Tensor, known: Tensor) -> _Others:
    """Compare every face with every other face's description, some rows at a time."""
    texts, shown = texts * known, known.double()
    means, smallest = [], float("inf")
    for start in range(0, len(texts), _CHUNK):
        rows = slice(start, start + _CHUNK)
        lengths = texts[rows].norm(dim=1, keepdim=True) * (shown[rows] @ faces.square().T).sqrt()
        found = torch.where(lengths > 0, texts[rows] @ faces.T / lengths, 0.0).clamp(-1.0, 1.0)
        place = torch.arange(len(found))
        found[place, place + start] = torch.inf
        smallest = min(smallest, float(found.min()))
        found[place, place + start] = 0.0
        means.append(found.sum(dim=1) / (len(faces) - 1))
    return _Others(torch.cat(means), smallest, texts.new_zeros(0))


def _ends(paired: Tensor, others: _Others, reading: AlignmentReading) -> tuple[float, float]:
    """Give Cmin and Cmax."""
    if reading.ends == "means":
        return float(others.mean.mean()), float(paired.mean())
    if reading.ends == "extremes" or not len(others.every):
        return others.smallest, float(paired.max())
    return float(others.every.quantile(_PERCENTILE)), float(paired.quantile(1 - _PERCENTILE))


def _known_mean(values: Tensor, known: Tensor) -> Tensor:
    """Give the mean of each AU over the frames where it is known, 0 where it never is."""
    return (values * known).sum(dim=0) / known.sum(dim=0).clamp(min=1)


def _settled(values: Tensor) -> Tensor:
    """Make zero what only rounding of float32 keeps from being zero, so that it has no direction."""
    return torch.where(values.abs() < _ROUNDING, 0.0, values)
