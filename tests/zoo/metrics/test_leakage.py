"""The leakage matrix, where it is known."""

import pytest
import torch

from zoo.metrics.leakage import diagonal_dominance, leakage_matrix, unexplained_leakage


def test_the_matrix_that_made_the_responses_is_found(generator):
    true = torch.randn(4, 5, generator=generator).double()
    commands = torch.rand(60, 4, generator=generator).double() * 5
    torch.testing.assert_close(leakage_matrix(commands, commands @ true + 0.7), true)


def test_single_sweeps_give_the_slopes_of_each():
    sweeps = torch.zeros(3, 6, 3)
    for au in range(3):
        sweeps[au, :, au] = torch.arange(6.0)
    commands = sweeps.flatten(0, 1)
    responses = torch.stack([commands[:, 0], 0.5 * commands[:, 0] + commands[:, 1], -0.2 * commands[:, 2]], 1)
    expected = torch.tensor([[1.0, 0.5, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, -0.2]]).double()
    torch.testing.assert_close(leakage_matrix(commands, responses), expected, rtol=0, atol=1e-9)


def test_what_commands_do_not_tell_apart_is_nan():
    commands = torch.tensor([[0.0, 1.0], [1.0, 1.0], [2.0, 1.0]])
    found = leakage_matrix(commands, commands)
    assert found[0].tolist() == pytest.approx([1.0, 0.0], abs=1e-9)
    assert found[1].isnan().all()  # it never varies
    together = torch.tensor([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]])
    assert leakage_matrix(together, together).isnan().all()


def test_dominance_and_what_anatomy_explains():
    leakage = torch.tensor([[3.0, -1.0], [0.0, 2.0]])
    assert float(diagonal_dominance(leakage)) == pytest.approx((0.75 + 1.0) / 2)
    assert float(unexplained_leakage(leakage, torch.zeros(2, 2, dtype=torch.bool))) == pytest.approx(1 / 6)
    assert float(unexplained_leakage(leakage, torch.ones(2, 2, dtype=torch.bool))) == 0.0
    assert float(diagonal_dominance(torch.full((12, 12), 0.3))) == pytest.approx(1 / 12)
