"""Mirroring and other light."""

import numpy as np
import pytest
import torch

from datamodules.alignment import five_points
from datamodules.augmentation import (
    MIRRORED_PARAMETERS,
    MIRRORED_POINTS,
    NUM_DRAWS,
    Augmentation,
    is_mirrored,
    mirror,
    mirror_landmarks,
)
from datamodules.face_sampling import parameter_names
from zoo.faces import FaceParameters, FaceRenderer, sample_faces
from zoo.images import check_signed


def _faces(count=4):
    seeds = torch.arange(count)
    return sample_faces(seeds, seeds, seeds, nuisance=False)


def _batch(faces):
    rendered = FaceRenderer(64)(faces)
    return {
        "image": rendered.images,
        "reference": FaceRenderer(64)(faces.neutral()).images,
        "landmarks": rendered.landmarks,
        "visible": rendered.visible,
        "regions": rendered.regions,
        "parameters": faces.table()[1],
        "occurrence": torch.ones(len(faces), 12, dtype=torch.bool),
    }


def test_mirrored_points_are_pairs():
    assert sorted(MIRRORED_POINTS) == list(range(68))
    assert all(MIRRORED_POINTS[MIRRORED_POINTS[point]] == point for point in range(68))
    assert [point for point in range(68) if MIRRORED_POINTS[point] == point] == [8, 27, 28, 29, 30, 33, 51, 57, 62, 66]


def test_mirrored_landmarks_lie_where_the_mirrored_face_has_them():
    # A frontal face is nearly its own mirror image: without swapping the sides, points would be half a face off.
    faces = _faces()
    view = {**faces.view, **{name: torch.zeros_like(faces.view[name]) for name in ("yaw", "roll")}}
    view["shift"] = torch.zeros_like(faces.view["shift"])
    faces = FaceParameters(faces.identity, view, faces.activation * 0, faces.nuisance)
    batch = _batch(faces)
    flipped = mirror(batch, torch.ones(4, dtype=torch.bool))
    assert (flipped["landmarks"] - batch["landmarks"]).norm(dim=-1).median() < 0.7
    unswapped = batch["landmarks"].clone()
    unswapped[..., 0] = 64 - unswapped[..., 0]
    assert (unswapped - batch["landmarks"]).norm(dim=-1).median() > 5


def test_mirrored_regions_and_images_go_together():
    batch = _batch(_faces())
    flipped = mirror(batch, torch.tensor([True, False, True, False]))
    assert torch.equal(flipped["image"][0], batch["image"][0].flip(-1))
    assert torch.equal(flipped["regions"][0], batch["regions"][0].flip(-1))
    for name in ("image", "landmarks", "regions", "parameters", "visible"):
        assert torch.equal(flipped[name][1], batch[name][1]), name
    # a landmark of the mouth's corner still lies in or beside a lip
    for sample in range(4):
        x, y = flipped["landmarks"][sample, 48].long().tolist()
        around = flipped["regions"][sample, max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3]
        assert {8, 9, 10} & set(around.flatten().tolist())


def test_mirrored_parameters_are_those_of_a_mirrored_head():
    names = parameter_names()
    assert set(MIRRORED_PARAMETERS) <= set(names)
    batch = _batch(_faces())
    flipped = mirror(batch, torch.ones(4, dtype=torch.bool), parameter_names=names)
    yaw, pitch = names.index("yaw"), names.index("pitch")
    assert torch.equal(flipped["parameters"][:, yaw], -batch["parameters"][:, yaw])
    assert torch.equal(flipped["parameters"][:, pitch], batch["parameters"][:, pitch])


def test_mirroring_twice_gives_the_batch_back():
    batch = _batch(_faces())
    both = torch.ones(4, dtype=torch.bool)
    again = mirror(mirror(batch, both, parameter_names=parameter_names()), both, parameter_names=parameter_names())
    assert torch.allclose(again.pop("landmarks"), batch["landmarks"], atol=1e-5)
    assert all(torch.equal(again[name], batch[name]) for name in again)


def test_a_face_and_its_reference_change_by_the_same_map():
    image = torch.rand(3, 3, 8, 8) * 2 - 1
    batch = Augmentation()({"image": image, "reference": image.flip(-2)}, torch.rand(3, NUM_DRAWS))
    assert torch.allclose(batch["image"], batch["reference"].flip(-2), atol=1e-6)
    check_signed(batch["image"])
    assert not torch.allclose(batch["image"], image, atol=0.01)


def test_a_sample_does_not_depend_on_its_batch():
    image, draws = torch.rand(5, 3, 8, 8) * 2 - 1, torch.rand(5, NUM_DRAWS)
    together = Augmentation()({"image": image}, draws)["image"]
    alone = Augmentation()({"image": image[2:3]}, draws[2:3])["image"]
    assert torch.allclose(together[2:3], alone, atol=1e-6)


def test_draws_in_the_middle_change_nothing():
    image = torch.rand(2, 3, 8, 8) * 2 - 1
    result = Augmentation()({"image": image}, torch.full((2, NUM_DRAWS), 0.5))["image"]
    assert torch.allclose(result, image, atol=1e-5)


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation", "gamma"])
def test_each_change_can_be_turned_off(name):
    image = torch.rand(2, 3, 8, 8) * 1.6 - 0.8
    off = {"brightness": 0.0, "contrast": 0.0, "saturation": 0.0, "gamma": 0.0}
    draws = torch.full((2, NUM_DRAWS), 0.9)
    assert torch.allclose(Augmentation(**off)({"image": image}, draws)["image"], image, atol=1e-5)
    assert not torch.allclose(Augmentation(**{**off, name: 0.2})({"image": image}, draws)["image"], image, atol=1e-3)


def test_sides_change_sides_in_a_mirror():
    side = torch.tensor([[0, 1, 2], [0, 1, 2]], dtype=torch.int8)
    batch = {"image": torch.zeros(2, 3, 4, 4), "side": side}
    assert mirror(batch, torch.tensor([True, False]))["side"].tolist() == [[0, 2, 1], [0, 1, 2]]


def test_fewer_landmarks_are_mirrored_as_those_of_all():
    everything = _batch(_faces())["landmarks"]
    five = torch.from_numpy(np.stack([five_points(points.numpy()) for points in everything]))
    mirrored = mirror_landmarks(everything, width=64)
    expected = torch.from_numpy(np.stack([five_points(points.numpy()) for points in mirrored]))
    assert torch.allclose(mirror_landmarks(five, width=64), expected, atol=1e-4)
    inner = [point for point in range(17, 68) if point not in (60, 64)]
    assert torch.equal(mirror_landmarks(everything[:, inner], width=64), mirrored[:, inner])


def test_the_mirror_of_a_batch_is_that_of_its_draws():
    image = torch.rand(64, 3, 4, 4) * 2 - 1
    draws = torch.rand(64, NUM_DRAWS)
    off = {"brightness": 0.0, "contrast": 0.0, "saturation": 0.0, "gamma": 0.0}
    result = Augmentation(**off)({"image": image}, draws)["image"]
    flipped = is_mirrored(draws)
    assert 16 < flipped.sum() < 48
    assert torch.allclose(result[flipped], image[flipped].flip(-1), atol=1e-5)
    assert torch.allclose(result[~flipped], image[~flipped], atol=1e-5)
