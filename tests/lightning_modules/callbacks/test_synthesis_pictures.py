"""What one sees of stage II while it trains: pictures and figures of the same faces, with the averaged weights."""

from __future__ import annotations

import pytest
import torch
from PIL import Image
from pytorch_lightning.loggers import TensorBoardLogger

from lightning_modules.callbacks.ema import EMA
from lightning_modules.callbacks.synthesis_pictures import CONFLICTING, SynthesisPictures
from lightning_modules.callbacks.synthesis_samples import SynthesisSamples
from zoo.bundles import WeightsNotFoundError
from zoo.facs import ACTION_UNITS, COMBINATIONS
from zoo.facs.labels import LabelError
from zoo.pipelines.au_face import AUFacePipeline

pytestmark = pytest.mark.filterwarnings("ignore:Found .* in eval mode at the start of training")  # what is frozen


@pytest.fixture
def calls(monkeypatch):
    """Remember what is synthesised, and by which weights."""
    seen = []
    synthesize = AUFacePipeline.synthesize

    def remembering(self, references, prompts, **options):
        made = synthesize(self, references, prompts, **options)
        weights = [each.detach().clone() for each in self.parameters()]
        seen.append(
            {"references": references, "prompts": prompts, "weights": weights, "images": made.images, **options}
        )
        return made

    monkeypatch.setattr(AUFacePipeline, "synthesize", remembering)
    return seen


def fit(small, stage2, folder, *callbacks, **options):
    module = stage2.make_module()
    trainer = small.make_trainer(folder, callbacks=callbacks, **{"num_sanity_val_steps": 1, **options})
    trainer.fit(module, datamodule=stage2.People())
    return module, trainer


def test_pictures_show_the_same_references_under_the_averaged_weights(small, stage2, tmp_path, calls):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    pictures = SynthesisPictures(num_references=3, aus=["12", "12+15", ""], every_n_validations=2, steps=2)
    logger = TensorBoardLogger(tmp_path, name="", version="run")
    module, _ = fit(small, stage2, tmp_path, EMA(0.9), pictures, logger=logger, max_epochs=3)
    written = sorted((tmp_path / "run" / "images").iterdir())
    assert [each.name for each in written] == ["step_0000002.png", "step_0000006.png"]
    with Image.open(written[0]) as sheet:
        assert sheet.width > 4 * 64  # the reference and three sets, enlarged
        assert sheet.height > 3 * 64
    assert len(calls) == 2 * 3
    for first, last in zip(calls[:3], calls[3:], strict=True):
        assert torch.equal(first["references"], last["references"])
        assert first["prompts"] == last["prompts"]
        assert first["occurrence"].sum(1).tolist() == [1, 2, 0]
    people = {each["references"][0].numpy().tobytes() for each in calls}
    assert len(people) == 3
    # training leaves the average in the module, and the last picture was drawn with it
    assert all(torch.equal(*pair) for pair in zip(calls[-1]["weights"], module.pipeline.parameters(), strict=True))
    assert not torch.equal(calls[0]["images"], calls[3]["images"])
    events = EventAccumulator(str(tmp_path / "run"), size_guidance={"images": 0})
    events.Reload()
    steps = [event.step for event in events.Scalars("val/loss")]
    assert [event.step for event in events.Images("synthesis")] == [steps[0], steps[2]]


def test_samples_are_the_same_faces_in_every_validation(small, stage2, tmp_path, calls):
    samples = SynthesisSamples(recognizer=stage2.recognizer, identity=stage2.identity, num_images=5, steps=2)
    _, trainer = fit(small, stage2, tmp_path, EMA(0.9), samples, max_epochs=2)
    first, last = calls
    assert torch.equal(first["seeds"], last["seeds"])
    assert len(first["seeds"]) == len(set(first["seeds"].tolist())) == 5
    assert first["seeds"].min() < 8 <= first["seeds"].max()  # from both batches
    truth = stage2.People().dataset("validation").pictures[2][last["seeds"]]
    logged = trainer.callback_metrics
    assert float(logged["val_samples/l1"]) == pytest.approx(float((last["images"] - truth).abs().mean()), abs=1e-4)
    assert {"val_samples/au_f1", "val_samples/au_change_f1", "val_samples/identity"} <= set(logged)


def test_samples_of_every_other_validation_and_of_validate(small, stage2, tmp_path, calls):
    samples = SynthesisSamples(recognizer=None, identity=None, num_images=3, every_n_validations=2, steps=2)
    module, trainer = fit(small, stage2, tmp_path, samples, max_epochs=2)
    assert len(calls) == 1
    trainer.validate(module, datamodule=stage2.People(), verbose=False)
    assert len(calls) == 2
    assert torch.equal(calls[0]["seeds"], calls[1]["seeds"])
    assert "val_samples/au_f1" not in trainer.callback_metrics


def test_looking_changes_nothing_that_is_learnt(small, stage2, tmp_path):
    torch.manual_seed(3)
    plain, _ = fit(small, stage2, tmp_path / "plain")
    torch.manual_seed(3)
    pictures = SynthesisPictures(num_references=1, aus=["12"], steps=2)
    samples = SynthesisSamples(recognizer=stage2.recognizer, identity=stage2.identity, num_images=3, steps=2)
    watched, _ = fit(small, stage2, tmp_path / "watched", pictures, samples)
    assert small.digest(plain.parameters()) == small.digest(watched.parameters())


def test_conflicting_columns_are_of_the_papers_combinations():
    antagonists = {unit.number: unit.antagonists for unit in ACTION_UNITS}
    assert len(CONFLICTING) >= 4
    for name in CONFLICTING:
        aus = tuple(map(int, name.split("+")))
        assert aus in COMBINATIONS
        assert any(other in antagonists[au] for au in aus for other in aus)
    shown = [tuple(label.number for label in labels) for labels in SynthesisPictures().labels]
    assert shown[:12] == [(unit.number,) for unit in ACTION_UNITS]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SynthesisPictures(num_references=0), "num_references must be at least 1"),
        (lambda: SynthesisPictures(every_n_validations=0), "every_n_validations must be at least 1"),
        (lambda: SynthesisPictures(aus=[]), "at least one set"),
        (lambda: SynthesisSamples(num_images=0), "num_images must be at least 1"),
        (lambda: SynthesisSamples(every_n_validations=0), "every_n_validations must be at least 1"),
    ],
)
def test_bad_values_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_what_is_no_au_and_what_is_not_there_is_told_before_training():
    with pytest.raises(LabelError, match="99"):
        SynthesisPictures(aus=["12+99"])
    with pytest.raises(WeightsNotFoundError, match=r"SynthesisSamples: identity must be .* 'models/nobody'"):
        SynthesisSamples(recognizer=None, identity="models/nobody").check()
