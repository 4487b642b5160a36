"""Intensities read from probabilities: by other people's faces, against plain figures."""

from __future__ import annotations

import pytest
import torch

from lightning_modules.evaluation.figures import Measured, value_of
from lightning_modules.evaluation.intensities import Intensities, asked_intensity, missing
from zoo.metrics.intensity_agreement import icc_3_1, intensity_mae
from zoo.metrics.intensity_calibration import IntensityCalibration

PEOPLE = [f"p{place % 10}" for place in range(80)]


@pytest.fixture
def asked(generator):
    present = torch.rand(80, 3, generator=generator) < 0.5
    return torch.where(present, torch.randint(2, 6, (80, 3), generator=generator), 0).float()


def probability_of(intensity, generator, *, noise):
    return torch.sigmoid(intensity - 2 + noise * torch.randn(intensity.shape, generator=generator))


def figures(contributions):
    row = Measured("a", [contributions])
    return tuple(value_of(row, name, PEOPLE)["value"] for name in ("intensity_icc", "intensity_mae"))


def test_figures_are_those_of_curves_made_on_the_other_half_of_the_people(asked, generator):
    true, made = (probability_of(asked, generator, noise=noise) for noise in (0.3, 0.8))
    half = torch.tensor([int(name[1:]) % 2 == 0 for name in PEOPLE])
    measured = torch.empty_like(asked)
    for rows in (half, ~half):
        measured[rows] = IntensityCalibration.fit(true[~rows], asked[~rows])(made[rows])
    found = figures(Intensities(true, asked=asked, subjects=PEOPLE).contributions(made))
    expected = (float(icc_3_1(measured, asked).mean()), float(intensity_mae(measured, asked).mean()))
    assert found == pytest.approx(expected)


def test_true_faces_agree_best_and_the_more_are_wrong_the_less(asked, generator):
    true = probability_of(asked, generator, noise=0.3)
    intensities = Intensities(true, asked=asked, subjects=PEOPLE)
    path = []
    for wrong in (0, 20, 40, 60, 80):
        shown = true.clone()
        shown[:wrong] = true.roll(7, 0)[:wrong]
        path.append(figures(intensities.contributions(shown)))
    icc, mae = zip(*path, strict=True)
    assert icc == tuple(sorted(icc, reverse=True))
    assert mae == tuple(sorted(mae))
    assert icc[0] > 0.9
    assert abs(icc[-1]) < 0.3


def test_presence_alone_is_between_the_truth_and_nothing(asked, generator):
    intensities = Intensities(probability_of(asked, generator, noise=0.1), asked=asked, subjects=PEOPLE)
    icc, mae = figures(intensities.presence_alone())
    assert 0.7 < icc < 0.99
    assert 0.2 < mae < 0.8
    nothing = figures(intensities.contributions(torch.zeros_like(asked)))
    assert nothing[0] == pytest.approx(0, abs=0.2)
    assert nothing[1] > mae


def test_what_is_not_known_counts_nowhere(asked, generator):
    asked[::3, 0] = torch.nan
    asked[:, 2] = torch.nan
    true = probability_of(asked.nan_to_num(), generator, noise=0.3)
    sums = Intensities(true, asked=asked, subjects=PEOPLE).contributions(true)["intensity_icc"].sum(0)
    assert sums[:, 0].tolist() == [53, 80, 0]


def test_absent_aus_have_intensity_0_and_unknown_ones_none():
    occurrence, known = torch.tensor([[True, False, True, False]]), torch.tensor([[True, True, True, False]])
    found = asked_intensity(occurrence, known=known, intensity=torch.tensor([[4.0, 1.0, torch.nan, 2.0]]))
    assert found[0, :2].tolist() == [4.0, 0.0]
    assert found[0, 2:].isnan().all()


def test_why_there_is_nothing_to_measure(asked):
    assert missing(asked, has_truth=True, subjects=PEOPLE) is None
    assert missing(asked, has_truth=False, subjects=PEOPLE) == "there are no true images"
    assert missing(asked * torch.nan, has_truth=True, subjects=PEOPLE) == "the data knows none"
    assert missing(asked, has_truth=True, subjects=["p0"] * 80) == "there is one person alone"
