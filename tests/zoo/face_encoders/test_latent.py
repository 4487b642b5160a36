"""The codec's own view of the reference."""

import pytest
import torch
from einops import rearrange

from zoo.codecs.residual_vqgan import ResidualVQGANCodec
from zoo.face_encoders.latent import LatentFaceEncoder
from zoo.quantizers.residual import ResidualQuantizer


def test_features_are_the_summed_codes_of_each_position():
    torch.manual_seed(0)
    codec = ResidualVQGANCodec(
        ResidualQuantizer(latent_dim=4, num_levels=3, codebook_size=8),
        channels=8,
        channel_multipliers=[1],
        num_residual_blocks=1,
        patch_size=8,
        attention=False,
    )
    images = torch.rand(2, 3, 32, 32) * 2 - 1
    codec(images)
    codec.eval()
    encoder = LatentFaceEncoder()
    encoder.connect(codec)
    expected = rearrange(codec.quantizer.level_latents(codec.tokenize(images)).sum(1), "b d h w -> b (h w) d")
    torch.testing.assert_close(encoder(images), expected)
    assert encoder.dim == 4
    assert not encoder.state_dict()


def test_it_needs_a_codec():
    with pytest.raises(ValueError, match="a codec must be connected"):
        LatentFaceEncoder()(torch.zeros(1, 3, 8, 8))
