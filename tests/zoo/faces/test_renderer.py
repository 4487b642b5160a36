"""Pictures and their ground truth."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from zoo.faces import REGIONS, FaceParameters, FaceRenderer, RenderedFaces, sample_faces
from zoo.faces.sheets import combination_sheet, identity_sheet, level_sheet, single_au_sheet, studio_view
from zoo.facs import AUS

SIZE = 64
# Where an AU acts, in landmarks: the box around them, widened, holds its effect.
BROWS, EYES, LOWER_FACE = range(17, 27), range(36, 48), [*range(2, 15), *range(31, 36), *range(48, 68)]


def faces(count: int, first: int = 0, **settings: object) -> FaceParameters:
    seeds = torch.arange(first, first + count)
    return sample_faces(seeds, seeds, seeds, **settings)


def alone(person: FaceParameters, number: int, strength: float = 1.0) -> FaceParameters:
    activation = torch.zeros(len(person), len(AUS))
    activation[:, AUS.index(number)] = strength
    return person.neutral().with_activation(activation)


@pytest.fixture(scope="module")
def rendered() -> RenderedFaces:
    with torch.no_grad():
        return FaceRenderer(SIZE)(faces(8))


def test_images_are_finite_in_range_and_use_it(rendered: RenderedFaces):
    assert rendered.images.isfinite().all()
    assert -1 <= rendered.images.min() < -0.6
    assert 0.4 < rendered.images.max() <= 1


@pytest.mark.parametrize("size", [32, 72, 128, 256])
def test_every_size_gives_its_shapes(size: int):
    with torch.no_grad():
        out = FaceRenderer(size)(faces(1))
    assert out.images.shape == (1, 3, size, size)
    assert out.regions.shape == (1, size, size)
    assert out.regions.dtype == torch.int64
    assert out.landmarks.shape == (1, 68, 2)
    assert out.visible.shape == (1, 68)


def test_a_frame_does_not_depend_on_its_batch():
    renderer, parameters = FaceRenderer(SIZE), faces(19)  # more than one portion
    with torch.no_grad():
        together = renderer(parameters)
        for row in (0, 5, 18):
            single = renderer(parameters[row : row + 1])
            assert torch.equal(single.images[0], together.images[row])
            assert torch.equal(single.landmarks[0], together.landmarks[row])
            assert torch.equal(single.regions[0], together.regions[row])


def test_sizes_show_the_same_face():
    with torch.no_grad():
        small, large = FaceRenderer(64)(faces(4)), FaceRenderer(128)(faces(4))
    reduced = torch.nn.functional.avg_pool2d(large.images, 2)
    assert (reduced - small.images).abs().mean() < 0.05
    assert (large.landmarks / 2 - small.landmarks)[:, 17:].abs().max() < 0.5


def test_landmarks_lie_on_their_features():
    person = studio_view(faces(6, first=30)).neutral()
    with torch.no_grad():
        out = FaceRenderer(128)(person)

    def share(points: list[int], *names: str) -> float:
        labels = torch.tensor([REGIONS.index(name) for name in names])
        hits = []
        for point in points:
            x, y = out.landmarks[:, point].floor().long().clamp(0, 127).unbind(1)
            window = torch.stack(
                [out.regions[torch.arange(6), (y + dy).clamp(0, 127), (x + dx).clamp(0, 127)]
                 for dx in (-1, 0, 1) for dy in (-1, 0, 1)]
            )  # fmt: skip
            hits.append(torch.isin(window, labels).any(0))
        return float(torch.stack(hits).float().mean())

    assert share([19, 20, 23, 24], "brow", "hair") > 0.9
    assert share([27, 28, 29, 30], "nose") == 1
    assert share([37, 38, 40, 41, 43, 44, 46, 47], "eye") > 0.9
    assert share([50, 51, 52, 62], "upper_lip", "mouth") > 0.9
    assert share([56, 57, 58, 66], "lower_lip", "mouth") > 0.9


def test_the_jaw_line_is_the_outline_also_under_yaw():
    person = studio_view(faces(6, first=50)).neutral()
    person.view["yaw"] = torch.linspace(-0.3, 0.3, 6)
    with torch.no_grad():
        out = FaceRenderer(128)(person)
    face = ~torch.isin(out.regions, torch.tensor([REGIONS.index(name) for name in ("background", "neck", "ear")]))
    centre = out.landmarks[:, 30:31]
    for reach, inside in ((0.95, True), (1.06, False)):
        x, y = (centre + reach * (out.landmarks[:, 3:14] - centre)).floor().long().clamp(0, 127).unbind(-1)
        covered = face[torch.arange(6)[:, None], y, x]
        long_hair = person.identity["hair_long"] > 0  # long hair hides where the face ends
        agreed = (covered == inside)[~long_hair]
        assert agreed.float().mean() > 0.9


def test_the_region_map_has_every_lasting_region(rendered: RenderedFaces):
    present = set(rendered.regions.unique().tolist())
    assert present <= set(range(len(REGIONS)))
    assert {REGIONS.index(name) for name in REGIONS if name not in {"ear", "mouth"}} <= present


@pytest.mark.parametrize(
    ("number", "points"),
    [(1, BROWS), (2, BROWS), (4, BROWS), (7, EYES), *((number, LOWER_FACE) for number in (10, 12, 14, 15, 17, 23, 24))],
)
def test_an_au_changes_its_own_part_of_the_face(number: int, points: list[int]):
    person = studio_view(faces(3, first=60, nuisance=False))
    renderer = FaceRenderer(SIZE)
    with torch.no_grad():
        rest, acting = renderer(person.neutral()), renderer(alone(person, number))
    change = (acting.images - rest.images).square().sum(1)
    assert change.mean() > 2e-5
    marks = torch.cat([rest.landmarks[:, list(points)], acting.landmarks[:, list(points)]], 1)
    low, high = marks.amin(1), marks.amax(1)
    margin = torch.tensor([0.10, 0.14]) * SIZE
    # Lines on the forehead reach up to the hair, cheeks rise to the eyes.
    up = torch.tensor([0.0, 0.16 if points is BROWS or points is LOWER_FACE else 0.0]) * SIZE
    low, high = low - margin - up, high + margin
    rows = torch.arange(SIZE) + 0.5
    inside_x = (rows > low[:, :1]) & (rows < high[:, :1])
    inside_y = (rows > low[:, 1:]) & (rows < high[:, 1:])
    inside = inside_y[:, :, None] & inside_x[:, None, :]
    assert float((change * inside).sum() / change.sum()) > 0.8


def test_every_au_can_be_seen():
    person = studio_view(faces(1, first=21, nuisance=False))
    renderer = FaceRenderer(SIZE)
    with torch.no_grad():
        rest = renderer(person.neutral()).images
        for number in AUS:
            change = (renderer(alone(person, number)).images - rest).abs().amax(1)
            assert (change > 0.06).sum() > 15, f"AU{number} is hard to see"


def test_interaction_changes_a_conflict_and_not_a_single_au():
    person = studio_view(faces(1, first=7, nuisance=False))
    ruled, summed = FaceRenderer(SIZE), FaceRenderer(SIZE, interaction=0.0)
    both = alone(person, 10).activation + alone(person, 17).activation
    with torch.no_grad():
        conflict = person.neutral().with_activation(both)
        single = alone(person, 12)
        assert (ruled(conflict).images - summed(conflict).images).abs().max() > 0.1
        assert (ruled(single).images - summed(single).images).abs().max() < 1e-3


def test_jaw_and_blink_show_without_changing_the_activation():
    person = studio_view(faces(1, first=21, nuisance=False)).neutral()
    moved = {name: torch.ones(1) for name in person.nuisance}
    renderer = FaceRenderer(SIZE)
    with torch.no_grad():
        rest, acting = renderer(person), renderer(replace(person, nuisance=moved))
    counts = {
        name: [int((out.regions == REGIONS.index(name)).sum()) for out in (rest, acting)] for name in ("mouth", "eye")
    }
    assert counts["mouth"][1] > counts["mouth"][0] + 10
    assert counts["eye"][0] > 15
    assert counts["eye"][1] == 0
    assert acting.landmarks[0, 8, 1] > rest.landmarks[0, 8, 1] + 1  # the chin drops
    assert acting.landmarks[0, 57, 1] > rest.landmarks[0, 57, 1] + 1.5  # and the lower lip


def test_gradients_reach_the_activation():
    person = faces(2)
    activation = person.activation.clone().clamp(0.1, 0.9).requires_grad_()
    FaceRenderer(SIZE)(person.with_activation(activation)).images.square().mean().backward()
    assert activation.grad is not None
    assert activation.grad.isfinite().all()
    assert (activation.grad.abs().amax((0, 1)) > 0).all()


def test_gradients_are_finite_for_a_neutral_face():
    activation = torch.zeros(1, len(AUS), requires_grad=True)
    FaceRenderer(32)(faces(1).with_activation(activation)).images.mean().backward()
    assert activation.grad is not None
    assert activation.grad.isfinite().all()


def test_people_differ_more_than_their_views():
    person = torch.tensor([1, 1, 2])
    view = torch.tensor([1, 2, 1])
    with torch.no_grad():
        out = FaceRenderer(SIZE)(studio_view(sample_faces(person, view, view)).neutral()).images
    assert (out[0] - out[1]).abs().mean() < 1e-6
    assert (out[0] - out[2]).abs().mean() > 0.02


@pytest.mark.parametrize("interaction", [-0.1, 1.5, float("nan")])
def test_interaction_outside_its_range_is_refused(interaction: float):
    with pytest.raises(ValueError, match=r"interaction must be in \[0, 1\], got"):
        FaceRenderer(64, interaction=interaction)


@pytest.mark.parametrize("size", [16, 100, 1024])
def test_a_size_that_cannot_be_drawn_is_refused(size: int):
    with pytest.raises(ValueError, match="size must be a multiple of 8 from 32 to 512, got"):
        FaceRenderer(size)


def test_sheets_have_a_cell_for_everything():
    height = 32 + 14
    assert identity_sheet(32, range(5), columns=3).size == (3 * 32, 2 * height)
    assert single_au_sheet(32, (1,)).size == (13 * 32, height)
    assert level_sheet(32, 1, numbers=(12, 23)).size == (6 * 32, 2 * height)
    assert combination_sheet(32, 1).size == (13 * 32, 4 * height)
