"""What is special about GANimation."""

import math

import pytest
import torch

from zoo.facs import AUS
from zoo.pipelines.ganimation import GANimationPipeline


def _small(**changes):
    torch.manual_seed(0)
    given = {"image_size": 32, "channels": 8, "num_halvings": 1, "num_residual_blocks": 1, **changes}
    return GANimationPipeline(**given).eval()


@pytest.fixture
def images(generator):
    return torch.rand(2, 3, 32, 32, generator=generator) * 2 - 1


def _labels(*sets):
    return torch.tensor([[au in each for au in AUS] for each in sets])


def test_an_attention_of_one_copies_and_of_zero_paints(images):
    pipeline = _small()
    strengths = torch.zeros(2, 12)
    edit = pipeline(images, strengths)
    expected = edit.attention * images + (1 - edit.attention) * edit.colour
    torch.testing.assert_close(edit.images, expected)
    assert 0 < edit.attention.min() <= edit.attention.max() < 1
    for sign, wanted in ((1, images), (-1, edit.colour)):
        with torch.no_grad():  # features are never negative after the last activation
            pipeline.attention.weight.fill_(sign * 1e4)
        ended = pipeline(images, strengths)
        torch.testing.assert_close(ended.images, wanted, atol=1e-4, rtol=0)


def test_what_is_painted_at_least_keeps_the_gradient_of_the_colour(images):
    shares = []
    for least in (0.0, 0.2):
        pipeline = _small(least_painted=least)
        with torch.no_grad():
            pipeline.attention.weight.fill_(1e4)
        edit = pipeline(images, torch.zeros(2, 12))
        edit.images.sum().backward()
        shares.append((float(edit.attention.detach().min()), bool(pipeline.colour.weight.grad.any())))
    assert shares == [(1.0, False), (pytest.approx(0.8), True)]


@pytest.mark.parametrize(("intensity", "expected"), [(None, 1.0), (math.nan, 1.0), (2.0, 0.4), (5.0, 1.0), (0.0, 0.0)])
def test_intensities_are_fifths_and_the_strongest_where_unknown(intensity, expected):
    pipeline = _small()
    occurrence = _labels((12,))
    given = None if intensity is None else torch.full((1, 12), intensity)
    strengths = pipeline.strengths(occurrence, given)
    assert strengths[0, AUS.index(12)] == pytest.approx(expected)
    assert strengths.count_nonzero() == (expected > 0), "AUs that are absent have none, whatever was measured"


def test_editing_single_aus_is_synthesis_by_labels(images):
    pipeline = _small()
    intensity = torch.full((2, 12), 2.5)
    made = pipeline.synthesize(images, ["", ""], occurrence=_labels((15,), (15,)), intensity=intensity)
    assert torch.equal(pipeline.edit(images, {15: 2.5}), made.images)
    assert made.tokens is None
    assert not torch.equal(pipeline.edit(images, {12: 2.5}), made.images)


def test_pixels_of_kept_cells_stay(images):
    pipeline = _small()
    keep = torch.zeros(2, 4, 4, dtype=torch.bool)
    keep[0, :2] = True
    labels = _labels((12,), (12,))
    made = pipeline.synthesize(images, ["", ""], occurrence=labels, keep=keep).images
    free = pipeline.synthesize(images, ["", ""], occurrence=labels).images
    assert torch.equal(made[0, :, :16], images[0, :, :16])
    assert torch.equal(made[0, :, 16:], free[0, :, 16:])
    assert torch.equal(made[1], free[1])
    assert not torch.equal(free[0, :, :16], images[0, :, :16])


def test_interpolation_begins_and_ends_with_the_edits(images):
    pipeline = _small()
    frames = pipeline.interpolate(images, {12: 0}, {12: 4}, num_steps=5)
    assert frames.shape == (2, 5, 3, 32, 32)
    assert torch.equal(frames[:, 0], pipeline.edit(images, {}))
    torch.testing.assert_close(frames[:, 2], pipeline.edit(images, {12: 2}))
    torch.testing.assert_close(frames[:, 4], pipeline.edit(images, {12: 4}))


def _response(normalization, images):
    """How far AUs move what the first normalisation gives in the middle, where padding is far away."""
    pipeline = _small(normalization=normalization, channels=32)
    with torch.no_grad():
        first = [
            pipeline.trunk[1](pipeline.trunk[0](torch.cat([images, planes.expand(2, 12, 32, 32)], 1)))
            for planes in (torch.zeros(1, 12, 1, 1), torch.ones(1, 12, 1, 1))
        ]
    return float((first[0] - first[1])[..., 8:24, 8:24].abs().mean())


def test_group_normalisation_lets_more_of_the_aus_through(images):
    assert _response("group", images) > 2 * _response("instance", images)


def test_transposed_convolutions_leave_a_checkerboard_and_resizing_none():
    def unevenness(upsampling):
        # of a flat map, away from the borders: how much neighbours differ
        pipeline = _small(upsampling=upsampling)
        layers = [each for each in pipeline.trunk if isinstance(each, torch.nn.ConvTranspose2d | torch.nn.Upsample)]
        place = list(pipeline.trunk).index(layers[0])
        end = place + (1 if upsampling == "transposed" else 2)
        with torch.no_grad():
            maps = pipeline.trunk[place:end](torch.ones(1, 16, 16, 16))[..., 8:-8, 8:-8]
        return float(maps.diff(dim=-1).abs().mean())

    assert unevenness("resize") < 1e-6 < unevenness("transposed")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"image_size": 33}, "image_size must be a multiple of 2"),
        ({"least_painted": 1.0}, "least_painted must be at least 0 and below 1, got 1.0"),
    ],
)
def test_impossible_arguments_are_refused_by_name(arguments, said):
    with pytest.raises(ValueError, match=said):
        _small(**arguments)


def test_what_can_not_be_asked_for_is_refused(images):
    pipeline = _small()
    with pytest.raises(ValueError, match="occurrence must be given"):
        pipeline.synthesize(images, ["", ""])
    with pytest.raises(ValueError, match="aus must give intensities from 0 to 5"):
        pipeline.edit(images, {3: 1})
    with pytest.raises(ValueError, match="aus must give intensities from 0 to 5"):
        pipeline.edit(images, {12: 6})
    with pytest.raises(ValueError, match="num_steps must be at least 2"):
        pipeline.interpolate(images, {}, {12: 5}, num_steps=1)
