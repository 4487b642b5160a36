"""What every discriminator must do, found by the files of the family."""

from pathlib import Path

import pytest
import torch
from jsonargparse import ArgumentParser

from zoo.components import build, component_class, component_name, families, portable, specification
from zoo.discriminators.base import Discriminator

CONFIGS = Path(__file__).parents[3] / "configs" / "discriminators"
MEMBERS = families()["discriminators"]


@pytest.fixture(params=MEMBERS)
def discriminator(request):
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(Discriminator, "discriminator")
    return parser.instantiate(parser.parse_args([f"--discriminator={CONFIGS / request.param}.yaml"])).discriminator


@pytest.fixture
def images(generator):
    return torch.rand(2, 3, 64, 64, generator=generator) * 2 - 1


@pytest.mark.parametrize("member", MEMBERS)
def test_file_and_class_share_their_name(member):
    cls = component_class(f"discriminators/{member}")
    assert cls.__name__.lower() == f"{member.replace('_', '')}discriminator"
    assert issubclass(cls, Discriminator)


def test_it_gives_one_logit_per_patch(discriminator, images):
    logits = discriminator(images)
    assert logits.shape[:2] == (2, 1)
    assert min(logits.shape[2:]) > 1


def test_the_gradient_reaches_every_parameter_and_the_images(discriminator, images):
    images.requires_grad_(True)
    discriminator(images).square().mean().backward()
    assert not [name for name, each in discriminator.named_parameters() if each.grad is None or not each.grad.any()]
    assert images.grad.any()


def test_a_logit_depends_on_its_own_image_alone(discriminator, images):
    with torch.no_grad():
        torch.testing.assert_close(discriminator(images)[:1], discriminator(images[:1]), atol=1e-5, rtol=1e-4)


def test_it_is_rebuilt_from_plain_data_with_its_weights(discriminator, images):
    spec = portable(specification(discriminator))
    assert spec["component"] == component_name(discriminator)
    twin = build(spec)
    twin.load_state_dict(discriminator.state_dict(), strict=True)
    with torch.no_grad():
        assert torch.equal(twin(images), discriminator(images))


def test_it_runs_under_bfloat16(discriminator, images):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = discriminator(images)
    logits.float().mean().backward()
    assert all(each.grad.isfinite().all() for each in discriminator.parameters())
