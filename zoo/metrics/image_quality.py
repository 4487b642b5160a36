"""How near generated images are to real ones as a set: FID, KID and IS, from one pass through one network."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from zoo.metrics.feature_distances import (
    frechet_distances,
    inception_score,
    kernel_distance,
    kernel_distance_of_subsets,
)
from zoo.metrics.feature_networks import FeatureNetwork, InceptionFeatures, as_pixels
from zoo.metrics.indexed import IndexedMetric

_LOG = logging.getLogger(__name__)
_STANDARD = {"inception": "", "clean_inception": "clean_"}


class ImageQuality(IndexedMetric):
    """Compare generated images with real ones by the features of one network.

    ``compute`` gives a dictionary. With the published Inception network:

    - ``fid`` (Heusel et al. 2017), lower is better; ``fid_extrapolated``, for sets of infinite size; ``fid_floor``, of
      two halves of the real images. FID is too high by an amount that depends on the number of images: compare it at
      equal numbers alone.
    - ``kid`` (Binkowski et al. 2018), over all pairs, without bias; lower is better; ``kid_low`` and ``kid_high``, an
      interval over subjects; ``kid_subsets`` and ``kid_subsets_deviation``, over random subsets, as often printed.
    - ``inception_score`` and ``inception_score_deviation`` (Salimans et al. 2016), of generated images; higher is
      better.
    - ``num_generated`` and ``num_real``.

    With any other network the first two are named for what they are: ``frechet_distance_NAME_features`` and
    ``kernel_distance_NAME_features``, and there is no score; with another resizing all begin with ``clean_``. Images
    are rounded to 8 bits first, as files store them. A figure is NaN where images are too few for it.

    Args:
        network: Whose features are compared; None is Inception with the published weights.
        seed: Decides halves, subsets and splits.
        level: Share of the interval.
        **options: As for every ``torchmetrics.Metric``.

    Example:
        >>> from zoo.metrics.feature_networks import TrainedFeatures
        >>> metric = ImageQuality(TrainedFeatures("models/perceptual"))
        >>> images = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
        >>> metric.update(images, real=True, index=range(4))
        >>> metric.update(images, real=False, index=range(4))
        >>> round(float(metric.compute()["frechet_distance_perceptual_features"]), 4)
        0.0
    """

    features: list[Tensor]
    logits: list[Tensor]
    real: list[Tensor]

    def __init__(
        self, network: FeatureNetwork | None = None, *, seed: int = 0, level: float = 0.95, **options: Any
    ) -> None:
        network = network or InceptionFeatures()
        super().__init__({"features": (network.dim,), "logits": (network.num_classes,), "real": ()}, **options)
        self.network = network
        self.seed, self.level = seed, level

    def update(
        self,
        images: UInt8[Tensor, "batch 3 height width"] | Float[Tensor, "batch 3 height width"],
        *,
        real: bool,
        index: Int[Tensor, " batch"] | Sequence[int] | None = None,
        subject: Sequence[str] | None = None,
    ) -> None:
        """Look at one batch.

        Args:
            images: Pixels, or floats in [0, 1]; RGB, of any size.
            real: Whether these are real images.
            index: Number of each among the generated or the real ones.
            subject: Who each shows.

        Raises:
            ValueError: Floats are outside [0, 1].
        """
        features, logits = self.network(as_pixels(images, owner="ImageQuality"))
        # generated and real images are counted apart, so that each may have the index of the other
        places = None if index is None else 2 * torch.as_tensor(index) + int(real)
        kind = torch.full((len(features),), float(real), device=features.device)
        self._keep({"features": features, "logits": logits, "real": kind}, index=places, subject=subject)

    def compute(self) -> dict[str, Tensor]:
        """Give all figures.

        Raises:
            ValueError: Nothing was measured.
        """
        frames = self._frames()
        is_real = frames.columns["real"] > 0
        generated, real = frames.columns["features"][~is_real], frames.columns["features"][is_real]
        people: list[list[str] | None] = [None, None]
        if frames.has_subjects:
            names = list(zip(frames.subjects, is_real.tolist(), strict=True))
            people = [[person for person, kind in names if kind is which] for which in (False, True)]
        self._warn_of_size(min(len(generated), len(real)))
        name = self.network.name
        if name in _STANDARD:
            frechet_name, kernel_name = f"{_STANDARD[name]}fid", f"{_STANDARD[name]}kid"
        else:
            frechet_name, kernel_name = f"frechet_distance_{name}_features", f"kernel_distance_{name}_features"
        frechet = frechet_distances(generated, real, seed=self.seed)
        kernel = kernel_distance(generated, real, first_subjects=people[0], second_subjects=people[1], level=self.level)
        subsets, deviation = kernel_distance_of_subsets(generated, real, seed=self.seed)
        figures = {
            frechet_name: frechet.whole,
            f"{frechet_name}_extrapolated": frechet.extrapolated,
            f"{frechet_name}_floor": frechet.floor,
            kernel_name: kernel.value,
            f"{kernel_name}_low": kernel.low,
            f"{kernel_name}_high": kernel.high,
            f"{kernel_name}_subsets": subsets,
            f"{kernel_name}_subsets_deviation": deviation,
        }
        if name in _STANDARD and len(generated):
            score, deviation = inception_score(frames.columns["logits"][~is_real], seed=self.seed)
            score_name = f"{_STANDARD[name]}inception_score"
            figures |= {score_name: score, f"{score_name}_deviation": deviation}
        figures |= {"num_generated": float(len(generated)), "num_real": float(len(real))}
        return {name: torch.tensor(value, dtype=torch.double) for name, value in figures.items()}

    def _warn_of_size(self, count: int) -> None:
        if 2 <= count <= self.network.dim:
            _LOG.warning(
                "ImageQuality: %d images against %d features: covariances have no full rank, and the Fréchet distance "
                "is far too high. Read its floor and the kernel distance beside it.",
                count,
                self.network.dim,
            )
