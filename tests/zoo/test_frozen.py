"""A network that is only looked through."""

import copy

import torch
from torch import nn

from zoo.frozen import Frozen

CPU = torch.device("cpu")


def test_it_is_built_once_when_first_needed_and_shared_by_copies():
    built = []
    frozen = Frozen(lambda: built.append(1) or nn.Linear(2, 2))
    assert not frozen.is_built
    assert frozen.on(CPU) is frozen.on(CPU)
    assert copy.deepcopy(frozen).on(CPU) is frozen.on(CPU)
    assert len(built) == 1


def test_gradients_flow_to_the_input_and_to_nothing_else():
    network = Frozen(lambda: nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.9))).on(CPU)
    images = torch.ones(1, 2, requires_grad=True)
    network(images).sum().backward()
    assert images.grad is not None
    assert not network.training
    assert all(parameter.grad is None for parameter in network.parameters())


def test_a_network_first_needed_in_inference_mode_can_be_trained_through():
    frozen = Frozen(lambda: nn.Linear(2, 2))
    with torch.inference_mode():
        frozen.on(CPU)(torch.ones(1, 2))
    images = torch.ones(1, 2, requires_grad=True)
    frozen.on(CPU)(images).sum().backward()
    assert images.grad is not None


def test_building_it_draws_no_global_numbers():
    before = torch.get_rng_state()
    Frozen(lambda: nn.Linear(3, 3)).on(torch.device("cpu"))
    assert torch.equal(torch.get_rng_state(), before)
