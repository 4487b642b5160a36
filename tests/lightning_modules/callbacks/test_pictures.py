from __future__ import annotations

import pytest
from pytorch_lightning.loggers import TensorBoardLogger

from lightning_modules.callbacks.pictures import Pictures


def test_pictures_go_to_the_runs_folder_and_to_tensorboard(small, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logger = TensorBoardLogger(tmp_path, name="", version="run")
    trainer = small.make_trainer(
        tmp_path, callbacks=[Pictures(num_images=3)], logger=logger, max_epochs=2, num_sanity_val_steps=1
    )
    trainer.fit(small.make_module(), datamodule=small.SmallFaces())
    written = sorted(each.name for each in (tmp_path / "run" / "images").iterdir())
    assert written == ["step_0000012.png", "step_0000024.png"]
    events = EventAccumulator(str(tmp_path / "run"), size_guidance={"images": 0})
    events.Reload()
    # beside the figures of the same validation
    assert [event.step for event in events.Images("reconstructions")] == [
        event.step for event in events.Scalars("val/l1")
    ]


def test_every_other_validation(small, tmp_path):
    trainer = small.make_trainer(tmp_path, callbacks=[Pictures(every_n_validations=2)], max_epochs=3)
    trainer.fit(small.make_module(adversarial=None), datamodule=small.SmallFaces())
    written = sorted(each.name for each in (tmp_path / "images").iterdir())
    assert written == ["step_0000012.png", "step_0000036.png"]


@pytest.mark.parametrize("name", ["num_images", "every_n_validations"])
def test_bad_values_are_named(name):
    with pytest.raises(ValueError, match=f"{name} must be at least 1"):
        Pictures(**{name: 0})
