"""Regions of AUs: where rendered AUs change the face, and where their landmarks are."""

import math

import pytest
import torch

from datamodules.augmentation import mirror_landmarks
from zoo.faces import FaceRenderer, sample_faces
from zoo.facs import AUS
from zoo.facs.action_units import ACTION_UNITS
from zoo.metrics.au_regions import AU_REGIONS, au_regions

SIZE = 64


@pytest.fixture(scope="module")
def faces():
    seeds = torch.arange(2)
    return sample_faces(seeds + 11, seeds + 400, seeds).neutral()


@pytest.fixture(scope="module")
def rendered(faces):
    return FaceRenderer(SIZE)(faces)


def turned(points, angle):
    turn = torch.tensor([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    return (points - SIZE / 2) @ turn + SIZE / 2


def test_each_au_changes_its_region_far_more_than_the_rest(faces, rendered):
    """What the renderer draws knows nothing of the regions, which come from landmarks and FACS alone."""
    regions = au_regions(rendered.landmarks, image_size=SIZE, side=SIZE)
    each_face = torch.arange(len(faces)).repeat_interleave(len(AUS))
    acting = faces[each_face].with_activation(0.8 * torch.eye(len(AUS)).repeat(len(faces), 1))
    changes = (FaceRenderer(SIZE)(acting).images - rendered.images[each_face]).abs().mean(1)
    for au, unit in enumerate(ACTION_UNITS):
        change = changes[au :: len(AUS)]
        inside = (change * regions[:, au]).sum((1, 2)) / change.sum((1, 2))
        assert (inside / regions[:, au].float().mean((1, 2)) > 4).all(), unit
        # no other AU's region of the other half of the face explains the change better
        shares = regions.float().mean((2, 3))
        ratios = (change[:, None] * regions).sum((2, 3)) / change.sum((1, 2))[:, None] / shares
        upper = torch.tensor([each.number <= 7 for each in ACTION_UNITS])
        other_half = upper != upper[au]
        assert (ratios[:, au] > ratios[:, other_half].amax(1)).all(), unit


def test_cells_are_inside_by_their_distance_to_the_strokes():
    """AU14 is short strokes at the corners of the mouth: compared with distances along 200 points of each."""
    points = torch.rand(2, 68, 2, generator=torch.Generator().manual_seed(0)) * SIZE
    region = AU_REGIONS[14]
    assert region.up == 0
    eyes = points[:, 42:48].mean(1) - points[:, 36:42].mean(1)
    radius = region.radius * eyes.norm(dim=1)
    found = au_regions(points, image_size=SIZE, side=16)[:, AUS.index(14)]
    along = torch.linspace(0, 1, 200)[:, None]
    for face in range(2):
        for row in range(16):
            for col in range(16):
                cell = torch.tensor([col + 0.5, row + 0.5]) * (SIZE / 16)
                nearest = min(
                    (points[face, a] + along * (points[face, b] - points[face, a]) - cell).norm(dim=1).min()
                    for a, b in region.strokes
                )
                if abs(nearest - radius[face]) > 0.1:
                    assert found[face, row, col] == (nearest < radius[face])


def test_regions_move_with_the_face(rendered):
    points = rendered.landmarks
    there = au_regions(points, image_size=SIZE, side=SIZE)
    moved = au_regions(points + torch.tensor([3.0, -2.0]), image_size=SIZE, side=SIZE)
    assert torch.equal(moved[:, :, :-2, 3:], there[:, :, 2:, :-3])


def test_a_mirrored_face_has_mirrored_regions(rendered):
    there = au_regions(rendered.landmarks, image_size=SIZE, side=SIZE)
    mirrored = au_regions(mirror_landmarks(rendered.landmarks, width=SIZE), image_size=SIZE, side=SIZE)
    assert (mirrored != there.flip(-1)).float().mean() < 1e-3


def test_regions_turn_with_the_face(rendered):
    """Turned upside down, a face has its regions upside down: what is above the brows stays above them."""
    there = au_regions(rendered.landmarks, image_size=SIZE, side=SIZE)
    upside_down = au_regions(turned(rendered.landmarks, math.pi), image_size=SIZE, side=SIZE)
    assert (upside_down != there.flip(-1, -2)).float().mean() < 1e-3


def test_other_points_are_refused():
    with pytest.raises(ValueError, match="must be 68 points, got 49"):
        au_regions(torch.rand(1, 49, 2), image_size=SIZE, side=8)
