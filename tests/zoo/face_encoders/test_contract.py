"""What every face encoder must do, found by the files of the family."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from jsonargparse import ArgumentParser

from zoo.codecs.residual_vqgan import ResidualVQGANCodec
from zoo.components import build, component_class, families, portable, specification
from zoo.face_encoders.base import FaceEncoder
from zoo.quantizers.residual import ResidualQuantizer

CONFIGS = Path(__file__).parents[3] / "configs" / "face_encoders"
MEMBERS = families()["face_encoders"]
CHEAP = {
    "arcface": ["--encoder.weights=random", "--encoder.architecture=iresnet18"],
    "clip": ["--encoder.weights=random", "--encoder.size=base32"],
}


@pytest.fixture(scope="module")
def codec():
    torch.manual_seed(0)
    quantizer = ResidualQuantizer(latent_dim=4, num_levels=2, codebook_size=8)
    codec = ResidualVQGANCodec(
        quantizer, channels=8, channel_multipliers=[1], num_residual_blocks=1, patch_size=8, attention=False
    )
    codec(torch.rand(4, 3, 32, 32) * 2 - 1)  # codebooks start from data
    return codec.eval()


@pytest.fixture(scope="module", params=MEMBERS)
def encoder(request, codec):
    torch.manual_seed(0)
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(FaceEncoder, "encoder")
    words = [f"--encoder={CONFIGS / request.param}.yaml", *CHEAP.get(request.param, [])]
    encoder = parser.instantiate(parser.parse_args(words)).encoder
    encoder.connect(codec)
    return encoder.eval()


@pytest.fixture(scope="module")
def images():
    return torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize("member", MEMBERS)
def test_file_and_class_share_their_name(member):
    assert component_class(f"face_encoders/{member}").__name__.lower() == f"{member.replace('_', '')}faceencoder"


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


def test_it_can_be_said_and_built_again(encoder, images, codec):
    again = build(portable(specification(encoder)))
    again.load_state_dict(encoder.state_dict())
    again.connect(codec)
    torch.testing.assert_close(again.eval()(images), encoder(images))


def test_the_gradient_reaches_every_parameter(encoder, images):
    parameters = dict(encoder.named_parameters())
    if not parameters:
        assert not encoder(images).requires_grad  # frozen
        return
    (encoder(images) * torch.linspace(0, 1, encoder.dim)).sum().backward()
    assert not [name for name, each in parameters.items() if each.grad is None or not each.grad.any()]
