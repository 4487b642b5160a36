"""What is special about the patch discriminator."""

import pytest
import torch

from zoo.discriminators.patch import PatchDiscriminator


def _reach(discriminator, side):
    """How many pixels in a row one logit sees."""
    images = torch.zeros(1, 3, side, side, requires_grad=True)
    logits = discriminator(images)
    logits[0, 0, logits.shape[2] // 2, logits.shape[3] // 2].backward()
    rows = images.grad.abs().sum((0, 1, 3)).nonzero()
    return int(rows.max() - rows.min()) + 1


def test_three_halvings_give_the_patches_of_70_pixels_of_pix2pix():
    assert _reach(PatchDiscriminator(channels=4, normalization="none"), 128) == 70


def test_two_halvings_give_patches_of_34_pixels():
    assert _reach(PatchDiscriminator(channels=4, num_halvings=2, normalization="none"), 64) == 34


@pytest.mark.parametrize("normalization", ["group", "none"])
@pytest.mark.parametrize("blur", [False, True])
def test_every_variant_gives_the_same_grid(normalization, blur, generator):
    discriminator = PatchDiscriminator(channels=4, num_halvings=2, normalization=normalization, blur=blur)
    assert discriminator(torch.rand(1, 3, 32, 40, generator=generator)).shape == (1, 1, 6, 8)
    assert any(isinstance(each, torch.nn.GroupNorm) for each in discriminator.modules()) == (normalization == "group")


def test_the_smallest_image_holds_one_patch(generator):
    discriminator = PatchDiscriminator(channels=4)
    assert discriminator(torch.rand(1, 3, 24, 24, generator=generator)).shape == (1, 1, 1, 1)
    with pytest.raises(ValueError, match="at least 24, got 23 x 24"):
        discriminator(torch.rand(1, 3, 23, 24, generator=generator))


@pytest.mark.parametrize("arguments", [{"num_halvings": 0}])
def test_impossible_arguments_are_refused_by_name(arguments):
    with pytest.raises(ValueError, match="num_halvings must be at least 1"):
        PatchDiscriminator(**arguments)
