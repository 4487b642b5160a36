"""The committed model of stage II shows what it is asked for, on people that nothing was trained on."""

import pytest
import torch

import zoo
from zoo.bundles import find, metadata_of, verify
from zoo.codecs.base import Codec
from zoo.face_encoders.base import FaceEncoder
from zoo.faces import IDENTITY_RANGES, FaceRenderer, intensity_of, sample_faces
from zoo.facs import AUS
from zoo.facs.composer import Composer
from zoo.metrics.occurrence_f1 import OccurrenceF1
from zoo.metrics.verification import Verification
from zoo.pipelines.base import Pipeline
from zoo.sampling import Sampling

NUM = 48


@pytest.fixture(scope="module")
def faces():
    """Faces with AUs, their neutral references in the same view, and who they are, each person in three views."""
    seeds = torch.arange(NUM)
    parameters = sample_faces(seeds % 16 + IDENTITY_RANGES["test"].start, seeds + 11, seeds + 13)
    renderer = FaceRenderer(64)
    with torch.no_grad():
        images, references = renderer(parameters).images, renderer(parameters.neutral()).images
    occurrence = intensity_of(parameters.activation.mean(1)) >= 2
    return images, references, occurrence, [f"faces/{int(seed) % 16}" for seed in seeds]


def test_aus_are_seen_that_were_asked_for(faces):
    _, references, occurrence, _ = faces
    pipeline, judge = zoo.load("models/vq_auface"), zoo.load("models/recognizer_independent")
    prompts = Composer(style=pipeline.prompt_style).prompts(occurrence.numpy())
    made = pipeline.synthesize(references, prompts, occurrence=occurrence, sampling=Sampling(steps=4, temperature=0.5))

    def f1(images, asked):
        metric = OccurrenceF1(aus=AUS)
        with torch.no_grad():
            metric.update(judge(images).probability, asked, torch.ones_like(asked))
        return metric.macro()

    shown = f1(made.images, occurrence)
    assert shown > f1(references, occurrence) + 0.2, "copying the reference"
    assert shown > f1(made.images, occurrence.roll(NUM // 2 + 1, 0)) + 0.1, "descriptions of others"


def test_identity_holds_across_views(faces):
    images, _, _, subjects = faces
    metric = Verification()
    with torch.no_grad():
        metric.update(zoo.load("models/face_identity")(images)[:, 0], subjects)
    auc, _ = metric.compute()
    assert auc > 0.9


@pytest.mark.parametrize(
    ("name", "kind", "megabytes"),
    [
        ("vq_auface", Pipeline, 12),
        ("codec", Codec, 4),
        ("face_identity", FaceEncoder, 1),
        ("face_structure", FaceEncoder, 1),
    ],
)
def test_committed_bundles_are_whole_small_and_say_how_they_were_made(name, kind, megabytes):
    bundle = find(f"models/{name}")
    verify(bundle)
    assert isinstance(zoo.load(bundle), kind)
    assert sum(file.stat().st_size for file in bundle.iterdir()) < megabytes * 1e6
    assert metadata_of(bundle)["command"].startswith("python cli.py fit --config")
