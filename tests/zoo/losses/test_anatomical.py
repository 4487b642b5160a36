"""Equation 5, and the recogniser behind it."""

import pytest
import torch

from zoo.losses.anatomical import AnatomicalLoss


def test_it_is_the_mean_squared_difference_of_features(monkeypatch, generator):
    from zoo.recognizers.base import Recognizer

    class Halves(Recognizer):
        aus = (1, 2)

        def forward(self, images):
            raise NotImplementedError

        def features(self, images):
            return images.flatten(1).unflatten(1, (2, -1))

    monkeypatch.setattr("zoo.bundles.load", lambda _path: Halves())
    x, y = torch.rand(2, 2, 3, 4, 4, generator=generator)
    assert float(AnatomicalLoss()(x, y)) == pytest.approx(float((x.double() - y.double()).square().mean()), rel=1e-5)


def test_what_is_no_recogniser_is_refused_by_name(monkeypatch):
    from zoo.discriminators.patch import PatchDiscriminator

    monkeypatch.setattr("zoo.bundles.load", lambda _path: PatchDiscriminator(channels=4))
    images = torch.zeros(1, 3, 8, 8)
    with pytest.raises(TypeError, match=r"must be the path of an AU recogniser.*PatchDiscriminator"):
        AnatomicalLoss(recognizer="models/other")(images, images)


def test_a_missing_recogniser_is_named(tmp_path):
    images = torch.zeros(1, 3, 8, 8)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        AnatomicalLoss(recognizer=str(tmp_path / "nowhere"))(images, images)
