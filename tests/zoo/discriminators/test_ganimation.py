"""What is special about GANimation's critic."""

import pytest
import torch

from zoo.discriminators.ganimation import GANimationDiscriminator
from zoo.facs import AUS


def test_the_papers_critic_has_2048_channels_and_four_patches():
    with torch.device("meta"):
        discriminator = GANimationDiscriminator(128, num_halvings=6)
        judgement = discriminator.judge(torch.zeros(1, 3, 128, 128))
    assert discriminator.regression.in_channels == 2048
    assert judgement.logits.shape == (1, 1, 2, 2)
    assert judgement.strengths.shape == (1, len(AUS))


def test_every_part_of_the_image_tells_aus(generator):
    discriminator = GANimationDiscriminator(32, channels=4, num_halvings=2)
    images = (torch.rand(1, 3, 32, 32, generator=generator) * 2 - 1).requires_grad_(True)
    discriminator.judge(images).strengths.sum().backward()
    assert (images.grad.abs().sum(1) > 0).float().mean() > 0.99


def test_images_and_arguments_that_do_not_fit_are_refused_by_name():
    with pytest.raises(ValueError, match="image_size must be a multiple of 16"):
        GANimationDiscriminator(40)
    with pytest.raises(ValueError, match="images must be 32 x 32 pixels, got 16 x 16"):
        GANimationDiscriminator(32, channels=4).judge(torch.zeros(1, 3, 16, 16))
