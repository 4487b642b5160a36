"""Bringing faces into one place."""

import math

import numpy as np
import pytest
import torch
from kornia.geometry.transform import warp_affine
from PIL import Image, ImageOps

from datamodules.alignment import AlignmentError, FaceAligner, five_points, similarity, transform_points, warp
from zoo.faces import FaceRenderer, sample_faces
from zoo.images import from_uint8, to_uint8


def _rotation(degrees, scale, shift, centre):
    cos, sin = scale * math.cos(math.radians(degrees)), scale * math.sin(math.radians(degrees))
    linear = np.array([[cos, -sin], [sin, cos]])
    offset = np.array(shift) + centre - linear @ np.full(2, centre)
    return np.concatenate([linear, offset[:, None]], 1)


def _moved(pixels, transform, size):
    """Move an image as points move, by another library, which puts the pixels' centres elsewhere."""
    transform = torch.from_numpy(transform).float()[None]
    half = torch.full((1, 2, 1), 0.5)
    at_centres = torch.cat([transform[:, :, :2], transform[:, :, 2:] + transform[:, :, :2] @ half - half], 2)
    images = from_uint8(torch.from_numpy(pixels.transpose(2, 0, 1).copy()))[None]
    return to_uint8(warp_affine(images, at_centres, (size, size), align_corners=True))[0].numpy().transpose(1, 2, 0)


@pytest.fixture(scope="module")
def faces():
    """Neutral procedural faces of 96 pixels, with 68 points."""
    seeds = torch.arange(3)
    rendered = FaceRenderer(96)(sample_faces(seeds, seeds, seeds, nuisance=False).neutral())
    pixels = to_uint8(rendered.images).numpy().transpose(0, 2, 3, 1)
    return list(zip(pixels, rendered.landmarks.double().numpy(), strict=True))


@pytest.mark.parametrize(("degrees", "scale", "shift"), [(20.0, 0.8, (4.0, -3.0)), (-35.0, 0.7, (0.0, 5.0))])
def test_a_rotated_face_is_brought_back(faces, degrees, scale, shift):
    aligner, transform = FaceAligner(96), _rotation(degrees, scale, shift, 48.0)
    for pixels, landmarks in faces:
        upright = aligner.align(pixels, landmarks)
        moved = _moved(pixels, transform, 96)
        turned = aligner.align(moved, transform_points(landmarks, transform))
        assert turned.landmarks == pytest.approx(upright.landmarks, abs=1e-6)
        assert turned.scale == pytest.approx(upright.scale / scale)
        # five points of a real face are not quite similar to the canonical ones, but near
        distance = np.linalg.norm(five_points(turned.landmarks) - aligner.canonical, axis=1)
        assert turned.error == pytest.approx(np.sqrt((distance**2).mean()) / 96)
        assert turned.error < 0.05
        # and so are the pixels, but for what left the frame and the blur of resampling twice
        inner = (slice(24, 72), slice(24, 72))
        assert np.abs(turned.pixels[inner].astype(float) - upright.pixels[inner]).mean() < 6
        assert np.abs(moved[inner].astype(float) - upright.pixels[inner]).mean() > 19


@pytest.mark.parametrize("size", [256, 96, 40])
def test_a_face_in_a_large_photograph_comes_out_at_its_place(faces, size):
    pixels, landmarks = faces[0]
    place = _rotation(10.0, 3.0, (150.0, 260.0), 48.0)
    photograph = _moved(pixels, place, 520)
    aligned = FaceAligner(size).align(photograph, transform_points(landmarks, place))
    # what another library draws, straight from the small face
    expected = _moved(pixels, FaceAligner(size).align(pixels, landmarks).transform, size)
    inner = (slice(size // 4, 3 * size // 4),) * 2
    assert np.abs(aligned.pixels[inner].astype(float) - expected[inner]).mean() < 8
    assert aligned.landmarks == pytest.approx(FaceAligner(size).align(pixels, landmarks).landmarks, abs=1e-6)


@pytest.mark.parametrize(("size", "enlarged"), [(64, 1), (100, 1), (64, 4)])
def test_pixels_go_where_the_landmarks_go(size, enlarged):
    points = np.array([[20.5, 24.5], [43.5, 24.5], [32.5, 36.5], [24.5, 46.5], [41.5, 46.5]]) * enlarged
    pixels = np.zeros((64 * enlarged, 64 * enlarged, 3), np.uint8)
    for x, y in points:
        left, top = int(x - enlarged / 2), int(y - enlarged / 2)
        pixels[top : top + enlarged, left : left + enlarged] = 255
    aligned = FaceAligner(size).align(pixels, points)
    for x, y in aligned.landmarks:
        column, row = int(x), int(y)
        patch = aligned.pixels[row - 2 : row + 3, column - 2 : column + 3, 0].astype(float)
        grid = np.arange(-2, 3) + 0.5
        assert (patch.sum(0) * (grid + column)).sum() / patch.sum() == pytest.approx(x, abs=0.35)
        assert (patch.sum(1) * (grid + row)).sum() / patch.sum() == pytest.approx(y, abs=0.35)


def test_a_similarity_is_found_exactly_and_never_mirrors():
    points = np.random.default_rng(0).random((5, 2)) * 50
    transform = _rotation(50.0, 1.7, (3.0, 9.0), 20.0)
    assert similarity(points, transform_points(points, transform)) == pytest.approx(transform)
    assert np.linalg.det(similarity(points, points * [-1.0, 1.0])[:, :2]) > 0


def test_faces_at_the_canonical_points_stay():
    aligner = FaceAligner(64)
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    aligned = aligner.align(pixels, aligner.canonical)
    assert (aligned.pixels == pixels).all()
    assert aligned.transform == pytest.approx(np.eye(3)[:2], abs=1e-9)
    assert (aligned.scale, aligned.inside, aligned.error) == pytest.approx((1, 1, 0))


def test_a_margin_shows_more_around_the_face():
    narrow, wide = FaceAligner(100).canonical, FaceAligner(100, margin=0.25).canonical
    assert (wide - 50) * 1.5 == pytest.approx(narrow - 50)


def test_larger_images_are_reduced_without_aliasing():
    # stripes finer than the crop can show must turn grey, not into other stripes
    pixels = np.zeros((300, 300, 3), np.uint8)
    pixels[:, ::2] = 255
    for degrees in (0.0, 15.0):
        crop = warp(pixels, _rotation(degrees, 0.3, (-100.0, -100.0), 150.0), size=64)
        assert crop[16:48, 16:48].std() < 12
        assert crop[16:48, 16:48].mean() == pytest.approx(127.5, abs=2)


def test_a_box_is_cut_out_upright():
    pixels = np.random.default_rng(0).integers(0, 255, (60, 90, 3), dtype=np.uint8)
    assert (FaceAligner(20).crop(pixels, (30, 10, 50, 30)).pixels == pixels[10:30, 30:50]).all()
    # a box that is not square is widened, and what the image lacks is filled
    aligned = FaceAligner(40, fill=7).crop(pixels, (-10, 0, 10, 40))
    assert (aligned.pixels[:, 20:] == pixels[:40, :20]).all()
    assert (aligned.pixels[:, :20] == 7).all()
    assert aligned.inside == pytest.approx(0.5)
    assert aligned.landmarks is None


def test_a_whole_image_is_scaled_as_pillow_scales_it():
    pixels = np.random.default_rng(0).integers(0, 255, (100, 100, 3), dtype=np.uint8)
    expected = ImageOps.fit(Image.fromarray(pixels), (32, 32), method=Image.Resampling.LANCZOS)
    assert (FaceAligner(32).crop(pixels, (0, 0, 100, 100)).pixels == np.asarray(expected)).all()


def test_forty_nine_points_are_the_inner_ones(faces):
    _, landmarks = faces[0]
    inner = np.concatenate([landmarks[17:60], landmarks[61:64], landmarks[65:68]])
    assert (five_points(inner) == five_points(landmarks)).all()
    eyes = landmarks[36:42].mean(0), landmarks[42:48].mean(0)
    assert five_points(landmarks) == pytest.approx(np.stack([*eyes, *landmarks[[30, 48, 54]]]))


def test_what_cannot_be_aligned_is_refused():
    pixels = np.zeros((32, 32, 3), np.uint8)
    for points, reason in (
        (np.random.default_rng(0).random((6, 2)), "must be 5, 49 or 68 points"),
        (np.ones((5, 2)), "not all in one place"),
        (np.full((5, 2), np.nan), "not all in one place"),
    ):
        with pytest.raises(AlignmentError, match=reason):
            FaceAligner(32).align(pixels, points)
    with pytest.raises(AlignmentError, match="left < right"):
        FaceAligner(32).crop(pixels, (4, 0, 4, 9))
    with pytest.raises(ValueError, match="size must be at least 1"):
        FaceAligner(0)
    with pytest.raises(ValueError, match="margin must be above"):
        FaceAligner(32, margin=-0.5)
    with pytest.raises(ValueError, match="fill must be from 0 to 255"):
        FaceAligner(32, fill=256)


def test_what_is_no_face_has_a_large_error():
    points = np.random.default_rng(1).random((200, 5, 2)) * 30
    errors = [FaceAligner(32).align(np.zeros((32, 32, 3), np.uint8), each).error for each in points]
    assert np.median(errors) > 0.12
    assert max(errors) < 0.198
