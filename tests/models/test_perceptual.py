"""The committed perceptual network sees faces: its distance grows with damage, and counts AUs, on held-out people."""

import dataclasses

import pytest
import torch
from kornia.filters import gaussian_blur2d
from torch.nn import functional

from zoo.faces import IDENTITY_RANGES, FaceParameters, FaceRenderer, sample_faces
from zoo.losses.feature_perceptual import FeaturePerceptualLoss

NUM = 24


@pytest.fixture(scope="module")
def faces():
    seeds = torch.arange(NUM) + IDENTITY_RANGES["test"].start
    return sample_faces(seeds, seeds + 5, seeds + 7, trace=False, nuisance=False)


@pytest.fixture(scope="module")
def render():
    renderer = FaceRenderer(64)

    def images(parameters: FaceParameters) -> torch.Tensor:
        with torch.no_grad():
            return renderer(parameters).images

    return images


@pytest.fixture(scope="module")
def distance():
    loss = FeaturePerceptualLoss()

    def each(left, right):
        with torch.no_grad():
            return torch.stack([loss(a[None], b[None]) for a, b in zip(left, right, strict=True)])

    return each


def blurred(images, amount):
    return gaussian_blur2d(images, (7, 7), (amount, amount))


def noisy(images, amount):
    return (images + amount * torch.randn(images.shape, generator=torch.Generator().manual_seed(1))).clamp(-1, 1)


def warped(images, amount):
    down, across = torch.meshgrid(torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 64), indexing="ij")
    wave = amount * torch.sin(4 * torch.stack((down, across), -1))
    grid = torch.stack((across, down), -1) + wave
    return functional.grid_sample(
        images, grid.expand(len(images), -1, -1, -1), padding_mode="border", align_corners=True
    )


@pytest.mark.parametrize(
    ("damage", "amounts"),
    [(blurred, (0.4, 0.7, 1.2, 2.5)), (noisy, (0.02, 0.05, 0.1, 0.3)), (warped, (0.01, 0.02, 0.04, 0.08))],
)
def test_distance_grows_with_damage(faces, render, distance, damage, amounts):
    images = render(faces)
    distances = torch.stack([distance(damage(images, amount), images) for amount in amounts])
    assert (distances[0] > 0).all()
    assert (distances.diff(dim=0) > 0).float().mean() > 0.98


def test_other_aus_lie_further_away_than_an_equally_large_change_of_light(faces, render, distance):
    images = render(faces)
    other_aus = render(faces.with_activation(faces.activation.mean(1).roll(1, 0)))
    other_light = render(_with_light_of(faces, faces[torch.arange(NUM).roll(1)]))
    # light adds up, so a part of the way to the other light is a light too: go as far as the AUs changed the pixels
    by_aus = (other_aus - images).square().mean((1, 2, 3), keepdim=True).sqrt()
    by_light = (other_light - images).square().mean((1, 2, 3), keepdim=True).sqrt()
    counted = ((by_aus < by_light) & (by_aus > 0.01)).flatten()
    assert counted.sum() >= NUM // 2
    equally_lit = images + by_aus / by_light * (other_light - images)
    further = distance(other_aus, images) > distance(equally_lit, images)
    assert further[counted].float().mean() >= 0.9


def _with_light_of(faces, others):
    light = {name: others.view[name] for name in ("light", "key", "ambient")}
    return dataclasses.replace(faces, view={**faces.view, **light})
