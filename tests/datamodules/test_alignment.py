"""Bringing faces into one place."""

import math

import pytest
import torch
from kornia.geometry.transform import warp_affine

from datamodules.alignment import FaceAligner, five_points, similarity, transform_points
from zoo.faces import FaceRenderer, sample_faces


def _rotation(degrees, scale, shift, centre):
    cos, sin = scale * math.cos(math.radians(degrees)), scale * math.sin(math.radians(degrees))
    linear = torch.tensor([[cos, -sin], [sin, cos]])
    offset = torch.tensor(shift) + centre - linear @ torch.full((2,), centre)
    return torch.cat([linear, offset[:, None]], 1)[None]


def _moved(images, transform):
    """Move images as points move, with another parametrisation of the pixels' centres than the aligner's."""
    half = torch.full((1, 2, 1), 0.5)
    at_centres = torch.cat([transform[:, :, :2], transform[:, :, 2:] + transform[:, :, :2] @ half - half], 2)
    return warp_affine(images, at_centres.expand(len(images), -1, -1), images.shape[-2:], align_corners=True)


def _faces(size=96):
    seeds = torch.arange(3)
    rendered = FaceRenderer(size)(sample_faces(seeds, seeds, seeds, nuisance=False).neutral())
    return rendered.images, rendered.landmarks


@pytest.mark.parametrize(("degrees", "scale", "shift"), [(20.0, 0.8, (4.0, -3.0)), (-35.0, 0.7, (0.0, 5.0))])
def test_a_rotated_face_is_brought_back(degrees, scale, shift):
    images, landmarks = _faces()
    aligner = FaceAligner(96)
    upright = aligner(images, landmarks)
    transform = _rotation(degrees, scale, shift, 48.0)
    moved = _moved(images, transform)
    turned = aligner(moved, transform_points(landmarks, transform.expand(3, -1, -1)))
    assert (turned.landmarks - upright.landmarks).norm(dim=-1).max() < 0.01
    # five points of a real face are not quite similar to the canonical ones, but near
    assert (five_points(turned.landmarks) - aligner.canonical).norm(dim=-1).mean() < 0.05 * 96
    # and so are the pixels, but for what left the frame and the blur of resampling twice
    inner = (slice(None), slice(None), slice(24, 72), slice(24, 72))
    assert (turned.images[inner] - upright.images[inner]).abs().mean() < 0.05
    assert (moved[inner] - upright.images[inner]).abs().mean() > 0.15


def test_pixels_go_where_the_landmarks_go():
    image = torch.full((1, 3, 64, 64), -1.0)
    points = torch.tensor([[[20.5, 24.5], [43.5, 24.5], [32.5, 36.5], [24.5, 46.5], [41.5, 46.5]]])
    for x, y in points[0].long().tolist():
        image[..., y, x] = 1.0
    for size in (64, 100):
        aligned = FaceAligner(size)(image, points)
        for x, y in aligned.landmarks[0].tolist():
            column, row = int(x), int(y)
            patch = aligned.images[0, 0, row - 2 : row + 3, column - 2 : column + 3] + 1
            grid = torch.arange(-2, 3) + 0.5
            found_x = (patch.sum(0) * (grid + column)).sum() / patch.sum()
            found_y = (patch.sum(1) * (grid + row)).sum() / patch.sum()
            assert abs(float(found_x) - x) < 0.35
            assert abs(float(found_y) - y) < 0.35


def test_a_similarity_is_found_exactly_and_never_mirrors(generator):
    points = torch.rand(4, 5, 2, generator=generator) * 50
    transform = _rotation(50.0, 1.7, (3.0, 9.0), 20.0)
    target = transform_points(points[:1], transform)[0]
    assert torch.allclose(similarity(points[:1], target), transform, atol=1e-4)
    mirrored = points[0] * torch.tensor([-1.0, 1.0])
    assert (torch.linalg.det(similarity(points, mirrored)[:, :, :2]) > 0).all()


def test_faces_at_the_canonical_points_stay():
    aligner = FaceAligner(64)
    images = torch.rand(2, 3, 64, 64) * 2 - 1
    aligned = aligner(images, aligner.canonical.expand(2, -1, -1))
    assert torch.allclose(aligned.images, images, atol=1e-3)
    assert torch.allclose(aligned.transform[0], torch.tensor([[1.0, 0, 0], [0, 1, 0]]), atol=1e-4)


def test_a_margin_shows_more_around_the_face():
    narrow, wide = FaceAligner(100).canonical, FaceAligner(100, margin=0.25).canonical
    assert torch.allclose((wide - 50) * 1.5, narrow - 50, atol=1e-4)


def test_what_cannot_be_aligned_is_refused():
    images = torch.zeros(1, 3, 32, 32)
    with pytest.raises(ValueError, match="must be 5 or 68 points, got 6"):
        FaceAligner(32)(images, torch.rand(1, 6, 2))
    with pytest.raises(ValueError, match="not all in one place"):
        FaceAligner(32)(images, torch.ones(1, 5, 2))
    with pytest.raises(ValueError, match="not all in one place"):
        FaceAligner(32)(images, torch.full((1, 5, 2), float("nan")))
    with pytest.raises(ValueError, match="size must be at least 1"):
        FaceAligner(0)
    with pytest.raises(ValueError, match="margin must be above"):
        FaceAligner(32, margin=-0.5)
