"""The codec's own view of the reference."""

import pytest
import torch
from einops import rearrange

from zoo.codecs.residual_vqgan import ResidualVQGANCodec
from zoo.face_encoders.latent import LatentFaceEncoder
from zoo.quantizers.residual import ResidualQuantizer


def test_features_are_the_codes_of_each_position_all_levels_alike():
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
    features = encoder(images)
    assert features.shape == (2, 16, encoder.dim)
    for level, found in enumerate(features.chunk(3, -1)):
        code = rearrange(codec.quantizer.level_latents(codec.tokenize(images))[:, level], "b d h w -> b (h w) d")
        torch.testing.assert_close(found.square().mean(-1), torch.ones(2, 16))
        torch.testing.assert_close(found * code.square().mean(-1, keepdim=True).sqrt(), code)
    assert not encoder.state_dict()


def test_it_needs_a_codec():
    with pytest.raises(ValueError, match="a codec must be connected"):
        LatentFaceEncoder()(torch.zeros(1, 3, 8, 8))
