"""The committed recognisers know AUs on people that neither they nor anyone else was trained on."""

import pytest
import torch

import zoo
from zoo.bundles import find, metadata_of, verify
from zoo.faces import IDENTITY_RANGES, FaceRenderer, intensity_of, sample_faces
from zoo.facs import AUS
from zoo.metrics.occurrence_f1 import OccurrenceF1

NUM = 256


@pytest.fixture(scope="module")
def faces():
    seeds = torch.arange(NUM)
    parameters = sample_faces(seeds % 64 + IDENTITY_RANGES["test"].start, seeds + 11, seeds + 13)
    renderer = FaceRenderer(64)
    with torch.no_grad():
        images = torch.cat([renderer(parameters[torch.arange(i, i + 32)]).images for i in range(0, NUM, 32)])
    return images, intensity_of(parameters.activation.mean(1)) >= 2


@pytest.mark.parametrize("name", ["recognizer", "recognizer_independent"])
def test_macro_f1_on_held_out_people_is_at_least_80_percent(name, faces):
    images, occurrence = faces
    metric = OccurrenceF1(aus=AUS)
    with torch.no_grad():
        metric.update(zoo.load(f"models/{name}")(images).probability, occurrence, torch.ones_like(occurrence))
    assert metric.macro() >= 0.80


def test_the_judge_shares_no_person_with_training():
    trained_on = [
        metadata_of(f"models/{name}")["data"]["init_args"] for name in ("recognizer", "recognizer_independent")
    ]
    assert [each.get("train_on", "train") for each in trained_on] == ["train", "judges"]


@pytest.mark.parametrize("name", ["perceptual", "recognizer", "recognizer_independent"])
def test_committed_bundles_are_whole_small_and_say_how_they_were_made(name):
    bundle = find(f"models/{name}")
    verify(bundle)
    assert sum(file.stat().st_size for file in bundle.iterdir()) < 2.5e6
    assert metadata_of(bundle)["command"].startswith("python cli.py fit --config")
