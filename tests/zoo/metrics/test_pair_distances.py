"""LPIPS against the package, and the same form of distance with a network trained here."""

import pytest
import torch
import torchvision

from zoo.bundles import load
from zoo.images import from_unit
from zoo.metrics.pair_distances import LPIPSDistance, TrainedDistance


def _pair(generator, size=48):
    return torch.rand(2, 3, 3, size, size, generator=generator)


def _package(trunk, network):
    lpips = pytest.importorskip("lpips")
    package = lpips.LPIPS(net=trunk, pnet_rand=True, verbose=False)
    for part in package.net.children():
        for place, layer in part.named_children():
            layer.load_state_dict(network.layers[int(place)].state_dict())
    return package


@pytest.mark.filterwarnings("ignore:The parameter 'pretrained'", "ignore:Arguments other than a weight enum")
@pytest.mark.parametrize("trunk", ["alex", pytest.param("vgg", marks=pytest.mark.slow)])
def test_lpips_is_what_the_package_computes(trunk, generator):
    distance = LPIPSDistance(trunk=trunk, weights="random")
    images, others = _pair(generator)
    package = _package(trunk, distance._network.on(images.device))
    with torch.no_grad():
        expected = package(images, others, normalize=True).flatten()
    torch.testing.assert_close(distance(images, others), expected, rtol=1e-4, atol=1e-6)
    assert torch.equal(distance(images, images), torch.zeros(3))
    assert expected.min() > 1e-3  # random weights must not make the comparison empty


@pytest.mark.slow  # the whole of AlexNet, 244 MB
def test_a_file_of_the_layout_is_read(tmp_path, generator):
    network = torchvision.models.alexnet(weights=None)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(0, 0.05, generator=generator)
    torch.save(network.state_dict(), tmp_path / "alexnet.pth")
    path = str(tmp_path / "alexnet.pth")
    distance = LPIPSDistance(weights=path, sha256=None)
    read = distance._network.on(torch.device("cpu"))
    assert torch.equal(read.layers[0].weight, network.features[0].weight)
    assert torch.equal(read.layers[10].bias, network.features[10].bias)
    with pytest.raises(ValueError, match="SHA-256 7be5be79"):
        LPIPSDistance(weights=path)(*_pair(generator))


def test_names_say_what_was_measured():
    assert LPIPSDistance().name == "lpips"
    assert LPIPSDistance(trunk="vgg").name == "lpips_vgg"
    assert LPIPSDistance(weights="random").name == "random_lpips"
    assert LPIPSDistance(sha256=None).name == "unverified_lpips"
    assert TrainedDistance().name == "feature_distance_perceptual"
    assert TrainedDistance("runs/mine/v-1").name == "feature_distance_v_1"


def test_a_missing_file_is_named_with_where_it_comes_from():
    with pytest.raises(FileNotFoundError, match=r"gone.pth.*Download https://download.pytorch.org/models/alexnet"):
        LPIPSDistance(weights="models/gone.pth").check()


def test_a_trained_network_compares_directions_of_its_maps(generator):
    images, others = _pair(generator)
    network = load("models/perceptual")
    expected = torch.zeros(3)
    with torch.no_grad():
        for maps, targets in zip(network(from_unit(images)), network(from_unit(others)), strict=True):
            cosine = torch.cosine_similarity(maps, targets, dim=1)  # |a/|a| - b/|b||^2 = 2 - 2 cos
            expected += (2 - 2 * cosine).mean((1, 2)) / 3
    distance = TrainedDistance("models/perceptual")
    torch.testing.assert_close(distance(images, others), expected, rtol=1e-3, atol=1e-5)
    assert torch.equal(distance(images, images), torch.zeros(3))
    with pytest.raises(TypeError, match="must be the path of a backbone"):
        TrainedDistance("models/recognizer")(images, others)
