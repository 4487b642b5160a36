"""What a bundle says it reached is measured again, or it is said why not."""

import itertools

import pytest
import torch

import cli
from datamodules.procedural_faces import ProceduralFacesDataModule
from lightning_modules.cli.verify_measures import Measuring
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

    @property
    def dataset(self):
        return self.subjects

    def __iter__(self):
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

    def val_dataloader(self):
        return self

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
        for batch in faces
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


@pytest.mark.parametrize(
    ("num_images", "said"), [(4, ("the first 4 of 6", "2 times as wide", "50%")), (9, ("all 6 samples", "within 1%"))]
)
def test_what_is_measured_and_what_counts_as_agreement_is_said(faces, num_images, said):
    lines = []
    findings(small_pipeline().codec, {"split": "test", "l1": 0.5}, num_images=num_images, tell=lines.append)
    assert all(each in " ".join(lines) for each in said)


def test_an_interval_of_few_faces_is_no_excuse_for_a_figure_far_away(faces):
    pipeline, sampling = small_pipeline(), vars(Sampling(steps=2))
    recorded = {"num_images": 6, "sampling": sampling, "l1_synthesised": 0.5, "l1_synthesised_interval": [0.0, 2.0]}
    (found, *_) = findings(pipeline, recorded, num_images=4)
    assert found.passed
    recorded |= {"l1_synthesised": 0.02, "l1_synthesised_interval": [0.019, 0.021]}
    (found, *_) = findings(pipeline, recorded, num_images=4)
    assert not found.passed


def test_faces_of_no_store_are_rendered_as_far_as_they_are_looked_at(tmp_path):
    arguments = {"image_size": 32, "num_test": 6, "test_identities": 2, "augment": False, "batch_size": 4}
    arguments |= {"num_train": 1, "num_validation": 1, "render_workers": 1, "root": str(tmp_path)}
    rendered, stored = (ProceduralFacesDataModule(**arguments) for _ in range(2))
    (found, rest) = Measuring(rendered, {}, {}, num_images=5).batches("test")
    assert not any(tmp_path.iterdir())
    assert len(rest["subject"]) == 1
    stored.dataset("test")
    (expected, _) = Measuring(stored, {}, {}).batches("test")
    assert found["subject"] == expected["subject"]
    for name in ("image", "reference", "truth", "occurrence", "intensity", "index"):
        assert torch.equal(found[name], expected[name])


def test_prompts_are_of_the_recorded_style_and_of_no_foreign_lexicon():
    def given(**arguments):
        prompts = {"class_path": "zoo.facs.composer.Composer", "init_args": {"style": "short", **arguments}}
        return {"class_path": PROCEDURAL, "init_args": {"num_train": 4, "prompts": prompts}}

    assert _data(given()).prompts.style == "short"
    with pytest.raises(ValueError, match="must be of the zoo's own lexicon, got '/etc/passwd'"):
        _data(given(lexicon="/etc/passwd"))


@pytest.mark.parametrize("options", [["--num-images", "4"], ["--num-images", "-1", "--metrics"]])
def test_a_number_of_samples_without_a_measure_is_refused(options, tmp_path, capsys):
    assert cli.main(["verify", str(small_bundle(tmp_path / "codec")), *options]) == 2
    assert "num_images must be at least 0 and beside --metrics" in capsys.readouterr().err
