"""Equation 6, literally; VGG16 takes seconds to make, so what needs it is slow."""

import logging

import pytest
import torch
from torch.nn import functional

from zoo.losses.vgg16_perceptual import VGG16PerceptualLoss

IMAGES = torch.zeros(1, 3, 32, 32)


def test_a_missing_file_is_named_with_where_it_comes_from(tmp_path):
    loss = VGG16PerceptualLoss(weights=str(tmp_path / "vgg16-397923af.pth"))
    with pytest.raises(FileNotFoundError, match=r"vgg16-397923af.pth.*Download https://download.pytorch.org"):
        loss(IMAGES, IMAGES)


def test_a_file_that_is_no_state_dict_is_refused(tmp_path):
    (tmp_path / "vgg.pth").write_bytes(b"not weights")
    with pytest.raises(ValueError, match="must be a state dict of tensors"):
        VGG16PerceptualLoss(weights=str(tmp_path / "vgg.pth"))(IMAGES, IMAGES)


def test_part_of_the_weights_is_refused_with_what_is_missing(tmp_path):
    torch.save({"features.0.weight": torch.zeros(64, 3, 3, 3)}, tmp_path / "vgg.pth")
    with pytest.raises(ValueError, match=r"32 tensors.* 31 are missing.*classifier.0.bias"):
        VGG16PerceptualLoss(weights=str(tmp_path / "vgg.pth"))(IMAGES, IMAGES)


def test_random_weights_must_be_asked_for_and_are_known(caplog):
    assert not VGG16PerceptualLoss().has_random_weights
    assert VGG16PerceptualLoss(weights="random").has_random_weights


@pytest.mark.slow
def test_it_is_equation_6_on_torchvisions_network(tmp_path, generator, caplog):
    from torchvision.models import vgg16

    loss = VGG16PerceptualLoss(weights="random")
    images, reconstructions = torch.rand(2, 1, 3, 64, 64, generator=generator) * 2 - 1
    before = torch.get_rng_state()
    with caplog.at_level(logging.WARNING):
        assert float(loss(images, images)) == 0.0
    assert "random weights: shapes and speed only" in caplog.text
    assert torch.equal(torch.get_rng_state(), before)  # seeded by a generator of its own
    value = loss(reconstructions.requires_grad_(True), images)
    value.backward()
    assert reconstructions.grad.any()
    assert not list(loss.parameters())
    assert not loss.state_dict()
    # the same weights in torchvision's own network, in its own convention
    with torch.device("meta"):
        network = vgg16(weights=None, init_weights=False)
    network.to_empty(device="cpu").eval()
    state = dict(loss.network.on(images.device).state_dict())
    state |= {"classifier.6.weight": torch.zeros(1000, 4096), "classifier.6.bias": torch.zeros(1000)}
    network.load_state_dict(state, strict=True)
    features = []
    with torch.no_grad():
        for each in (images, reconstructions):
            unit = functional.interpolate((each + 1) / 2, size=(224, 224), mode="bilinear")
            mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
            normal = (unit - mean[:, None, None]) / deviation[:, None, None]
            features.append(network.classifier[:5](network.avgpool(network.features(normal)).flatten(1)))
    torch.testing.assert_close(value.detach(), (features[0] - features[1]).square().mean(), rtol=1e-3, atol=1e-6)
    # and back through a file of torchvision's layout
    torch.save(state, tmp_path / "vgg16-397923af.pth")
    again = VGG16PerceptualLoss(weights=str(tmp_path / "vgg16-397923af.pth"))
    torch.testing.assert_close(again(reconstructions.detach(), images), value.detach())
