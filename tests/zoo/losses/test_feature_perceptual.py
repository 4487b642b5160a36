"""The perceptual loss of the embedded world."""

import pytest
import torch

from zoo.backbones.base import Backbone
from zoo.losses.feature_perceptual import FeaturePerceptualLoss


class _Halves(Backbone):
    """Gives the image itself, and every second pixel of it."""

    channels = (3, 3)

    def forward(self, images):
        return images, images[..., ::2, ::2]


@pytest.fixture(autouse=True)
def _network(monkeypatch):
    monkeypatch.setattr("zoo.bundles.load", lambda _path: _Halves())


def test_it_is_the_mean_squared_distance_of_unit_vectors_over_levels(generator):
    x, y = torch.rand(2, 2, 3, 4, 4, generator=generator) + 0.1
    expected = []
    for a, b in zip(_Halves()(x.double()), _Halves()(y.double()), strict=True):
        a, b = a / a.norm(dim=1, keepdim=True), b / b.norm(dim=1, keepdim=True)
        expected.append(float((a - b).square().sum(1).mean()))
    assert float(FeaturePerceptualLoss()(x, y)) == pytest.approx(sum(expected) / 2, rel=1e-4)


def test_opposite_features_are_four_apart():
    images = torch.ones(1, 3, 4, 4)
    assert float(FeaturePerceptualLoss()(-images, images)) == pytest.approx(4.0)


def test_what_is_no_backbone_is_refused_by_name(monkeypatch):
    from zoo.discriminators.patch import PatchDiscriminator

    monkeypatch.setattr("zoo.bundles.load", lambda _path: PatchDiscriminator(channels=4))
    images = torch.zeros(1, 3, 8, 8)
    with pytest.raises(TypeError, match=r"must be the path of a backbone.*PatchDiscriminator"):
        FeaturePerceptualLoss()(images, images)
