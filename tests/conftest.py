"""Fixtures that every test may use."""

import pytest
import torch

pytest.register_assert_rewrite("tests.zoo.contract")


@pytest.fixture
def generator():
    """A seeded generator on the CPU; tests draw from it and never from the global one."""
    return torch.Generator().manual_seed(0)


@pytest.fixture(autouse=True)
def _one_thread():
    # small tensors on two cores: threads cost more than they give, and sums stay in one order
    torch.set_num_threads(1)
