"""What every image AU recogniser must do, found by the files of the family."""

from pathlib import Path

import pytest
import torch
from jsonargparse import ArgumentParser

from zoo.components import build, component_class, component_name, families, portable, specification
from zoo.recognizers.base import Recognizer

CONFIGS = Path(__file__).parents[3] / "configs" / "recognizers"
MEMBERS = families()["recognizers"]


def _from_yaml(member):
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(Recognizer, "recognizer")
    return parser.instantiate(parser.parse_args([f"--recognizer={CONFIGS / member}.yaml"])).recognizer


@pytest.fixture(params=MEMBERS)
def recognizer(request):
    return _from_yaml(request.param)


@pytest.fixture
def images(generator):
    return torch.rand(3, 3, 64, 64, generator=generator) * 2 - 1


@pytest.mark.parametrize("member", MEMBERS)
def test_file_and_class_share_their_name(member):
    cls = component_class(f"recognizers/{member}")
    assert cls.__name__.lower() == f"{member.replace('_', '')}recognizer"
    assert issubclass(cls, Recognizer)


@pytest.mark.parametrize("member", MEMBERS)
def test_it_is_rebuilt_from_plain_data(member, images):
    recognizer = _from_yaml(member).eval()
    spec = portable(specification(recognizer))
    assert spec["component"] == component_name(recognizer) == f"recognizers/{member}"
    twin = build(spec).eval()
    assert portable(specification(twin)) == spec
    twin.load_state_dict(recognizer.state_dict(), strict=True)
    with torch.no_grad():
        assert torch.equal(twin(images).probability, recognizer(images).probability)


def test_probabilities_are_probabilities_of_its_aus(recognizer, images):
    for mode in (True, False):
        recognition = recognizer.train(mode)(images)
        assert recognition.probability.shape == recognition.nodes.shape[:2] == (3, len(recognizer.aus))
        assert bool(((recognition.probability >= 0) & (recognition.probability <= 1)).all())


def test_the_gradient_reaches_every_parameter(recognizer, images):
    recognition = recognizer(images)
    (recognition.probability.square().sum() + recognition.nodes.sum()).backward()
    assert [name for name, parameter in recognizer.named_parameters() if parameter.grad is None] == []


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


def test_it_runs_under_bfloat16(recognizer, images):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        recognition = recognizer(images)
    recognition.probability.float().sum().backward()
    assert all(each.grad.isfinite().all() for each in recognizer.parameters())
