"""Image quality: what features and pixels it sees, what its figures are named, and that no split changes them."""

import functools
import hashlib
import logging
import pickle

import pytest
import torch
from torch.nn import functional

from tests.zoo.metrics.processes import ranks
from zoo.bundles import load
from zoo.images import from_unit
from zoo.metrics.feature_distances import frechet_distance, inception_score, kernel_distance
from zoo.metrics.feature_networks import FeatureNetwork, InceptionFeatures, TrainedFeatures, as_pixels
from zoo.metrics.image_quality import ImageQuality


class _Colours(FeatureNetwork):
    """Means and deviations of colours, with made-up logits."""

    name = "colour"
    dim = 6

    def __call__(self, pixels):
        values = pixels.float().flatten(2) / 64
        features = torch.cat([values.mean(2), values.std(2)], dim=1)
        return features, features[:, : self.num_classes]


class _Inception(_Colours):
    """Names itself as the published network does."""

    name = "inception"
    num_classes = 3


def _images(seed, count=40, high=1.0):
    return torch.rand(count, 3, 4, 5, generator=torch.Generator().manual_seed(seed)) * high


def _fill(metric, generated=range(40), real=range(40)):
    for is_real, places, images in ((True, real, _images(0)), (False, generated, _images(1, high=0.8))):
        for part in torch.tensor(list(places), dtype=torch.long).split(9):
            if len(part):
                metric.update(images[part], real=is_real, index=part, subject=[f"{int(n) % 7}" for n in part])


def _result(network, **options):
    metric = ImageQuality(network, **options)
    _fill(metric)
    return metric.compute()


def test_figures_are_those_of_the_features():
    network = _Inception()
    result = _result(network)
    generated, real = (network(as_pixels(images, owner="test"))[0] for images in (_images(1, high=0.8), _images(0)))
    names = [f"{n % 7}" for n in range(40)]
    kernel = kernel_distance(generated, real, first_subjects=names, second_subjects=names)
    assert float(result["fid"]) == pytest.approx(frechet_distance(generated, real))
    assert float(result["kid"]) == pytest.approx(kernel.value)
    assert (float(result["kid_low"]), float(result["kid_high"])) == pytest.approx((kernel.low, kernel.high))
    assert float(result["inception_score"]) == inception_score(generated[:, :3])[0]
    assert result["num_generated"] == result["num_real"] == 40
    assert {name.split("_")[0] for name in result} == {"fid", "kid", "inception", "num"}


def test_no_other_network_gives_anything_named_fid():
    result = _result(_Colours())
    assert not any("fid" in name or "kid" in name or "inception" in name for name in result)
    assert result["frechet_distance_colour_features"] == _result(_Inception())["fid"]
    assert result["kernel_distance_colour_features"] == _result(_Inception())["kid"]


def test_real_and_generated_images_of_unequal_number(generator):
    metric = ImageQuality(_Colours())
    metric.update(_images(0, 30), real=True)
    metric.update(_images(1, 11), real=False)
    result = metric.compute()
    assert (result["num_generated"], result["num_real"]) == (11, 30)
    assert result["frechet_distance_colour_features"] > 0
    assert result["kernel_distance_colour_features_low"] < result["kernel_distance_colour_features"]


def test_too_few_images_have_no_distance():
    metric = ImageQuality(_Colours())
    metric.update(_images(0, 30), real=True)
    assert metric.compute()["frechet_distance_colour_features"].isnan()
    metric.update(_images(0, 1), real=False)
    result = metric.compute()
    assert all(value.isnan() for name, value in result.items() if not name.startswith("num") and "floor" not in name)
    assert result["frechet_distance_colour_features_floor"] > 0  # it needs real images alone


def test_fewer_images_than_features_are_told(caplog):
    metric = ImageQuality(_Colours())
    metric.update(_images(0, 6), real=True)
    metric.update(_images(1, 6), real=False)
    with caplog.at_level(logging.WARNING, logger="zoo.metrics.image_quality"):
        assert metric.compute()["frechet_distance_colour_features"].isfinite()
    assert "6 images against 6 features" in caplog.text


@pytest.mark.filterwarnings("ignore:The ``compute`` method of metric ImageQuality was called before")
@pytest.mark.parametrize("first", [True, False])
def test_ranks_give_what_one_process_gives(first):
    whole = _result(_Inception())
    make = functools.partial(ImageQuality, _Inception())
    even = functools.partial(_fill, generated=range(0, 40, 2), real=[*range(0, 40, 2), 0])
    odd = functools.partial(_fill, generated=[*range(39, 0, -2), 1], real=range(1, 40, 2))
    fills = (even, odd) if first else (lambda metric: None, _fill)
    found = ranks(make, *fills)
    assert found.keys() == whole.keys()
    for name, value in whole.items():
        assert float(found[name]) == pytest.approx(float(value), rel=1e-9, abs=1e-9), name


def test_images_are_seen_as_files_store_them():
    pixels = torch.arange(256, dtype=torch.uint8).expand(1, 3, 2, 256)
    assert torch.equal(as_pixels(pixels.float() / 255, owner="test"), pixels)
    assert as_pixels(pixels, owner="test") is pixels
    assert torch.equal(
        as_pixels(torch.full((1, 3, 1, 1), 0.4999 / 255), owner="test"), torch.zeros_like(pixels[..., :1, :1])
    )
    with pytest.raises(ValueError, match="images must be finite and in"):
        ImageQuality(_Colours()).update(from_unit(_images(0)), real=True)  # images in [-1, 1]


def test_features_of_a_recogniser_and_of_a_backbone_are_its_own(generator):
    images = torch.rand(2, 3, 64, 64, generator=generator)
    pixels = as_pixels(images, owner="test")
    rounded = from_unit(pixels.float() / 255)
    recogniser, backbone = TrainedFeatures("models/recognizer_independent"), TrainedFeatures("models/perceptual")
    with torch.no_grad():
        nodes = load("models/recognizer_independent")(rounded).nodes.flatten(1)
        maps = load("models/perceptual")(rounded)
    torch.testing.assert_close(recogniser(pixels)[0], nodes)
    torch.testing.assert_close(backbone(pixels)[0], torch.cat([each.mean((2, 3)) for each in maps], 1))
    assert (recogniser.name, recogniser.dim) == ("recognizer_independent", 576)
    assert (backbone.name, backbone.dim) == ("perceptual", 112)
    assert TrainedFeatures("models/perceptual", name="ours").name == "ours"
    with pytest.raises(TypeError, match="must be the path of a backbone or a recogniser"):
        TrainedFeatures("models/codec")


def test_a_metric_keeps_its_network_out_of_checkpoints():
    metric = ImageQuality(TrainedFeatures())
    assert not list(metric.parameters())
    assert not metric.state_dict()
    pickle.dumps(metric)  # as processes that are spawned are sent it
    assert pickle.loads(pickle.dumps(metric)).network.dim == metric.network.dim


def test_only_the_published_file_gives_fid():
    assert InceptionFeatures().name == "inception"
    assert InceptionFeatures(resize="clean").name == "clean_inception"
    assert InceptionFeatures(sha256=None).name == "unverified_inception"
    assert InceptionFeatures(weights="random").name == "random_inception"
    with pytest.raises(FileNotFoundError, match="Download"):
        InceptionFeatures(weights="models/nowhere.pth").check()
    with pytest.raises((ValueError, TypeError), match=r"resize"):
        InceptionFeatures(resize="nearest")


@pytest.mark.slow
def test_inception_looks_once_at_resized_pixels(tmp_path, generator):
    from zoo.metrics.inception import resize_as_tensorflow
    from zoo.metrics.inception_weights import inception

    network = inception("random")
    torch.save(network.state_dict(), tmp_path / "fixture.pth")
    sha256 = hashlib.sha256((tmp_path / "fixture.pth").read_bytes()).hexdigest()
    pixels = (torch.rand(3, 3, 40, 50, generator=generator) * 255).to(torch.uint8)
    resized = {
        "tensorflow": resize_as_tensorflow(pixels.float(), 299),
        "clean": functional.interpolate(pixels.float(), (299, 299), mode="bicubic", antialias=True).clamp(0, 255),
    }
    for resize, images in resized.items():
        features = InceptionFeatures(weights=str(tmp_path / "fixture.pth"), sha256=sha256, resize=resize)
        with torch.no_grad():
            output = network(images)
        found = features(pixels)
        torch.testing.assert_close(found[0], output.features)
        torch.testing.assert_close(found[1], output.logits)
    metric = ImageQuality(InceptionFeatures(weights=str(tmp_path / "fixture.pth"), sha256=sha256))
    metric.update(pixels, real=True)
    metric.update(pixels, real=False)
    result = metric.compute()
    assert result["fid"] == pytest.approx(0.0, abs=1e-3)
    assert result["inception_score"] >= 1
