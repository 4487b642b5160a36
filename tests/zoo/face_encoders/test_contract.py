"""What every face encoder must do, found by the files of the family."""

from __future__ import annotations

import pytest
import torch

from tests.zoo.contract import ComponentContract, from_config
from zoo.codecs.residual_vqgan import ResidualVQGANCodec
from zoo.components import families
from zoo.quantizers.residual import ResidualQuantizer

MEMBERS = families()["face_encoders"]
CHEAP = {
    "arcface": {"weights": "random", "architecture": "iresnet18"},
    "clip": {"weights": "random", "size": "base32"},
}


def _codec():
    torch.manual_seed(0)
    quantizer = ResidualQuantizer(latent_dim=4, num_levels=2, codebook_size=8)
    codec = ResidualVQGANCodec(
        quantizer, channels=8, channel_multipliers=[1], num_residual_blocks=1, patch_size=8, attention=False
    )
    codec(torch.rand(4, 3, 32, 32) * 2 - 1)  # codebooks start from data
    return codec.eval()


class TestFaceEncoders(ComponentContract):
    family = "face_encoders"
    too_large = ("arcface", "clip")

    def arguments(self, member):
        return CHEAP.get(member, {})

    def outcome(self, encoder, generator):
        with torch.random.fork_rng(devices=[]):
            encoder.connect(_codec())
        features = encoder(torch.rand(2, 3, 64, 64, generator=generator) * 2 - 1)
        # of unit length, their squares would say nothing
        return features * torch.linspace(0.5, 1.5, encoder.dim, device=features.device)


@pytest.fixture(scope="module")
def codec():
    return _codec()


@pytest.fixture(scope="module", params=MEMBERS)
def encoder(request, codec):
    torch.manual_seed(0)
    encoder = from_config(f"face_encoders/{request.param}", **CHEAP.get(request.param, {}))
    encoder.connect(codec)
    return encoder.eval()


@pytest.fixture(scope="module")
def images():
    return torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_features_have_the_promised_channels(encoder, images):
    features = encoder(images)
    assert features.ndim == 3
    assert features.shape[::2] == (2, encoder.dim)
    assert features.isfinite().all()


def test_a_face_does_not_depend_on_its_company(encoder, images):
    torch.testing.assert_close(encoder(images)[:1], encoder(images[:1]), atol=1e-4, rtol=1e-3)


def test_different_faces_have_different_features(encoder, images):
    first, second = encoder(images)
    assert not torch.allclose(first, second)
