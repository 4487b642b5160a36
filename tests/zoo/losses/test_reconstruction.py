"""Equation 1."""

import numpy as np
import pytest
import torch

from zoo.losses.reconstruction import ReconstructionLoss


@pytest.mark.parametrize(("power", "formula"), [(1, lambda x: np.abs(x).mean()), (2, lambda x: (x**2).mean())])
def test_it_is_the_mean_of_the_differences_to_the_power(power, formula, generator):
    x, y = torch.rand(2, 2, 3, 8, 8, generator=generator)
    expected = formula(x.numpy().astype(np.float64) - y.numpy())
    assert float(ReconstructionLoss(power=power)(x, y)) == pytest.approx(expected, rel=1e-5)


def test_the_paper_has_the_absolute_difference():
    assert ReconstructionLoss().power == 1


def test_another_power_is_refused():
    with pytest.raises(Exception, match="power"):
        ReconstructionLoss(power=3)
