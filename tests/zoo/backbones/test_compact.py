"""What is special about the compact backbone."""

import pytest
import torch
from torch.nn import functional

from zoo.backbones.compact import CompactBackbone


@pytest.fixture
def backbone():
    torch.manual_seed(0)
    return CompactBackbone(widths=[8, 16, 16]).eval()


@pytest.mark.parametrize("size", [32, 64, 256])
def test_images_of_any_size_keep_their_resolution(backbone, size, generator):
    maps = backbone(torch.rand(1, 3, size, size, generator=generator))
    assert [each.shape[-1] for each in maps] == [size // 2, size // 4, size // 8]


def test_a_size_of_its_own_is_resized_to(generator):
    backbone = CompactBackbone(widths=[8, 16], num_blocks=[1, 1], image_size=32)
    assert backbone(torch.rand(1, 3, 128, 128, generator=generator))[0].shape[-1] == 16


def test_it_sees_contrast_and_not_brightness(backbone, generator):
    images = torch.rand(1, 3, 32, 32, generator=generator) * 0.5
    for plain, changed in zip(backbone(images), backbone(images * 1.5 + 0.2), strict=True):
        torch.testing.assert_close(changed, plain, atol=0.05, rtol=0.05)
    colours = CompactBackbone(widths=[8, 16, 16], contrast_window=None).eval()
    assert (colours(images)[0] - colours(images * 1.5 + 0.2)[0]).abs().max() > 0.1


def test_even_surfaces_stay_empty_and_finite(backbone):
    grey, white = backbone(torch.zeros(1, 3, 32, 32)), backbone(torch.ones(1, 3, 32, 32))
    assert all(each.isfinite().all() for each in grey)
    torch.testing.assert_close(white, grey, atol=1e-4, rtol=1e-4)


def test_it_knows_where_a_pixel_is(backbone):
    mark = torch.zeros(1, 3, 32, 32)
    mark[..., 12:16, 12:16] = 1.0
    moved = torch.roll(mark, (8, 0), dims=(-2, -1))
    pooled = [functional.adaptive_avg_pool2d(backbone(images)[-1], 1) for images in (mark, moved)]
    assert (pooled[0] - pooled[1]).abs().max() > 1e-3


def test_the_gradient_reaches_every_parameter_from_the_deepest_map(backbone, generator):
    backbone(torch.rand(2, 3, 32, 32, generator=generator))[-1].square().sum().backward()
    assert [name for name, each in backbone.named_parameters() if each.grad is None or not each.grad.any()] == []


@pytest.mark.parametrize(
    ("arguments", "constraint"),
    [
        ({"num_blocks": [1]}, "num_blocks must have one number for each of the 3 widths"),
        ({"image_size": 36}, "image_size must be a multiple of 8"),
        ({"contrast_window": 4}, "contrast_window must be odd"),
    ],
)
def test_impossible_arguments_are_refused(arguments, constraint):
    with pytest.raises(ValueError, match=constraint):
        CompactBackbone(**arguments)
