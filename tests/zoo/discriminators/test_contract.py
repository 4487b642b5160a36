"""What every discriminator must do, found by the files of the family."""

import pytest
import torch

from tests.zoo.contract import ComponentContract, from_config
from zoo.components import families


class TestDiscriminators(ComponentContract):
    family = "discriminators"

    def outcome(self, discriminator, generator):
        images = torch.rand(2, 3, 64, 64, generator=generator) * 2 - 1
        return getattr(discriminator, "judge", discriminator)(images)  # some say more than how real it is


@pytest.fixture(params=families()["discriminators"])
def discriminator(request):
    return from_config(f"discriminators/{request.param}")


@pytest.fixture
def images(generator):
    return torch.rand(2, 3, 64, 64, generator=generator) * 2 - 1


def test_it_gives_one_logit_per_patch(discriminator, images):
    logits = discriminator(images)
    assert logits.shape[:2] == (2, 1)
    assert min(logits.shape[2:]) > 1


def test_the_gradient_reaches_the_images(discriminator, images):
    images.requires_grad_(True)
    discriminator(images).square().mean().backward()
    assert images.grad.any()


def test_a_logit_depends_on_its_own_image_alone(discriminator, images):
    with torch.no_grad():
        torch.testing.assert_close(discriminator(images)[:1], discriminator(images[:1]), atol=1e-5, rtol=1e-4)
