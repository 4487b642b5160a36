"""Networks of the ArcFace family from files."""

import pytest
import torch

from zoo.bundles import WeightsNotFoundError
from zoo.face_encoders.arcface import ArcFaceFaceEncoder
from zoo.layers.iresnet import IResNet


@pytest.mark.parametrize(("depth", "millions"), [(50, 43.59), (100, 65.16)])
def test_sizes_are_those_of_the_published_networks(depth, millions):
    with torch.device("meta"):
        count = sum(each.numel() for each in IResNet(depth).parameters())
    assert count / 1e6 == pytest.approx(millions, abs=0.01)


def test_a_file_of_the_published_layout_is_read(tmp_path):
    torch.manual_seed(0)
    network = IResNet(18).eval()
    torch.save(network.state_dict(), tmp_path / "backbone.pth")
    encoder = ArcFaceFaceEncoder(weights=str(tmp_path / "backbone.pth"), architecture="iresnet18")
    images = torch.rand(1, 3, 112, 112) * 2 - 1
    with torch.no_grad():
        expected = torch.nn.functional.normalize(network(images))
    torch.testing.assert_close(encoder(images)[:, 0], expected)
    assert not encoder.state_dict()


def test_another_architecture_is_refused_with_what_is_missing(tmp_path):
    torch.save(IResNet(18).state_dict(), tmp_path / "backbone.pth")
    encoder = ArcFaceFaceEncoder(weights=str(tmp_path / "backbone.pth"), architecture="iresnet34")
    with pytest.raises(ValueError, match=r"must have the \d+ tensors of iresnet34.*layer1.2"):
        encoder(torch.zeros(1, 3, 112, 112))


def test_missing_weights_say_where_they_come_from():
    with pytest.raises(WeightsNotFoundError, match="arcface_torch of insightface"):
        ArcFaceFaceEncoder(weights="none.pth")(torch.zeros(1, 3, 112, 112))


@pytest.mark.parametrize("architecture", ["iresnet51", "no_such_model"])
def test_unknown_architectures_are_refused(architecture):
    with pytest.raises(ValueError, match="architecture must be"):
        ArcFaceFaceEncoder(architecture=architecture)


def test_networks_of_timm_are_known():
    assert ArcFaceFaceEncoder(architecture="test_vit", weights="random").dim == 64
