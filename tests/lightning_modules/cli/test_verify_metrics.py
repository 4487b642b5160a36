"""What a bundle says it reached is measured again, or it is said why not."""

import itertools

import pytest
import torch

import cli
from lightning_modules.cli.verify_metrics import _data, metric_findings
from tests.zoo.bundle_attacks import small_bundle
from tests.zoo.test_pipeline_graphs import small_pipeline
from zoo.components import component_class
from zoo.sampling import Sampling

SIDE = 32
PROCEDURAL = "datamodules.procedural_faces.ProceduralFacesDataModule"


class Faces:
    """Data of six made-up faces of three people, two in a batch; stands for a data module."""

    def __init__(self):
        self.images = torch.rand(6, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)) * 2 - 1
        self.subjects = ["a", "b", "c", "a", "b", "a"]

    def val_dataloader(self):
        for start in range(0, 6, 2):
            rows = slice(start, start + 2)
            occurrence = torch.zeros(2, 12, dtype=torch.bool)
            yield {
                "image": self.images[rows],
                "reference": self.images[rows].flip(3),
                "occurrence": occurrence,
                "known": ~occurrence,
                "intensity": torch.zeros(2, 12),
                "prompt": ["The lip corners are pulled up."] * 2,
                "subject": self.subjects[rows],
                "index": torch.arange(start, start + 2),
            }

    test_dataloader = val_dataloader


@pytest.fixture
def faces(monkeypatch):
    data = Faces()
    monkeypatch.setattr("lightning_modules.cli.verify_metrics._data", lambda _: data)
    return data


def compact(name, **arguments):
    backbone = component_class("backbones/compact")(widths=[8, 8], num_blocks=[1, 1])
    return component_class(name)(backbone=backbone, dim=8, **arguments).eval()


def findings(component, metrics, **arguments):
    return list(metric_findings(component, {"metrics": metrics, "judges": {}}, **arguments))


def auc_of(vectors, subjects):
    """The share of pairs of pairs in which the one of the same person is more alike."""
    cosines = torch.nn.functional.cosine_similarity(vectors[:, None], vectors[None], dim=-1)
    same, others = [], []
    for first, second in itertools.combinations(range(len(subjects)), 2):
        (same if subjects[first] == subjects[second] else others).append(float(cosines[first, second]))
    won = [(one > other) + 0.5 * (one == other) for one in same for other in others]
    return sum(won) / len(won)


def test_an_encoder_of_identity_tells_people_apart_as_recorded(faces):
    encoder = compact("face_encoders/compact_appearance", grid=2)
    with torch.no_grad():
        expected = auc_of(encoder(faces.images).mean(1), faces.subjects)
    for recorded, passed in ((expected, True), (expected - 0.1, False)):
        (found,) = findings(encoder, {"val/auc": recorded, "step": 7})
        assert found.passed == passed
        assert f"measured {expected:.4g}" in found.text


def test_what_needs_other_networks_is_named_with_the_reason(faces):
    encoder = compact("face_encoders/compact_structure")
    (found,) = findings(encoder, {"val/retrieval": 0.6, "val/retrieval_by_chance": 0.04, "split": "val"})
    assert found.passed
    assert found.text.startswith("not measured again: val/retrieval and 1 more: ")
    assert "no part of the bundle" in found.text


def test_a_pipeline_synthesises_the_recorded_faces_again(faces):
    pipeline = small_pipeline()
    sampling = Sampling(steps=2)
    made = [
        pipeline.synthesize(batch["reference"], batch["prompt"], seeds=batch["index"], sampling=sampling).images
        for batch in faces.val_dataloader()
    ]
    expected = float((torch.cat(made) - faces.images).abs().mean())
    recorded = {"split": "validation", "num_images": 6, "sampling": vars(sampling), "au_f1_synthesised": 0.5}
    for value, passed in ((expected, True), (expected * 1.5, False)):
        found = {each.text.split(":")[0]: each for each in findings(pipeline, {**recorded, "l1_synthesised": value})}
        assert found["l1_synthesised"].passed == passed
        assert "judge" in found["not measured again"].text
    (found, _) = findings(
        pipeline, {**recorded, "l1_synthesised": expected * 1.5, "l1_synthesised_interval": [0.0, 2.0]}
    )
    assert found.passed


@pytest.mark.parametrize(("num_images", "factor", "passed"), [(4, 1.5, True), (None, 1.5, False), (4, 4.0, False)])
def test_fewer_faces_are_compared_less_strictly(faces, num_images, factor, passed):
    codec = small_pipeline().codec
    images = faces.images[:num_images]
    expected = float((codec.detokenize(codec.tokenize(images)) - images).abs().mean())
    (found,) = findings(codec, {"split": "test", "l1": expected * factor}, num_images=num_images)
    assert f"measured {expected:.4g}" in found.text
    assert found.passed == passed


def test_prompts_are_of_the_recorded_style_and_of_no_foreign_lexicon():
    def given(**arguments):
        prompts = {"class_path": "zoo.facs.composer.Composer", "init_args": {"style": "short", **arguments}}
        return {"class_path": PROCEDURAL, "init_args": {"num_train": 4, "prompts": prompts}}

    assert _data(given()).prompts.style == "short"
    with pytest.raises(ValueError, match="must be of the zoo's own lexicon, got '/etc/passwd'"):
        _data(given(lexicon="/etc/passwd"))


@pytest.mark.parametrize("options", [["--num-images", "4"], ["--num-images", "0", "--metrics"]])
def test_a_number_of_samples_without_a_measure_is_refused(options, tmp_path, capsys):
    assert cli.main(["verify", str(small_bundle(tmp_path / "codec")), *options]) == 2
    assert "num_images must be at least 1 and beside --metrics" in capsys.readouterr().err
