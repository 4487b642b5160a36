"""What every codec must do, found by the files of the family."""

import pytest
import torch

from tests.zoo.contract import ComponentContract, from_config
from zoo.components import families


class TestCodecs(ComponentContract):
    family = "codecs"

    def outcome(self, codec, generator):
        return codec(torch.rand(2, 3, 64, 64, generator=generator) * 2 - 1)


@pytest.fixture(params=families()["codecs"])
def codec(request):
    return from_config(f"codecs/{request.param}")


@pytest.fixture
def images(generator):
    return torch.rand(2, 3, 64, 64, generator=generator) * 2 - 1


def test_forward_gives_images_tokens_and_commitment(codec, images):
    reconstruction = codec(images)
    grid = images.shape[-1] // codec.stride
    assert reconstruction.images.shape == images.shape
    assert reconstruction.tokens.shape == (2, codec.quantizer.num_levels, grid, grid)
    assert reconstruction.commitment.ndim == 0
    assert reconstruction.images.isfinite().all()


def test_tokens_alone_give_the_reconstruction(codec, images):
    codec.eval()
    with torch.no_grad():
        reconstruction = codec(images)
        tokens = codec.tokenize(images)
        decoded = codec.detokenize(tokens)
    assert torch.equal(tokens, reconstruction.tokens)
    torch.testing.assert_close(decoded, reconstruction.images.clamp(-1, 1), atol=1e-4, rtol=1e-4)
    assert decoded.abs().max() <= 1


def test_a_reconstruction_depends_on_its_own_image_alone(codec, images):
    codec.eval()
    with torch.no_grad():
        together, alone = codec(images), codec(images[:1])
    assert torch.equal(together.tokens[:1], alone.tokens)
    torch.testing.assert_close(together.images[:1], alone.images, atol=1e-5, rtol=1e-4)


def test_every_multiple_of_the_stride_is_a_side(codec, generator):
    codec.eval()
    height, width = 3 * codec.stride, 5 * codec.stride
    with torch.no_grad():
        reconstruction = codec(torch.rand(1, 3, height, width, generator=generator))
    assert reconstruction.images.shape == (1, 3, height, width)
    assert reconstruction.tokens.shape[-2:] == (3, 5)


@pytest.mark.parametrize("extra", [(1, 0), (0, 1), (4, 4)])
def test_other_sides_are_refused_with_the_stride(codec, extra):
    with pytest.raises(ValueError, match=f"multiples of the stride {codec.stride}"):
        codec.encode(torch.zeros(1, 3, 64 + extra[0], 64 + extra[1]))


def test_it_runs_under_bfloat16_and_gives_float32_images(codec, images):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        reconstruction = codec(images)
    assert reconstruction.images.dtype == torch.float32


def test_activations_are_channels_last(codec, images):
    layouts = []
    convolution = next(each for each in codec.modules() if isinstance(each, torch.nn.Conv2d) and each.out_channels > 3)
    convolution.register_forward_hook(
        lambda _module, _inputs, output: layouts.append(output.is_contiguous(memory_format=torch.channels_last))
    )
    codec.encode(images)
    assert layouts == [True]
