"""What is special about the residual VQGAN."""

import pytest
import torch

from zoo.codecs.residual_vqgan import ResidualVQGANCodec
from zoo.quantizers.base import Quantized, Quantizer


class _Rounding(Quantizer):
    """Rounds to integers: a quantizer without state, so that these tests are about the codec alone."""

    latent_dim = 8
    num_levels = 1
    codebook_size = 1

    def forward(self, latents):
        tokens = self.encode(latents)
        return Quantized(latents + (latents.round() - latents).detach(), tokens, latents.new_zeros(()))

    def encode(self, latents):
        return torch.zeros(latents.shape[0], 1, *latents.shape[-2:], dtype=torch.int64)

    def decode(self, tokens):
        raise NotImplementedError

    def level_latents(self, tokens):
        raise NotImplementedError


def _codec(**arguments):
    return ResidualVQGANCodec(_Rounding(), **{"channels": 8, "channel_multipliers": [1, 2], **arguments})


def test_the_defaults_are_paper_scale():
    with torch.device("meta"):
        codec = ResidualVQGANCodec(_Rounding())
    assert codec.stride == 16  # 256 px to 16 x 16
    parameters = sum(parameter.numel() for parameter in codec.parameters())
    assert 20e6 < parameters < 60e6


@pytest.mark.parametrize(("patch_size", "multipliers", "stride"), [(1, [1], 1), (1, [1, 1, 2], 4), (4, [1, 2], 8)])
def test_the_stride_is_the_patch_times_the_halvings(patch_size, multipliers, stride, generator):
    codec = _codec(patch_size=patch_size, channel_multipliers=multipliers)
    assert codec.stride == stride
    assert codec.encode(torch.rand(1, 3, 16, 16, generator=generator)).shape == (1, 8, 16 // stride, 16 // stride)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"channel_multipliers": []}, "channel_multipliers must be"),
        ({"channel_multipliers": [1, 0]}, r"channel_multipliers must be .* got \[1, 0\]"),
        ({"patch_size": 0}, "patch_size must be at least 1, got 0"),
        ({"channels": 0}, "channels must be at least 1, got 0"),
        ({"num_residual_blocks": 0}, "num_residual_blocks must be at least 1"),
    ],
)
def test_impossible_arguments_are_refused_by_name(arguments, reason):
    with pytest.raises(ValueError, match=reason):
        _codec(**arguments)


def test_recomputing_gives_the_same_gradients(generator):
    images = torch.rand(2, 3, 16, 16, generator=generator)
    keeping, recomputing = _codec(), _codec(recompute=True)
    recomputing.load_state_dict(keeping.state_dict())
    gradients = []
    for codec in (keeping, recomputing):
        codec(images).images.square().mean().backward()
        gradients.append([parameter.grad for parameter in codec.parameters()])
    torch.testing.assert_close(gradients[0], gradients[1])


def test_recomputing_keeps_fewer_activations(generator):
    images = torch.rand(1, 3, 16, 16, generator=generator)
    kept = {}
    for recompute in (False, True):
        sizes = []
        with torch.autograd.graph.saved_tensors_hooks(lambda t, s=sizes: s.append(t.numel()) or t, lambda t: t):
            _codec(recompute=recompute, num_residual_blocks=2)(images)
        kept[recompute] = sum(sizes)
    assert kept[True] < 0.7 * kept[False]


def test_the_last_weight_gives_the_pixels(generator):
    codec = _codec()
    with torch.no_grad():
        codec.last_weight.zero_()
    assert codec(torch.rand(1, 3, 16, 16, generator=generator)).images.std((2, 3)).max() == 0


@pytest.mark.slow
def test_it_learns_one_batch(generator):
    codec = _codec(channels=32, patch_size=4)
    images = torch.rand(4, 3, 4, 4, generator=generator).repeat_interleave(8, 2).repeat_interleave(8, 3) * 2 - 1
    optimizer = torch.optim.Adam(codec.parameters(), 2e-3)
    losses = []
    for _ in range(80):
        loss = (codec(images).images - images).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.3 * losses[0]


def test_the_shortcut_alone_keeps_the_lowest_frequencies(generator):
    codec = ResidualVQGANCodec(
        _Rounding(), channels=8, channel_multipliers=[1], num_residual_blocks=1, patch_size=8, shortcut=True
    )
    columns = torch.linspace(-1, 1, 8).repeat(2)
    smooth = torch.rand(2, 1, 1, 1, generator=generator) + 0.1 * columns.expand(2, 3, 16, 16)
    noise = torch.rand(2, 3, 16, 16, generator=generator)
    with torch.no_grad():
        errors = [(codec.decode(codec.encode(images)) - images).square().mean() for images in (smooth, noise)]
        norms = [codec.encode(images).square().sum() / images.square().sum() for images in (smooth, noise)]
    assert errors[0] < 1e-4 < 0.02 < errors[1]
    assert norms[0] == pytest.approx(1, abs=1e-3)  # orthonormal
    assert norms[1] < 0.9


def test_a_shortcut_learns_with_the_rest(generator):
    codec = _codec(shortcut=True)
    codec(torch.rand(1, 3, 16, 16, generator=generator)).images.square().sum().backward()
    assert codec.into_latents.weight.grad.abs().sum() > 0
    assert codec.into_pixels.weight.grad.abs().sum() > 0


def test_a_shortcut_may_have_more_latents_than_a_square_has_values(generator):
    codec = _codec(shortcut=True, channel_multipliers=[1])  # 8 for 3
    images = torch.rand(1, 3, 16, 16, generator=generator)
    with torch.no_grad():
        torch.testing.assert_close(codec.decode(codec.encode(images)), images)
