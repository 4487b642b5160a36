"""Steps of several batches: each supervised token counts alike."""

from __future__ import annotations

from types import SimpleNamespace

import torch

from lightning_modules.supervision import Supervision
from zoo.generators.base import GeneratorLoss


def make_loss(weight, inputs):
    values = (weight * inputs).square()
    return GeneratorLoss(
        loss=values.mean(),
        num_supervised=torch.tensor(len(inputs)),
        correct=torch.zeros(1),
        by_ratio=torch.zeros(10, 2),
    )


def test_the_gradient_is_that_of_the_mean_over_all_tokens():
    batches = [torch.rand(count, generator=torch.Generator().manual_seed(count)) for count in (3, 50, 7)]
    trainer = SimpleNamespace(accumulate_grad_batches=4, world_size=1)  # an epoch's last step may have fewer batches
    weight = torch.nn.Parameter(torch.tensor(0.7))
    supervision = Supervision()
    for _ in range(2):  # a second step knows nothing of the first
        weight.grad = None
        for batch in batches:
            (supervision.weighted(make_loss(weight, batch), trainer=trainer) / 4).backward()
        supervision.settle([weight], trainer=trainer)
    expected = torch.autograd.grad(make_loss(weight, torch.cat(batches)).loss, weight)[0]
    torch.testing.assert_close(weight.grad, expected)


def test_a_step_of_one_batch_is_left_to_the_bit():
    trainer = SimpleNamespace(accumulate_grad_batches=1, world_size=1)
    weight = torch.nn.Parameter(torch.tensor(0.7))
    supervision, loss = Supervision(), make_loss(weight, torch.rand(5))
    assert supervision.weighted(loss, trainer=trainer) is loss.loss
    loss.loss.backward()
    before = weight.grad.clone()
    supervision.settle([weight], trainer=trainer)
    assert torch.equal(weight.grad, before)
