"""LPIPS against the package's own forward pass; VGG16 takes seconds to make, so what needs it is slow."""

import pytest
import torch

from zoo.losses.lpips_perceptual import LPIPSPerceptualLoss


def test_a_missing_file_is_named_with_where_it_comes_from(tmp_path):
    images = torch.zeros(1, 3, 32, 32)
    with pytest.raises(FileNotFoundError, match=r"gone.pth.*Download https://download.pytorch.org"):
        LPIPSPerceptualLoss(weights=str(tmp_path / "gone.pth"))(images, images)


@pytest.mark.slow
def test_it_is_what_the_package_computes(generator):
    loss = LPIPSPerceptualLoss(weights="random")
    images, reconstructions = torch.rand(2, 2, 3, 32, 32, generator=generator) * 2 - 1
    assert float(loss(images, images)) == 0.0
    value = loss(reconstructions.requires_grad_(True), images)
    value.backward()
    assert reconstructions.grad.isfinite().all()
    assert reconstructions.grad.any()
    package = loss.network.on(images.device)
    with torch.no_grad():
        torch.testing.assert_close(value.detach(), package(reconstructions, images).mean(), rtol=1e-4, atol=1e-6)
    assert not list(loss.parameters())
    # the learned weights of the channels are the package's, not drawn
    assert all((head.model[-1].weight >= 0).all() for head in package.lins)
