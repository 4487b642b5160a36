"""Losses crossed one by one give the gradients of their sum."""

import pytest
import torch
from torch import nn

from zoo.layers.gradient_sum import gradient_at, loss_gradient, sum_gradients


@pytest.fixture
def codec(generator):
    codec = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Tanh(), nn.Conv2d(4, 3, 3, padding=1)).double()
    for parameter in codec.parameters():
        nn.init.normal_(parameter, generator=generator)
    return codec


@pytest.fixture
def judge(generator):
    judge = nn.Conv2d(3, 1, 4, stride=2).double()
    for parameter in judge.parameters():
        nn.init.normal_(parameter, generator=generator)
    return judge


def _losses(images, judge):
    return [
        lambda x: (x - images).abs().mean(),
        lambda x: 0.3 * (judge(x).tanh() - judge(images).tanh().detach()).square().mean(),
        lambda x: -0.1 * judge(x).mean(),
    ]


def test_the_codec_gets_the_gradient_of_the_summed_losses(codec, judge, generator):
    images = torch.rand(2, 3, 8, 8, generator=generator, dtype=torch.double)
    losses = _losses(images, judge)
    output = codec(images)
    sum(loss(output) for loss in losses).backward()
    expected = [parameter.grad.clone() for parameter in codec.parameters()]
    codec.zero_grad()
    output = codec(images)
    values, gradient = sum_gradients(output, losses)
    output.backward(gradient)
    for parameter, wanted in zip(codec.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, wanted, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(values, [loss(output).detach() for loss in losses])


def test_networks_that_losses_pass_through_get_no_gradient(codec, judge, generator):
    images = torch.rand(2, 3, 8, 8, generator=generator, dtype=torch.double)
    values, gradient = sum_gradients(codec(images), _losses(images, judge))
    assert all(parameter.grad is None for parameter in [*judge.parameters(), *codec.parameters()])
    assert not gradient.requires_grad
    assert not any(value.requires_grad for value in values)


def test_scale_multiplies_the_gradient_alone(generator):
    images = torch.rand(1, 3, 4, 4, generator=generator)
    value, gradient = loss_gradient(images, lambda x: x.square().mean())
    scaled_value, scaled_gradient = loss_gradient(images, lambda x: x.square().mean(), scale=1024.0)
    assert scaled_value == value
    torch.testing.assert_close(scaled_gradient, 1024.0 * gradient)


def test_works_where_gradients_are_off(generator):
    images = torch.rand(1, 3, 4, 4, generator=generator)
    with torch.no_grad():
        _, gradient = loss_gradient(images, lambda x: x.sum())
    assert torch.equal(gradient, torch.ones_like(images))


def test_no_losses_give_no_gradient(generator):
    values, gradient = sum_gradients(torch.rand(1, 3, 4, 4, generator=generator), [])
    assert values == []
    assert not gradient.any()


def test_gradient_at_a_weight_is_what_backward_gives_it_and_keeps_the_graph(codec, generator):
    images = torch.rand(2, 3, 8, 8, generator=generator, dtype=torch.double)
    output = codec(images)
    _, gradient = loss_gradient(output, lambda x: x.square().mean())
    found = gradient_at(codec[2].weight, output, gradient)
    output.backward(gradient)
    torch.testing.assert_close(found, codec[2].weight.grad)
