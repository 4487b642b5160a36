"""The Inception network: published shapes, torchvision's modules as another account of it, and its file of weights."""

import hashlib

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch.nn import functional

from zoo.metrics.inception import InceptionNetwork, resize_as_tensorflow
from zoo.metrics.inception_weights import PUBLISHED as FILE
from zoo.metrics.inception_weights import find_inception, inception

PUBLISHED = {  # Szegedy et al. 2016, table 1: sides and channels of what goes into each layer, and of the end
    "Conv2d_1a_3x3": (299, 3),
    "Conv2d_2a_3x3": (149, 32),
    "Conv2d_2b_3x3": (147, 32),
    "Conv2d_3b_1x1": (73, 64),
    "Conv2d_4a_3x3": (73, 80),
    "Mixed_5b": (35, 192),
    "Mixed_5c": (35, 256),
    "Mixed_5d": (35, 288),
    "Mixed_6a": (35, 288),
    "Mixed_6b": (17, 768),
    "Mixed_6c": (17, 768),
    "Mixed_6d": (17, 768),
    "Mixed_6e": (17, 768),
    "Mixed_7a": (17, 768),
    "Mixed_7b": (8, 1280),
    "Mixed_7c": (8, 2048),
}


@pytest.fixture(scope="module")
def network():
    return inception("random")


@pytest.fixture(scope="module")
def file(network, tmp_path_factory):
    """A file of the published layout with random weights."""
    path = tmp_path_factory.mktemp("weights") / "inception.pth"
    torch.save(network.state_dict(), path)
    return path


def test_layers_have_the_published_shapes():
    with torch.device("meta"):
        network = InceptionNetwork()
        shapes = {}
        for name, layer in network.named_children():
            layer.register_forward_pre_hook(
                lambda _, taken, name=name: shapes.update({name: tuple(taken[0].shape[1:])})
            )
        output = network(torch.empty(2, 3, 299, 299))
    assert {name: (rows, dim) for name, (dim, rows, cols) in shapes.items() if rows == cols} == PUBLISHED
    assert (tuple(output.features.shape), tuple(output.logits.shape)) == ((2, 2048), (2, 1008))


def test_tensors_have_the_names_and_shapes_of_the_published_file():
    with torch.device("meta"):
        ours = InceptionNetwork().state_dict()
        theirs = torchvision.models.inception_v3(
            num_classes=1008, aux_logits=False, init_weights=False, transform_input=False
        ).state_dict()
    assert len(ours) == 566
    assert {name: tensor.shape for name, tensor in ours.items()} == {
        name: tensor.shape for name, tensor in theirs.items()
    }


class _AsTensorFlow:
    """torch.nn.functional, where averages leave out padding and, at the end, maxima are taken."""

    block = ""

    def __getattr__(self, name):
        return getattr(functional, name)

    def avg_pool2d(self, maps, **options):
        if self.block == "Mixed_7c":
            return functional.max_pool2d(maps, **options)
        return functional.avg_pool2d(maps, **options, count_include_pad=False)


def test_it_is_torchvisions_network_with_tensorflows_pooling(network, generator, monkeypatch):
    theirs = torchvision.models.inception_v3(
        num_classes=1008, aux_logits=False, init_weights=False, transform_input=False
    ).eval()
    theirs.load_state_dict(network.state_dict())
    shim = _AsTensorFlow()
    monkeypatch.setattr("torchvision.models.inception.F", shim)
    for name, layer in theirs.named_children():
        layer.register_forward_pre_hook(lambda *_, name=name: setattr(shim, "block", name))
    pixels = torch.rand(1, 3, 299, 299, generator=generator) * 255
    seen = {}
    theirs.avgpool.register_forward_hook(lambda *found: seen.update(features=found[-1].flatten(1)))
    with torch.no_grad():
        logits = theirs((pixels - 128) / 128)
        ours = network(pixels)
    torch.testing.assert_close(ours.features, seen["features"], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(ours.logits, logits - network.fc.bias, rtol=1e-4, atol=1e-4)
    assert ours.features.std() > 0.01  # random weights must not make the comparison empty


@pytest.mark.slow
def test_torch_fidelity_agrees(network, file, generator):
    fidelity = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    theirs = fidelity.FeatureExtractorInceptionV3("inception", ["2048", "logits_unbiased"], str(file))
    pixels = (torch.rand(1, 3, 64, 80, generator=generator) * 255).to(torch.uint8)
    features, logits = theirs(pixels)
    ours = network(resize_as_tensorflow(pixels.float(), 299))
    torch.testing.assert_close(ours.features, features, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(ours.logits, logits, rtol=1e-4, atol=1e-4)


def test_resizing_is_tensorflows(generator):
    pixels = torch.rand(1, 3, 5, 7, generator=generator) * 255
    found = resize_as_tensorflow(pixels, 9)
    for row in range(9):
        for col in range(9):
            y, x = row * 5 / 9, col * 7 / 9
            top, left = int(y), int(x)
            bottom, right = min(top + 1, 4), min(left + 1, 6)
            above = pixels[0, :, top, left] * (1 - x + left) + pixels[0, :, top, right] * (x - left)
            below = pixels[0, :, bottom, left] * (1 - x + left) + pixels[0, :, bottom, right] * (x - left)
            torch.testing.assert_close(found[0, :, row, col], above * (1 - y + top) + below * (y - top))
    assert torch.equal(resize_as_tensorflow(found, 9), found)


@pytest.mark.slow
def test_a_file_of_the_layout_is_read_with_its_hash(network, file, tmp_path):
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    loaded = inception(str(file), sha256=sha256)
    assert all(torch.equal(tensor, loaded.state_dict()[name]) for name, tensor in network.state_dict().items())
    assert not loaded.training
    # counts of batches may be missing, and tensors may come as safetensors
    path = tmp_path / "inception.safetensors"
    save_file({name: tensor for name, tensor in network.state_dict().items() if "num_batches" not in name}, path)
    assert torch.equal(inception(str(path), sha256=None).fc.weight, network.fc.weight)


def test_another_file_is_refused_by_its_hash(file):
    with pytest.raises(ValueError, match=f"must be a file with SHA-256 {FILE.sha256}"):
        inception(str(file))
    FILE.check_hash(file, hashlib.sha256(file.read_bytes()).hexdigest().upper())


def test_a_missing_file_is_named_with_where_it_comes_from(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone.pth.*Download https://github.com/toshas/torch-fidelity"):
        inception(str(tmp_path / "gone.pth"))


def test_the_hub_is_asked_for_the_right_file(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    asked = {}

    def download(url, target, *, hash_prefix, progress):
        asked.update(url=url, hash=hash_prefix)
        message = "no route"
        raise OSError(message)

    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    with pytest.raises(FileNotFoundError, match=r"could not be downloaded.*no route.*by other means"):
        find_inception("hub")
    assert asked == {"url": FILE.source, "hash": FILE.sha256}
    (tmp_path / "checkpoints" / "pt_inception-2015-12-05-6726825d.pth").write_bytes(b"")
    assert find_inception("hub").name.startswith("pt_inception")


def test_other_networks_and_pickles_are_refused(tmp_path):
    torch.save({"fc.weight": torch.zeros(3, 3)}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match="566 tensors of the Inception network"):
        inception(str(tmp_path / "other.pth"), sha256=None)
    torch.save(torch.nn.Linear(2, 2), tmp_path / "code.pth")  # a pickled module would run code
    with pytest.raises(ValueError, match="state dict of tensors"):
        inception(str(tmp_path / "code.pth"), sha256=None)
