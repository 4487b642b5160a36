"""What every loss must do, found by the files of the family; networks behind losses are replaced by small ones."""

import pytest
import torch
from torch import nn

from tests.zoo.contract import ComponentContract, from_config
from zoo.backbones.base import Backbone
from zoo.components import component_class, families
from zoo.losses.base import ImageLoss
from zoo.recognizers.base import Recognizer

MEMBERS = families()["losses"]
IMAGE_MEMBERS = [member for member in MEMBERS if issubclass(component_class(f"losses/{member}"), ImageLoss)]
# their networks take seconds to make; they have tests of their own
QUICK = [member for member in IMAGE_MEMBERS if member not in {"vgg16_perceptual", "lpips_perceptual"}]


class _Recognizer(Recognizer):
    aus = (1, 2)

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 6, 3, stride=2), nn.ReLU(), nn.Dropout(0.5))

    def forward(self, images):
        raise NotImplementedError

    def features(self, images):
        return self.layers(images).mean((2, 3)).unflatten(1, (2, 3))


class _Backbone(Backbone):
    channels = (4, 8)

    def __init__(self):
        super().__init__()
        self.fine, self.coarse = nn.Conv2d(3, 4, 3, stride=2), nn.Conv2d(4, 8, 3, stride=2)

    def forward(self, images):
        fine = self.fine(images).relu()
        return fine, self.coarse(fine).relu()


@pytest.fixture(autouse=True)
def loaded(monkeypatch):
    """Stand in for trained weights; the list says what was asked for."""
    asked = []

    def load(path, **_options):
        asked.append(str(path))
        torch.manual_seed(0)  # trained weights are the same each time
        return _Recognizer() if "recognizer" in str(path) else _Backbone()

    monkeypatch.setattr("zoo.bundles.load", load)
    return asked


class TestLosses(ComponentContract):
    family = "losses"
    too_large = ("vgg16_perceptual", "lpips_perceptual")

    def outcome(self, loss, generator):
        name = loss.__class__.__name__
        occurrence = torch.rand(3, 12, generator=generator) < 0.5
        if isinstance(loss, ImageLoss):
            first, second = torch.rand(2, 2, 3, 32, 32, generator=generator) * 2 - 1
            return loss(first.requires_grad_(), second)
        if name == "AdversarialLoss":
            real, fake = torch.randn(2, 2, 1, 4, 4, generator=generator)
            return loss(fake), loss.discriminator_loss(real, fake)
        if name == "WeightedAsymmetricLoss":
            return loss(torch.rand(3, 12, generator=generator), occurrence, occurrence | True)
        if name == "PairCrossEntropyLoss":
            return loss(torch.randn(3, 144, 4, generator=generator), occurrence, occurrence | True)
        pytest.fail(f"say here how {name} is called")

    def test_its_weight_is_its_own_business(self, member):
        assert isinstance(self.make(member).weight, float)


@pytest.fixture
def pair(generator):
    images = torch.rand(2, 3, 32, 32, generator=generator) * 2 - 1
    return (images + 0.2 * torch.randn(images.shape, generator=generator)), images


@pytest.mark.parametrize("member", QUICK)
def test_a_perfect_reconstruction_costs_nothing(member, pair):
    loss, (_, images) = from_config(f"losses/{member}"), pair
    assert float(loss(images.clone(), images)) == 0.0


@pytest.mark.parametrize("member", QUICK)
def test_a_worse_reconstruction_costs_more(member, pair):
    loss, (worse, images) = from_config(f"losses/{member}"), pair
    better = images + 0.2 * (worse - images)
    assert 0 < float(loss(better, images)) < float(loss(worse, images))


@pytest.mark.parametrize("member", QUICK)
def test_the_gradient_flows_to_the_reconstruction_only(member, pair):
    loss, (reconstructions, images) = from_config(f"losses/{member}"), pair
    reconstructions.requires_grad_(True)
    images.requires_grad_(True)
    loss(reconstructions, images).backward()
    assert reconstructions.grad.any()
    assert images.grad is None


@pytest.mark.parametrize("member", QUICK)
def test_it_is_a_mean_over_the_batch(member, pair):
    loss, (reconstructions, images) = from_config(f"losses/{member}"), pair
    with torch.no_grad():
        alone = [loss(reconstructions[i : i + 1], images[i : i + 1]) for i in range(2)]
        torch.testing.assert_close(loss(reconstructions, images), torch.stack(alone).mean())


@pytest.mark.parametrize("member", QUICK)
def test_it_runs_under_bfloat16_and_gives_float32(member, pair):
    loss, (reconstructions, images) = from_config(f"losses/{member}"), pair
    reconstructions.requires_grad_(True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(reconstructions, images)
    assert value.dtype == torch.float32
    value.backward()
    assert reconstructions.grad.isfinite().all()


@pytest.mark.parametrize("member", IMAGE_MEMBERS)
def test_frozen_networks_are_neither_saved_nor_trained(member, pair):
    loss = from_config(f"losses/{member}")
    if member in QUICK:
        loss(*pair)
    loss.train()
    assert not loss.state_dict()
    assert not list(loss.parameters())


@pytest.mark.parametrize("member", ["anatomical", "feature_perceptual"])
def test_a_network_is_loaded_at_the_first_call_and_once(member, pair, loaded):
    loss = from_config(f"losses/{member}")
    assert not loaded
    loss(*pair)
    loss(*pair)
    assert len(loaded) == 1
