"""What every image AU recogniser must do, found by the files of the family."""

import pytest
import torch

from tests.zoo.contract import ComponentContract, from_config
from zoo.components import families


class TestRecognizers(ComponentContract):
    family = "recognizers"

    def outcome(self, recognizer, generator):
        return recognizer(torch.rand(3, 3, 64, 64, generator=generator) * 2 - 1)


@pytest.fixture(params=families()["recognizers"])
def recognizer(request):
    return from_config(f"recognizers/{request.param}")


@pytest.fixture
def images(generator):
    return torch.rand(3, 3, 64, 64, generator=generator) * 2 - 1


def test_probabilities_are_probabilities_of_its_aus(recognizer, images):
    for mode in (True, False):
        recognition = recognizer.train(mode)(images)
        assert recognition.probability.shape == recognition.nodes.shape[:2] == (3, len(recognizer.aus))
        assert bool(((recognition.probability >= 0) & (recognition.probability <= 1)).all())


def test_in_eval_a_result_does_not_depend_on_its_batch(recognizer, images):
    recognizer.eval()
    with torch.no_grad():
        together = recognizer(images).probability
        alone = torch.cat([recognizer(image[None]).probability for image in images])
    torch.testing.assert_close(alone, together)


def test_frozen_features_pass_gradients_to_the_images(recognizer, images):
    recognizer.eval().requires_grad_(False)
    images.requires_grad_(True)
    recognizer.features(images).square().mean().backward()
    assert bool((images.grad.flatten(1).abs().sum(1) > 0).all())


def test_images_of_another_size_are_taken(recognizer, generator):
    recognizer.eval()
    with torch.no_grad():
        assert recognizer(torch.rand(1, 3, 96, 96, generator=generator)).probability.isfinite().all()
