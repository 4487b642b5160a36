"""Options of the trainer that depend on what is trained."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from lightning_modules.cli.errors import UserError
from lightning_modules.cli.trainer_options import accelerator_for, strategy_for
from lightning_modules.manual_training import ManualTrainingModule

BEARS_IDLE = "ddp_find_unused_parameters_true"
TWO = {"strategy": "auto", "devices": 2, "num_nodes": 1, "accelerator": "cpu"}


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (SimpleNamespace(automatic_optimization=True), "ddp"),
        (SimpleNamespace(automatic_optimization=True, has_idle_parameters=True), BEARS_IDLE),
        (SimpleNamespace(automatic_optimization=False), BEARS_IDLE),
        (ManualTrainingModule(), "ddp"),  # averages by itself
    ],
)
def test_ddp_is_told_of_parameters_that_no_step_reaches(model, expected):
    assert strategy_for(model, {**TWO, "strategy": "ddp"}) == expected
    assert strategy_for(model, TWO) == (BEARS_IDLE if expected == BEARS_IDLE else "auto")
    assert strategy_for(model, {**TWO, "devices": 1}) == "auto"


def test_a_mac_trains_on_its_cpu(monkeypatch):
    for chosen in ("auto", "cpu", "gpu"):
        assert accelerator_for({"accelerator": chosen}) == chosen
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert accelerator_for({"accelerator": "auto"}) == "cpu"
    for chosen in ("gpu", "mps"):
        with pytest.raises(UserError, match="float64"):
            accelerator_for({"accelerator": chosen})
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert accelerator_for({"accelerator": "auto"}) == "auto"
