from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from lightning_modules.optimizers import Adam, AdamW
from zoo.components import specification


def test_norms_and_biases_are_not_decayed():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4))
    optimizer = AdamW(weight_decay=0.1, schedule="constant")(model.parameters())["optimizer"]
    decay = {id(each): group["weight_decay"] for group in optimizer.param_groups for each in group["params"]}
    assert {name: decay[id(each)] for name, each in model.named_parameters()} == {
        "0.weight": 0.1,
        "0.bias": 0.0,
        "1.weight": 0.0,
        "1.bias": 0.0,
    }


def test_warm_up_rises_to_the_learning_rate_and_the_cosine_ends_at_its_final_ratio():
    ratio = AdamW(warmup_steps=4, final_ratio=0.1).ratio(104)
    assert [ratio(step) for step in range(4)] == [0.25, 0.5, 0.75, 1.0]
    assert ratio(54) == pytest.approx(0.55)
    assert ratio(104) == pytest.approx(0.1)
    assert ratio(1000) == pytest.approx(0.1)


def test_the_schedule_drives_the_optimizer():
    configured = Adam(0.1, warmup_steps=2)([nn.Parameter(torch.zeros(2, 2))], total_steps=10)
    optimizer, scheduler = configured["optimizer"], configured["lr_scheduler"]["scheduler"]
    rates = []
    for _ in range(3):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert rates == pytest.approx([0.05, 0.1, 0.1])


def test_default_adam_is_the_papers():
    adam = Adam()
    assert (adam.learning_rate, adam.schedule, adam.warmup_steps) == (3e-4, "constant", 0)


def test_a_recipe_is_plain_data():
    assert specification(Adam(betas=(0.5, 0.9))) == {
        "class_path": "lightning_modules.optimizers.Adam",
        "init_args": {
            "learning_rate": 3e-4,
            "betas": [0.5, 0.9],
            "weight_decay": 0.0,
            "warmup_steps": 0,
            "schedule": "constant",
            "final_ratio": 0.0,
        },
    }


@pytest.mark.parametrize(
    ("arguments", "constraint"),
    [
        ({"learning_rate": 0.0}, "learning_rate must be above 0"),
        ({"betas": (0.9, 1.0)}, "betas must be two"),
        ({"final_ratio": 2.0}, "final_ratio must be in"),
        ({"schedule": "linear"}, "schedule must be"),
        ({"warmup_steps": -1}, "warmup_steps must be at least 0"),
        ({"weight_decay": -1.0}, "weight_decay must be at least 0"),
    ],
)
def test_bad_values_are_named(arguments, constraint):
    with pytest.raises(ValueError, match=constraint):
        Adam(**arguments)


def test_a_cosine_without_an_end_is_refused():
    with pytest.raises(ValueError, match="needs a run with an end"):
        AdamW()([nn.Parameter(torch.zeros(2, 2))], total_steps=math.inf)


def test_nothing_to_train_is_refused():
    with pytest.raises(ValueError, match="something to train"):
        Adam()([nn.Parameter(torch.zeros(2), requires_grad=False)])
