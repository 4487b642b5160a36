"""Normalisation, residual blocks, resampling and attention."""

import pytest
import torch
from torch.nn import functional

from zoo.layers.attention import SpatialAttention
from zoo.layers.imagenet import imagenet_input
from zoo.layers.normalization import RMSNorm, group_norm
from zoo.layers.resampling import BlurPool, Downsample, Upsample, channels_to_pixels, pixels_to_channels
from zoo.layers.residual_block import ResidualBlock
from zoo.layers.unit_features import unit_distance, unit_features


@pytest.mark.parametrize("channels", [1, 3, 4, 6, 18, 32, 48, 64, 96, 128, 384])
def test_groups_divide_the_channels_and_are_not_single_channels(channels):
    groups = group_norm(channels).num_groups
    assert channels % groups == 0
    assert groups == 1 or channels // groups >= 4
    assert groups <= 32


def test_pixels_moved_to_channels_come_back(generator):
    images = torch.rand(2, 3, 8, 12, generator=generator)
    maps = pixels_to_channels(images, 4)
    assert maps.shape == (2, 48, 2, 3)
    assert torch.equal(maps, functional.pixel_unshuffle(images, 4))
    assert torch.equal(channels_to_pixels(maps, 4), images)


def test_resampling_halves_and_doubles(generator):
    maps = torch.rand(2, 4, 6, 8, generator=generator)
    assert Downsample(4)(maps).shape == (2, 4, 3, 4)
    assert Upsample(4)(maps).shape == (2, 4, 12, 16)


def test_blur_pool_keeps_constants_and_hardly_sees_a_checkerboard():
    maps = torch.full((1, 2, 8, 8), 0.7)
    torch.testing.assert_close(BlurPool(2)(maps), torch.full((1, 2, 4, 4), 0.7))
    checkerboard = torch.ones(1, 2, 8, 8)
    checkerboard[..., ::2, 1::2] = checkerboard[..., 1::2, ::2] = -1
    inside = BlurPool(2)(checkerboard)[..., 1:-1, 1:-1]
    torch.testing.assert_close(inside, torch.zeros_like(inside))


@pytest.mark.parametrize(("out_channels", "skips"), [(None, 0), (8, 0), (12, 1)])
def test_a_residual_block_convolves_its_skip_only_where_channels_change(out_channels, skips, generator):
    block = ResidualBlock(8, out_channels=out_channels)
    assert len(list(block.skip.parameters())) == 2 * skips
    assert block(torch.rand(2, 8, 5, 5, generator=generator)).shape == (2, out_channels or 8, 5, 5)


@pytest.mark.parametrize("num_heads", [1, 2])
def test_attention_follows_a_permutation_of_positions(num_heads, generator):
    attention = SpatialAttention(8, num_heads=num_heads)
    maps = torch.randn(2, 8, 3, 4, generator=generator)
    order = torch.randperm(12, generator=generator)
    moved = maps.flatten(2)[..., order].reshape(2, 8, 3, 4)
    expected = attention(maps).flatten(2)[..., order].reshape(2, 8, 3, 4)
    torch.testing.assert_close(attention(moved), expected, atol=1e-5, rtol=1e-4)


def test_attention_is_softmax_of_scaled_products(generator):
    attention = SpatialAttention(4)
    maps = torch.randn(1, 4, 2, 3, generator=generator)
    query, key, value = attention.query_key_value(attention.norm(maps)).flatten(2).chunk(3, 1)
    shares = (query.transpose(1, 2) @ key / 2.0).softmax(-1)
    found = (value @ shares.transpose(1, 2)).reshape(1, 4, 2, 3)
    torch.testing.assert_close(attention(maps), maps + attention.out(found))


def test_imagenet_input_is_zero_at_the_mean_and_one_a_deviation_above():
    images = torch.empty(1, 3, 4, 4)
    for channel, (mean, deviation) in enumerate(zip((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), strict=True)):
        images[:, channel, :2] = 2 * mean - 1
        images[:, channel, 2:] = 2 * (mean + deviation) - 1
    found = imagenet_input(images)
    torch.testing.assert_close(found[:, :, :2], torch.zeros(1, 3, 2, 4), atol=1e-6, rtol=0)
    torch.testing.assert_close(found[:, :, 2:], torch.ones(1, 3, 2, 4))
    assert imagenet_input(images, size=7).shape == (1, 3, 7, 7)


def test_unit_features_ignore_the_length_of_vectors_and_bear_zeros(generator):
    maps = torch.rand(2, 5, 3, 3, generator=generator) + 0.1
    torch.testing.assert_close(unit_features(7 * maps), unit_features(maps))
    torch.testing.assert_close(unit_features(maps), functional.normalize(maps, dim=1))
    zeros = torch.zeros(1, 5, 2, 2, requires_grad=True)
    unit_distance(zeros, torch.ones(1, 5, 2, 2)).sum().backward()
    assert zeros.grad.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_rms_norm_is_torchs_in_the_precision_of_the_vectors(dtype, generator):
    ours, theirs = RMSNorm(6), torch.nn.RMSNorm(6, eps=1e-6)
    with torch.no_grad():
        ours.weight.copy_(torch.rand(6, generator=generator))
        theirs.load_state_dict(ours.state_dict())
    vectors = torch.randn(2, 3, 6, generator=generator, dtype=torch.float32).to(dtype)
    found = ours(vectors)
    assert found.dtype == dtype
    torch.testing.assert_close(found, theirs.to(dtype)(vectors))
